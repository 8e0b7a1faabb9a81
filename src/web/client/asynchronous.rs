//! A client on the event loop: any number of requests at once, on one thread, over as few connections as will do.
//!
//! It does with the protocol what the blocking client does, in the same words; what it adds is what waiting without
//! blocking makes possible: connections in store (`idle`), attempts that overlap (`dial`), names looked up beside
//! the loop, and one timer for all limits (`watch`). How many requests run at a time is the caller's to say, with
//! [`bounded`](crate::aio::bounded()).
//!
//! **Invariants**
//! - `FETCH-ASYNC-1` A request on a connection out of store that dies before a byte of the answer has come is sent
//!   once more, on a new connection, and nobody is told: the server had closed it before the request came. Only a
//!   request that changes nothing is ever sent on such a connection, for a second one might do its work twice.
//! - `FETCH-ASYNC-2` A fetch that is dropped half-way closes its connection; only one that is clean is stored
//!   (`EXCHANGE-1`).
//! - `FETCH-ASYNC-3` A request that waits holds no buffer: all read into one, which is theirs during a poll only.
//!
//! **Left out**: a cache of names; a limit on connections to one host; pipelining.
//!
//! **Source**: aiohttp's `ClientSession`; RFC 9112, section 9.3.1, on when to send again.

use std::cell::Cell;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::dial::{self, STAGGER, in_turns, literal, some_addresses};
use super::fault::{Failure, Fault, Phase};
use super::idle::{Connection, Store};
use super::journey::{Journey, Want, own_fields};
use super::options::Options;
use super::request::Request;
use super::response::{Page, Response};
use super::sink::Sink;
use super::watch::Watch;
use crate::aio::{AsyncWrite, TcpStream, resolve};
use crate::http::{Fields, Url};

/// How much is read at once, by whichever request has something to read. Taste.
const READ_BYTES: usize = 64 * 1024;

/// A client for any number of requests at once. A clone is the same client, with the same connections in store.
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
/// assert!(pages.iter().all(Result::is_err), "nobody listens on the one, and nobody speaks the other");
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    /// What clones share.
    shared: Rc<Shared>,
}

/// What clones of a client share.
struct Shared {
    /// The limits.
    options: Options,
    /// The fields that every request gets.
    own_fields: Fields,
    /// Connections for later requests.
    store: Rc<Store>,
    /// The buffer of all reads, empty before the first and while one is under way (`FETCH-ASYNC-3`).
    scratch: Cell<Vec<u8>>,
}

impl Client {
    /// Makes a client with these limits; its connections belong to the loop on which they are made.
    pub fn new(options: Options) -> Self {
        let store = Rc::new(Store::new(&options));
        let scratch = Cell::default();
        Self { shared: Rc::new(Shared { options, own_fields: own_fields(), store, scratch }) }
    }

    /// Fetches the page at an address into memory.
    ///
    /// # Errors
    /// [`Failure`]; a status such as 404 is none.
    ///
    /// # Panics
    /// No event loop runs on this thread.
    ///
    /// # Cancellation
    /// `FETCH-ASYNC-2`.
    pub async fn get(&self, url: &str) -> Result<Page, Failure> {
        let mut body = Vec::new();
        let response = self.fetch(&Request::get(url)?, &mut body).await?;
        Ok(Page { response, body })
    }

    /// Sends a request, and its final response's body to a sink.
    ///
    /// # Errors
    /// [`Failure`]; the sink may have got a part of the body.
    ///
    /// # Panics
    /// No event loop runs on this thread.
    ///
    /// # Cancellation
    /// `FETCH-ASYNC-2`; the sink may have got a part of the body.
    pub async fn fetch(&self, request: &Request, sink: &mut dyn Sink) -> Result<Response, Failure> {
        let Shared { options, own_fields, .. } = &*self.shared;
        let mut journey = Journey::new(request, own_fields, options, sink);
        let mut watch = Watch::new(options);
        loop {
            let mut peer = None;
            let done = self.shared.exchange(&mut journey, &mut watch, &mut peer).await;
            done.map_err(|fault| journey.failure(fault, peer))?;
            if !journey.hop() {
                return Ok(journey.finish());
            }
        }
    }
}

impl Shared {
    /// Finds a connection and does one exchange on it.
    async fn exchange(
        &self,
        journey: &mut Journey<'_>,
        watch: &mut Watch,
        peer: &mut Option<SocketAddr>,
    ) -> Result<(), Fault> {
        watch.moved();
        let stored = if journey.is_safe() { self.store.take(journey.url()).await } else { None };
        if let Some(mut connection) = stored {
            *peer = Some(connection.peer);
            match self.converse(&mut connection.stream, journey, watch).await {
                // FETCH-ASYNC-1
                Err(fault) if fault.is_death() && !journey.has_answer() => {}
                done => return self.keep(connection, journey, done),
            }
        }
        // What goes wrong from here on is about another connection.
        *peer = None;
        let mut connection = dial(journey.url(), watch, peer).await?;
        let done = self.converse(&mut connection.stream, journey, watch).await;
        self.keep(connection, journey, done)
    }

    /// Stores a connection if it is clean, or closes it.
    fn keep(
        &self,
        connection: Connection,
        journey: &Journey<'_>,
        done: Result<(), Fault>,
    ) -> Result<(), Fault> {
        if done.is_ok() && journey.is_clean() {
            self.store.put(connection);
        }
        done
    }

    /// Sends and receives until the exchange is over.
    async fn converse(
        &self,
        stream: &mut TcpStream,
        journey: &mut Journey<'_>,
        watch: &mut Watch,
    ) -> Result<(), Fault> {
        journey.begin(true);
        loop {
            match journey.want() {
                Want::Nothing => return Ok(()),
                Want::Send => {
                    let write = |cx: &mut Context<'_>| stream.poll_write(cx, journey.to_send());
                    let written = watch.over(Phase::Send, write).await?;
                    journey.wrote(written);
                }
                Want::Receive => {
                    let phase = journey.phase();
                    let receive = |cx: &mut Context<'_>| self.poll_receive(stream, journey, cx);
                    watch.over(phase, receive).await??;
                }
            }
        }
    }

    /// Reads once there is something to read.
    fn poll_receive(
        &self,
        stream: &mut TcpStream,
        journey: &mut Journey<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Fault>> {
        loop {
            if let Err(error) = ready!(stream.poll_readable(cx)) {
                return Poll::Ready(Err(Fault::Io(journey.phase(), error)));
            }
            // Taken out, and not borrowed, while the sink runs, which is foreign code.
            let mut scratch = self.scratch.take();
            scratch.resize(READ_BYTES, 0);
            let read = journey.read_with(&mut scratch, |buffer| stream.try_read(buffer));
            self.scratch.set(scratch);
            match read {
                Ok(true) => return Poll::Ready(Ok(())),
                Ok(false) => {}
                Err(fault) => return Poll::Ready(Err(fault)),
            }
        }
    }
}

/// Finds the host and connects to one of its addresses; `peer` is the one tried first, then the one that accepted.
async fn dial(
    url: &Url,
    watch: &mut Watch,
    peer: &mut Option<SocketAddr>,
) -> Result<Connection, Fault> {
    let addresses = if let Some(address) = literal(url) {
        vec![address]
    } else {
        let name = format!("{}:{}", url.host(), url.port());
        let mut found = pin!(resolve(&name));
        let found = watch.over(Phase::Resolve, |cx| found.as_mut().poll(cx)).await?;
        in_turns(&some_addresses(found)?)
    };
    *peer = addresses.first().copied();
    let mut connected = pin!(dial::connect(&addresses, STAGGER));
    let connected = watch.over(Phase::Connect, |cx| connected.as_mut().poll(cx)).await?;
    let (stream, accepted) = connected.map_err(Fault::Connect)?;
    *peer = Some(accepted);
    Ok(Connection::new(url, stream, accepted))
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { options, store, .. } = self;
        f.debug_struct("Shared")
            .field("options", options)
            .field("store", store)
            .finish_non_exhaustive()
    }
}
