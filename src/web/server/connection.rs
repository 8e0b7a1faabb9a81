//! One connection: bytes come, requests are cut out of them, replies go out.
//!
//! | it waits for | how long | then |
//! | --- | --- | --- |
//! | its first head, or the rest of one | `head_timeout` in all | 408, or nothing if nothing had come |
//! | another request | `idle_timeout` | the end |
//! | more of a body | `body_timeout` each time | 408 |
//! | room to write | `write_timeout` each time | the end |
//! | its handler | as long as that takes, but no longer than the client stays | the end |
//!
//! **Invariants**
//! - `CONN-1` Replies go out in the order of the requests, and those to a batch that came together, in one write.
//! - `CONN-2` A batch that a read brought costs that read and that write, no other system call and no memory that is
//!   not used again, as long as its handlers answer at once.
//! - `CONN-3` While replies wait for room nothing is read. What is read ahead, and what is not sent, has a limit.
//! - `CONN-4` After a refusal nothing more is parsed: nobody knows where the next request would begin.
//! - `CONN-5` A connection that ends after an answer ends politely (`HANG-UP-1`); the answer arrives.
//! - `CONN-6` At the stop a connection with nothing in flight ends at once. What has arrived is answered, and the
//!   last answer says `close`.
//!
//! **Source**: RFC 9112, section 9.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::input::Input;
use super::patience::Patience;
use super::serve::Shared;
use crate::aio::{AsyncWrite, TcpStream, hang_up, yield_now};
use crate::http::{RequestParser, Status};

/// Replies beyond this size are sent before the next request is looked at, in bytes (`CONN-3`). Taste.
const MOST_UNSENT_BYTES: usize = 64 * 1024;

/// How long a client may be silent after our end before we close. Taste: some round trips.
const LINGER: Duration = Duration::from_millis(500);

/// How long it is read from in all after our end, whatever it sends. Taste: a body of some megabytes.
const LONGEST_FAREWELL: Duration = Duration::from_secs(5);

/// One connection, in its task.
pub(super) struct Connection<S> {
    /// What all tasks share.
    pub(super) server: Rc<Shared<S>>,
    /// The socket.
    pub(super) stream: TcpStream,
    /// Who is on the other side.
    pub(super) peer: SocketAddr,
    /// Finds heads.
    parser: RequestParser,
    /// Received, and not used.
    pub(super) input: Input,
    /// Answered, and not sent.
    pub(super) out: Vec<u8>,
    /// The limit of the present wait.
    patience: Patience,
    /// Whether the patience is that for a head, and already runs.
    head_begun: bool,
}

/// What a wait for the client brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// Bytes; and whether they filled the buffer, so that there may be more.
    Bytes(bool),
    /// Nothing in time.
    Silence,
    /// The end of the client's stream.
    End,
    /// Nothing, and the server stops.
    Stop,
}

/// Whether a connection goes on.
///
/// A value and not an error: a refusal is a reply like others, and must be sent like them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It does.
    GoOn,
    /// It ends when what was answered is sent.
    HangUp,
    /// It is of no use any more.
    Close,
}

impl<S: 'static> Connection<S> {
    /// Begins a connection.
    pub(super) fn new(server: Rc<Shared<S>>, stream: TcpStream, peer: SocketAddr) -> Self {
        let parser = RequestParser::new(server.config.head);
        let patience = Patience::new(server.config.head_timeout);
        let (input, out, head_begun) = (Input::default(), Vec::new(), true);
        Self { server, stream, peer, parser, input, out, patience, head_begun }
    }

    /// The whole conversation.
    pub(super) async fn converse(mut self) -> io::Result<()> {
        // Replies are written whole; the kernel need not wait for more to fill a segment.
        self.stream.set_nodelay(true)?;
        loop {
            let received = poll_fn(|cx| self.poll_receive(cx, true)).await?;
            let then = match received {
                Received::Bytes(_) => self.answer_all().await?,
                Received::Silence | Received::End => self.give_up(received),
                Received::Stop => Then::Close,
            };
            // The one write of the batch (`CONN-1`), whatever comes after it.
            self.flush().await?;
            match then {
                Then::GoOn => self.prepare_wait(),
                Then::HangUp => {
                    self.input.settle(&self.server.pools);
                    return Box::pin(hang_up(&mut self.stream, LINGER, LONGEST_FAREWELL)).await;
                }
                Then::Close => return Ok(()),
            }
            if received == Received::Bytes(true) {
                // There may be more without end; the others have their turn first.
                yield_now().await;
            }
        }
    }

    /// Answers every request that is complete.
    ///
    /// What is left in the input is a part of a head, or nothing: a body that is not complete is waited for inside,
    /// since the requests behind it cannot be found before its end.
    async fn answer_all(&mut self) -> io::Result<Then> {
        self.server.pools.refresh_date();
        while !self.input.is_empty() {
            // Lent for one request, and given back before the wait for another: who is idle has none.
            let mut request = self.server.pools.lend_request();
            let parsed = self.parser.parse_into(self.input.unused(), &mut request.head);
            let then = match parsed {
                Ok(Some(taken)) => {
                    self.input.consume(taken);
                    self.head_begun = false;
                    Some(self.exchange(&mut request).await?)
                }
                Ok(None) => None,
                Err(error) => Some(self.refuse(None, error.status())),
            };
            self.server.pools.take_back_request(request);
            match then {
                None => break,
                Some(Then::GoOn) => {}
                Some(end) => return Ok(end),
            }
            if self.out.len() > MOST_UNSENT_BYTES {
                self.flush().await?;
            }
        }
        Ok(Then::GoOn)
    }

    /// Chooses how to end when no head came: with a word if a part of one had come.
    fn give_up(&mut self, received: Received) -> Then {
        match received {
            _ if self.input.is_blank() => Then::Close,
            Received::Silence => self.refuse(None, Status::REQUEST_TIMEOUT),
            _ => self.refuse(None, Status::BAD_REQUEST),
        }
    }

    /// Makes ready to wait for a head: gives memory back, and sets the limit.
    fn prepare_wait(&mut self) {
        self.input.settle(&self.server.pools);
        if self.input.is_blank() {
            self.patience.give(self.server.config.idle_timeout);
            self.head_begun = false;
        } else if !self.head_begun {
            // Counted from here, and not anew with every byte.
            self.patience.give(self.server.config.head_timeout);
            self.head_begun = true;
        }
    }

    /// Waits for more of a body.
    pub(super) async fn receive_body(&mut self) -> io::Result<Received> {
        self.input.settle(&self.server.pools);
        self.patience.give(self.server.config.body_timeout);
        poll_fn(|cx| self.poll_receive(cx, false)).await
    }

    /// Waits for bytes, to the end of the input; `between` two requests, for the stop too.
    ///
    /// What is readable is read before the stop and the time are looked at: who has sent in time is served.
    fn poll_receive(&mut self, cx: &mut Context<'_>, between: bool) -> Poll<io::Result<Received>> {
        loop {
            match self.stream.poll_readable(cx) {
                Poll::Ready(outcome) => outcome?,
                Poll::Pending => {
                    // CONN-6: nothing has arrived that is not answered.
                    if between && self.server.is_stopping() && self.input.is_blank() {
                        return Poll::Ready(Ok(Received::Stop));
                    }
                    ready!(self.patience.poll(cx));
                    return Poll::Ready(Ok(Received::Silence));
                }
            }
            match self.read_once() {
                Ok((0, _)) => return Poll::Ready(Ok(Received::End)),
                Ok((_, is_full)) => return Poll::Ready(Ok(Received::Bytes(is_full))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.input.settle(&self.server.pools);
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Reads now, to the end of the input; tells how much came, and whether there was room for no more.
    pub(super) fn read_once(&mut self) -> io::Result<(usize, bool)> {
        let room = self.input.room(&self.server.pools);
        let bytes = self.stream.try_read(room)?;
        let is_full = bytes == room.len();
        self.input.filled(bytes);
        Ok((bytes, is_full))
    }

    /// Sends what was answered.
    ///
    /// The memory is taken out of `self` for that long, so that the write can borrow the rest, and then lent on.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let out = std::mem::take(&mut self.out);
        let flushed = self.write(&out).await;
        self.server.pools.take_back_output(out);
        flushed
    }

    /// Sends bytes, without asking first whether there is room: there nearly always is.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut sent = or_nothing(self.stream.try_write(bytes))?;
        while sent < bytes.len() {
            self.patience.give(self.server.config.write_timeout);
            sent += poll_fn(|cx| self.poll_write(cx, &bytes[sent..])).await?;
        }
        Ok(())
    }

    /// Sends what there is room for; an error when there is none in time.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.stream.poll_write(cx, bytes) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(written) => Poll::Ready(written),
            Poll::Pending => self.patience.poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
        }
    }

    /// Sends what fits, and keeps the rest for later: for who must not wait, as he has a handler to poll.
    pub(super) fn flush_now(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            let sent = or_nothing(self.stream.try_write(&self.out))?;
            self.out.drain(..sent);
        }
        Ok(())
    }
}

/// A socket that takes nothing now has taken no bytes.
fn or_nothing(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}
