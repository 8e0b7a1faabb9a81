//! A client on the event loop: any number of requests at once, on one thread, over few connections.
//!
//! It does the same as the blocking client, and gives the same errors. What it adds needs waiting without blocking:
//! idle connections that are used again (`idle`), attempts to connect that overlap (`dial`), names resolved beside the
//! loop, and one timer for all limits (`deadlines`). The caller limits the number of requests at a time, with
//! [`bounded`](crate::aio::bounded()).
//!
//! **Invariants**
//! - `FETCH-ASYNC-1` A request on an idle connection that breaks before a byte of the answer has come, or that answers
//!   408, is sent once more, on a new connection: the server had closed the old one. Only a request that changes
//!   nothing is sent on an idle connection, because sending another kind twice might do its work twice.
//! - `FETCH-ASYNC-2` A fetch that is dropped closes its connection; only a clean one is kept (`EXCHANGE-1`).
//!
//! **Left out**: a cache of names; a limit on connections to one host; pipelining.
//!
//! **Source**: aiohttp's `ClientSession`; RFC 9112, section 9.3.1, on when to send again.

use std::cell::Cell;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::deadlines::DeadlineTimer;
use super::dial::{self, Resolver, STAGGER, alternate, found, literal};
use super::exchange::{Exchange, Want};
use super::fault::{Failure, Fault, Phase};
use super::idle::{Connection, IdlePool};
use super::request::{Options, Page, Request, Response, Sink};
use crate::aio::{AsyncWrite, TcpStream};
use crate::http::Url;

/// The size of a read.
const READ_BYTES: usize = 64 * 1024;

/// A client for any number of requests at once. A clone shares the idle connections.
///
/// # Examples
/// ```
/// use handloom::{aio::bounded, rt::block_on, web::client::{Options, asynchronous::Client}};
///
/// let links = ["http://127.0.0.1:9/a", "https://127.0.0.1/b"];
/// let pages = block_on(async {
///     let client = Client::new(Options::default());
///     bounded(100, links.map(|link| client.get(link))).await
/// });
/// assert!(pages.iter().all(Result::is_err), "the first is refused, and https is not supported");
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    /// What clones share.
    shared: Rc<ClientState>,
}

/// What clones of a client share.
struct ClientState {
    /// The limits.
    options: Options,
    /// Connections for later requests.
    idle: Rc<IdlePool>,
    /// Finds the addresses of names.
    resolver: Resolver,
    /// The buffer of all reads; empty before the first one and during one.
    scratch: Cell<Vec<u8>>,
}

impl Client {
    /// Makes a client with these limits. Its connections belong to the loop that makes them.
    pub fn new(options: Options) -> Self {
        let idle = Rc::new(IdlePool::new(&options));
        let (resolver, scratch) = (Resolver::new(), Cell::default());
        Self { shared: Rc::new(ClientState { options, idle, resolver, scratch }) }
    }

    /// Fetches the page at an address into memory; panics, and may be dropped, as [`fetch`](Self::fetch).
    ///
    /// # Errors
    /// [`Failure`]; a status such as 404 is none.
    pub async fn get(&self, url: &str) -> Result<Page, Failure> {
        let mut body = Vec::new();
        let response = self.fetch(&Request::get(url)?, &mut body).await?;
        Ok(Page { response, body })
    }

    /// Sends a request, and gives the body of the final response to a sink.
    ///
    /// # Errors
    /// [`Failure`]; the sink may have got a part of the body.
    ///
    /// # Panics
    /// No event loop runs on this thread.
    ///
    /// # Cancellation
    /// `FETCH-ASYNC-2`; the sink may have got a part, as after a failure.
    pub async fn fetch(&self, request: &Request, sink: &mut dyn Sink) -> Result<Response, Failure> {
        let options = &self.shared.options;
        let mut exchange = Exchange::new(request, options, sink);
        let mut timer = DeadlineTimer::new(options);
        loop {
            let mut peer = None;
            let done = self.shared.transfer(&mut exchange, &mut timer, &mut peer).await;
            done.map_err(|fault| fault.at(exchange.url().as_str(), peer))?;
            if !exchange.take_redirect() {
                return Ok(exchange.finish());
            }
        }
    }
}

impl ClientState {
    /// Finds a connection, sends the request and receives the response.
    async fn transfer(
        &self,
        exchange: &mut Exchange<'_>,
        timer: &mut DeadlineTimer<'_>,
        peer: &mut Option<SocketAddr>,
    ) -> Result<(), Fault> {
        timer.restart();
        let idle = if exchange.is_safe() { self.idle.take(exchange.url()).await } else { None };
        if let Some(connection) = idle {
            *peer = Some(connection.peer);
            exchange.begin(true, true);
            match self.converse(connection, exchange, timer).await {
                // FETCH-ASYNC-1
                Err(fault) if exchange.broke_unanswered(&fault) => {}
                done => return done,
            }
        }
        // Later faults are about another connection.
        *peer = None;
        let connection = self.dial(exchange.url(), timer, peer).await?;
        exchange.begin(false, true);
        self.converse(connection, exchange, timer).await
    }

    /// Resolves the host and connects to one of its addresses. `peer` becomes the first address, then the one that
    /// accepted.
    async fn dial(
        &self,
        url: &Url,
        timer: &mut DeadlineTimer<'_>,
        peer: &mut Option<SocketAddr>,
    ) -> Result<Connection, Fault> {
        let addresses = if let Some(address) = literal(url) {
            vec![address]
        } else {
            let mut lookup = pin!(self.resolver.start(url)?);
            let result = timer.run(Phase::Resolve, |cx| lookup.as_mut().poll(cx)).await?;
            alternate(&found(result)?)
        };
        *peer = addresses.first().copied();
        let mut connected = pin!(dial::connect(&addresses, STAGGER));
        let connected = timer.run(Phase::Connect, |cx| connected.as_mut().poll(cx)).await?;
        let (stream, accepted) = connected.map_err(Fault::Connect)?;
        *peer = Some(accepted);
        Ok(Connection::new(url, stream, accepted))
    }

    /// Sends and receives until the exchange wants nothing more from this connection; then keeps a clean one, and
    /// closes another.
    async fn converse(
        &self,
        mut connection: Connection,
        exchange: &mut Exchange<'_>,
        timer: &mut DeadlineTimer<'_>,
    ) -> Result<(), Fault> {
        let stream = &mut connection.stream;
        loop {
            match exchange.want() {
                Want::Nothing => break,
                Want::Send => {
                    let write = |cx: &mut Context<'_>| stream.poll_write(cx, exchange.to_send());
                    let written = timer.run(Phase::Send, write).await?;
                    exchange.wrote(written);
                }
                Want::Receive => {
                    let phase = exchange.phase();
                    let receive = |cx: &mut Context<'_>| self.poll_receive(stream, exchange, cx);
                    timer.run(phase, receive).await??;
                }
            }
        }
        if exchange.is_clean() {
            self.idle.put(connection);
        }
        Ok(())
    }

    /// Reads when there is something to read.
    fn poll_receive(
        &self,
        stream: &mut TcpStream,
        exchange: &mut Exchange<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        loop {
            if let Err(error) = ready!(stream.poll_readable(cx)) {
                return Poll::Ready(Err(Fault::Io(exchange.phase(), error)));
            }
            // Taken, not borrowed, because the sink is foreign code.
            let mut scratch = self.scratch.take();
            scratch.resize(READ_BYTES, 0);
            let read = exchange.read_with(&mut scratch, |buffer| stream.try_read(buffer));
            self.scratch.set(scratch);
            match read {
                Ok(true) => return Poll::Ready(Ok(())),
                Ok(false) => {}
                Err(fault) => return Poll::Ready(Err(fault)),
            }
        }
    }
}

impl std::fmt::Debug for ClientState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientState").field("options", &self.options).finish_non_exhaustive()
    }
}
