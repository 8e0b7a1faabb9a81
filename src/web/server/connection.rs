//! One connection: requests are parsed and answered in order.
//!
//! | it waits for | how long | then |
//! | --- | --- | --- |
//! | its first head, or the rest of one | `head_timeout` in all | 408, or nothing if no byte had come |
//! | another request | `idle_timeout` | close |
//! | the rest of a body | `body_timeout` in all | 408 |
//! | space to write | `write_timeout` each time | close |
//! | its handler | until that is ready or the client is gone | close |
//!
//! **Invariants**
//! - `CONN-1` Responses go out in the order of the requests, and those to a batch that came together, in one write.
//! - `CONN-2` A batch that came with one read costs that read and one write, and no allocation, as long as its handlers
//!   answer at once.
//! - `CONN-3` While responses wait for space nothing is read. Input that is read ahead and output that is not sent
//!   have limits.
//! - `CONN-4` After a refusal nothing more is parsed, because the beginning of the next request is not known.
//! - `CONN-5` A connection that ends after an answer ends with a lingering close; the answer arrives.
//! - `CONN-6` At the stop a connection without a request in progress ends at once. A request that has arrived is
//!   answered, and the last answer says `close`.
//! - `CONN-7` `100 Continue` is sent when a handler wants the body and the client waits for it. A client that gets
//!   an error instead need not send the body, so the connection ends.
//! - `REPLY-3` A body that cannot be sent to its end ends the connection, without the mark of its end.
//!
//! A handler gets the body whole; a request with a refused body reaches none. A panic of a handler is a 500, and ends
//! the connection.
//!
//! **Source**: RFC 9112, sections 6, 7 and 9; RFC 9110, section 10.1.1.

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use super::request::{Answered, Request};
use super::response::{Content, Pieces, Response};
use super::router::{Found, Handler};
use super::state::ServerState;
use super::transport::{Observed, Received, Transport};
use crate::aio::{TcpStream, yield_now};
use crate::http::{
    Asked, Body, BodyError, Framing, LAST_CHUNK, Method, Piece, Reply, RequestParser, Sent, Status,
    Version, encode_chunk,
};
use crate::rt::now;

/// More output than this is sent before the next request is parsed, in bytes (`CONN-3`).
const MOST_UNSENT_BYTES: usize = 64 * 1024;

/// The most memory that the announced length of a body reserves, in bytes. More is allocated when the bytes come.
const FIRST_BODY_BYTES: u64 = 64 * 1024;

/// Bodies up to this size are copied behind their head, in bytes: the copy costs about as much as a system call.
const SMALL_BYTES: usize = 16 * 1024;

/// One connection, in its task.
pub(super) struct Connection<S> {
    /// The socket and its buffers.
    transport: Transport<S>,
    /// Finds heads.
    parser: RequestParser,
    /// Whether the deadline is that of a head, and is running.
    head_begun: bool,
}

/// How a connection continues. A refusal is a response like others, so it is not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// With the next request.
    KeepAlive,
    /// It sends the output and ends with a lingering close.
    Linger,
    /// It ends at once.
    Close,
}

impl<S: 'static> Connection<S> {
    /// Serves a client until one side ends the connection.
    pub(super) async fn serve(
        server: Rc<ServerState<S>>,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> io::Result<()> {
        let parser = RequestParser::new(server.config.head);
        let transport = Transport::new(server, stream, peer)?;
        let mut connection = Self { transport, parser, head_begun: true };
        loop {
            let received = connection.transport.receive_request().await?;
            connection.transport.server.pool.refresh_date();
            let next = match received {
                Received::Bytes(_) => connection.answer_all().await?,
                // Nothing, or no more than an empty line, came.
                _ if connection.transport.input.is_blank() => Next::Close,
                Received::Timeout => connection.refuse(None, Status::REQUEST_TIMEOUT),
                Received::End | Received::Stop => connection.refuse(None, Status::BAD_REQUEST),
            };
            // The one write of the batch (`CONN-1`).
            connection.transport.flush().await?;
            match next {
                Next::KeepAlive => connection.prepare_wait(),
                // Rare futures are boxed, so that they do not enlarge the task of every connection.
                Next::Linger => return Box::pin(connection.transport.linger()).await,
                Next::Close => return Ok(()),
            }
            if received == Received::Bytes(true) {
                // This client may send without end; other tasks run first.
                yield_now().await;
            }
        }
    }

    /// Answers every complete request; a part of a head stays in the input.
    async fn answer_all(&mut self) -> io::Result<Next> {
        while !self.transport.input.is_empty() {
            // Lent for one request, so that idle connections hold none.
            let mut request = self.transport.server.pool.lend_request();
            let parsed = self.parser.parse_into(self.transport.input.unused(), &mut request.head);
            let next = match parsed {
                Ok(Some(taken)) => {
                    self.transport.input.consume(taken);
                    self.head_begun = false;
                    Some(self.answer(&mut request).await?)
                }
                Ok(None) => None,
                Err(error) => Some(self.refuse(None, error.status())),
            };
            self.transport.server.pool.take_back_request(request);
            match next {
                None => break,
                Some(Next::KeepAlive) => {}
                Some(end) => return Ok(end),
            }
            if self.transport.out.len() > MOST_UNSENT_BYTES {
                self.transport.flush().await?;
            }
        }
        Ok(Next::KeepAlive)
    }

    /// Prepares the wait for a head: returns buffers, and sets the deadline.
    fn prepare_wait(&mut self) {
        self.transport.settle();
        let is_blank = self.transport.input.is_blank();
        // Set once for a head, and not again with every byte.
        if is_blank || !self.head_begun {
            let config = &self.transport.server.config;
            let timeout = if is_blank { config.idle_timeout } else { config.head_timeout };
            self.transport.set_timeout(timeout);
            self.head_begun = !is_blank;
        }
    }

    /// Answers a request whose head has been read.
    async fn answer(&mut self, request: &mut Request) -> io::Result<Next> {
        // The handler borrows router and state from `server`, and not from `self`.
        let server = self.transport.server.clone();
        // The clock is read only for a log.
        let begun = server.log.as_ref().map(|_| now());
        let took = || begun.map_or(Duration::ZERO, |begun| now() - begun);
        request.peer = self.transport.peer;
        let asked = request.head.asked();
        let found = server.router.find(&request.head);
        // CONN-7
        let skips_body = request.head.expects_continue && matches!(found, Found::Answer(_));
        // The body of a request that will be 404 is read too: the next request begins behind it.
        if request.head.framing != Framing::None
            && !skips_body
            && let Some(status) = self.collect(request).await?
        {
            return Ok(self.refuse(Some((request, took())), status));
        }
        let observed = match found {
            Found::Answer(response) => Observed::Done(response),
            Found::Handler(Handler::AtOnce(function)) => {
                let call = AssertUnwindSafe(|| function(&server.state, request));
                catch_unwind(call).map_or(Observed::Panicked, Observed::Done)
            }
            Found::Handler(Handler::Awaited(handler)) => {
                self.transport.observe(handler.call(&server.state, request)).await?
            }
        };
        let (response, keep_alive) = match observed {
            Observed::Done(response) => (response, asked.keep_alive && !skips_body),
            Observed::Panicked => (Response::error(Status::INTERNAL_SERVER_ERROR), false),
            Observed::ClientGone => return Ok(Next::Close),
        };
        self.log(Some(request), response.status, took());
        self.respond(Asked { keep_alive, ..asked }, response).await
    }

    /// Writes an entry of the log, if there is one (`ANSWERED-1`).
    fn log(&self, request: Option<&Request>, status: Status, took: Duration) {
        if let Some(log) = &self.transport.server.log {
            log(&Answered { peer: self.transport.peer, request, status, took });
        }
    }

    /// Reads the body of a request, up to its limit and within its deadline; returns the status of a refusal.
    async fn collect(&mut self, request: &mut Request) -> io::Result<Option<Status>> {
        let config = &self.transport.server.config;
        let deadline = now().checked_add(config.body_timeout);
        let mut body = match Body::new(request.head.framing, config.max_body_bytes) {
            Ok(body) => body,
            Err(error) => return Ok(Some(error.status())),
        };
        if let Framing::Length(length) = request.head.framing {
            let first = usize::try_from(length.min(FIRST_BODY_BYTES)).unwrap_or_default();
            request.body.reserve(first);
        }
        let mut is_asked_for = !request.head.expects_continue;
        loop {
            match self.take_body(&mut body, &mut request.body) {
                Ok(true) => return Ok(None),
                // A client that drips bytes is never silent, so the deadline counts here too.
                Ok(false) if deadline.is_some_and(|deadline| deadline <= now()) => {
                    return Ok(Some(Status::REQUEST_TIMEOUT));
                }
                Ok(false) => {}
                Err(error) => return Ok(Some(error.status())),
            }
            if !is_asked_for {
                self.transport.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                is_asked_for = true;
            }
            // Earlier responses do not wait for this client's next byte.
            self.transport.flush().await?;
            let received = self.transport.receive_body(deadline).await?;
            self.transport.server.pool.refresh_date();
            match received {
                Received::Bytes(_) => {}
                Received::Timeout => return Ok(Some(Status::REQUEST_TIMEOUT)),
                Received::End | Received::Stop => return Ok(Some(Status::BAD_REQUEST)),
            }
        }
    }

    /// Takes the bytes of a body that have come; tells whether it is complete.
    fn take_body(&mut self, body: &mut Body, into: &mut Vec<u8>) -> Result<bool, BodyError> {
        let mut input = self.transport.input.unused();
        let before = input.len();
        let is_complete = loop {
            match body.next(&mut input)? {
                Piece::Data(data) => into.extend_from_slice(data),
                Piece::More => break false,
                Piece::End => break true,
            }
        };
        let taken = before - input.len();
        self.transport.input.consume(taken);
        Ok(is_complete)
    }

    /// Refuses a request that came so long ago, or bytes that are not one (`CONN-4`).
    fn refuse(&mut self, asked: Option<(&Request, Duration)>, status: Status) -> Next {
        let (request, took) = asked.unzip();
        self.log(request, status, took.unwrap_or_default());
        let response = Response::error(status);
        // Bytes that are not a request are answered like a `GET`.
        let method = request.map_or(Method::Get, Request::method);
        let asked = Asked { method, version: Version::Http11, keep_alive: false };
        let sent = self.encode(asked, &response);
        if let (Content::Whole(bytes), Framing::Length(_)) = (&response.body, sent.framing) {
            self.transport.out.extend_from_slice(bytes);
        }
        Next::Linger
    }

    /// Sends a response; a small one is left in the output.
    async fn respond(&mut self, asked: Asked, response: Response) -> io::Result<Next> {
        // `sent` depends on method and version: `HEAD` gets no body, HTTP/1.0 no chunks.
        let sent = self.encode(asked, &response);
        match response.body {
            _ if sent.framing == Framing::None => {}
            Content::Whole(bytes) if bytes.len() <= SMALL_BYTES => {
                self.transport.out.extend_from_slice(&bytes);
            }
            Content::Whole(bytes) => {
                self.transport.flush().await?;
                self.transport.write(&bytes).await?;
            }
            Content::Pieces { source, .. } => {
                let is_whole = Box::pin(self.send_pieces(source, sent.framing)).await?;
                if !is_whole {
                    return Ok(Next::Close);
                }
            }
        }
        Ok(if sent.keep_alive { Next::KeepAlive } else { Next::Linger })
    }

    /// Appends the head of a response.
    fn encode(&mut self, asked: Asked, response: &Response) -> Sent {
        let Transport { server, input, out, .. } = &mut self.transport;
        if out.capacity() == 0 {
            *out = server.pool.lend();
        }
        let head = Reply {
            status: response.status,
            content_type: response.content_type,
            fields: &response.fields,
            framing: response.framing(),
            // CONN-6: while there is more input, this is not the last answer.
            keep_alive: !(server.is_stopping() && input.is_blank()),
            date: Some(&server.pool.date()),
        };
        head.encode(out, asked)
    }

    /// Sends a body as it is made; tells whether its end was reached (`REPLY-3`).
    async fn send_pieces(
        &mut self,
        mut source: Box<dyn Pieces>,
        framing: Framing,
    ) -> io::Result<bool> {
        let mut left = match framing {
            Framing::Length(length) => length,
            _ => u64::MAX,
        };
        while left > 0 {
            // Observed like a handler: no more pieces are made for a client that is gone.
            let mut piece = match self.transport.observe(source.next()).await? {
                Observed::Done(Some(piece)) => piece,
                Observed::Done(None) => break,
                Observed::Panicked | Observed::ClientGone => {
                    self.transport.flush().await?;
                    return Ok(false);
                }
            };
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= piece.len() as u64;
            if framing == Framing::Chunked {
                encode_chunk(&mut self.transport.out, &piece);
            } else {
                self.transport.out.extend_from_slice(&piece);
            }
            // Each piece is sent when it is made.
            self.transport.flush().await?;
        }
        if framing == Framing::Chunked {
            self.transport.out.extend_from_slice(LAST_CHUNK);
        }
        Ok(left == 0 || !matches!(framing, Framing::Length(_)))
    }
}
