//! A client that blocks: one connection after another, on `std::net`.
//!
//! The simplest client there is: connect, write, read until the response is complete, close. Any number of threads may
//! share one. The price is a connection for each request.
//!
//! **Invariants**
//! - `FETCH-BLOCKING-2` Every connection is closed after its response; the request tells the server so.
//! - `FETCH-BLOCKING-4` Every wait has a limit, and the limit on silence counts from the last byte that moved. So the
//!   client blocks in poll(2): a blocking write with a time limit would count the silence twice.
//!
//! **Source**: Python's `urllib.request`, which closes after each response too; poll(2).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::deadlines::Deadlines;
use super::dial::{Resolver, found, literal};
use super::exchange::{Exchange, Want};
use super::fault::{Failure, Fault, Phase};
use super::request::{Options, Page, Request, Response, Sink};
use crate::http::Url;
use crate::os::{PollFd, poll};

/// The size of a read.
const READ_BYTES: usize = 32 * 1024;

/// The least time for each address to accept a connection, if so much is left.
const LEAST_SHARE: Duration = Duration::from_secs(2);

/// A client for any number of requests, one after another or on many threads.
///
/// # Examples
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpListener;
/// use handloom::web::client::{Options, blocking::Client};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let url = format!("http://{}/", listener.local_addr()?);
/// std::thread::spawn(move || {
///     let (mut stream, _) = listener.accept().unwrap();
///     let _ = stream.read(&mut [0; 1024]);
///     stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
/// });
/// let page = Client::new(Options::default()).get(&url)?;
/// assert_eq!((page.status().code(), &page.body[..]), (200, &b"hello"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    /// The limits.
    options: Options,
    /// Finds the addresses of names.
    resolver: Arc<Resolver>,
}

impl Client {
    /// Makes a client with these limits.
    pub fn new(options: Options) -> Self {
        Self { options, resolver: Arc::new(Resolver::new()) }
    }

    /// Fetches the page at an address into memory. It blocks as long as the limits allow.
    ///
    /// # Errors
    /// [`Failure`]; a status such as 404 is none.
    pub fn get(&self, url: &str) -> Result<Page, Failure> {
        let mut body = Vec::new();
        let response = self.fetch(&Request::get(url)?, &mut body)?;
        Ok(Page { response, body })
    }

    /// Sends a request, and gives the body of the final response to a sink.
    ///
    /// # Errors
    /// [`Failure`]; the sink may have got a part of the body.
    ///
    /// # Blocking
    /// As long as the limits allow, and as long as the sink blocks.
    pub fn fetch(&self, request: &Request, sink: &mut dyn Sink) -> Result<Response, Failure> {
        let mut exchange = Exchange::new(request, &self.options, sink);
        let mut deadlines = Deadlines::new(&self.options, Instant::now());
        let mut scratch = vec![0; READ_BYTES];
        loop {
            let mut peer = None;
            let connected = self.connect(exchange.url(), &mut deadlines, &mut peer);
            let done = connected.and_then(|stream| {
                exchange.begin(false, false);
                converse(&stream, &mut exchange, &mut deadlines, &mut scratch)
            });
            done.map_err(|fault| fault.at(exchange.url().as_str(), peer))?;
            if !exchange.take_redirect() {
                return Ok(exchange.finish());
            }
        }
    }

    /// Resolves the host and connects to the first of its addresses that accepts. `peer` becomes the first address,
    /// then the one that accepted.
    fn connect(
        &self,
        url: &Url,
        deadlines: &mut Deadlines<'_>,
        peer: &mut Option<SocketAddr>,
    ) -> Result<TcpStream, Fault> {
        deadlines.moved(Instant::now());
        let addresses = self.addresses(url, deadlines)?;
        let mut first_error = None;
        for (position, &address) in addresses.iter().enumerate() {
            peer.get_or_insert(address);
            let left = deadlines.left(Phase::Connect, Instant::now())?;
            // An address that does not answer must leave some time to the next one.
            let others = u32::try_from(addresses.len() - position);
            let share = others.map_or(left, |others| left / others);
            let connected = TcpStream::connect_timeout(&address, share.max(LEAST_SHARE).min(left));
            // FETCH-BLOCKING-4
            match connected.and_then(|stream| stream.set_nonblocking(true).map(|()| stream)) {
                Ok(stream) => {
                    *peer = Some(address);
                    deadlines.moved(Instant::now());
                    return Ok(stream);
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        // When the time is up, the limit is the fault, and not the time limit of the last connect.
        deadlines.left(Phase::Connect, Instant::now())?;
        Err(Fault::Connect(first_error.expect("holds because there is at least one address")))
    }

    /// Resolves a host; returns at least one address.
    fn addresses(&self, url: &Url, deadlines: &Deadlines<'_>) -> Result<Vec<SocketAddr>, Fault> {
        if let Some(address) = literal(url) {
            return Ok(vec![address]);
        }
        let mut lookup = self.resolver.start(url)?;
        loop {
            let left = deadlines.left(Phase::Resolve, Instant::now())?;
            match lookup.join_timeout(left) {
                Ok(result) => return found(result),
                Err(running) => lookup = running,
            }
        }
    }
}

/// Sends and receives until the exchange is over.
fn converse(
    mut stream: &TcpStream,
    exchange: &mut Exchange<'_>,
    deadlines: &mut Deadlines<'_>,
    scratch: &mut [u8],
) -> Result<(), Fault> {
    loop {
        let want = exchange.want();
        if want == Want::Nothing {
            return Ok(());
        }
        let left = deadlines.left(exchange.phase(), Instant::now())?;
        let (has_moved, awaited) = if want == Want::Send {
            let written = stream.write(exchange.to_send());
            (exchange.wrote(written), PollFd::writable(stream.as_fd()))
        } else {
            let has_moved = exchange.read_with(scratch, |buffer| stream.read(buffer))?;
            (has_moved, PollFd::readable(stream.as_fd()))
        };
        if has_moved {
            deadlines.moved(Instant::now());
        } else {
            let waited = poll(&mut [awaited], Some(left));
            waited.map_err(|error| Fault::Io(exchange.phase(), error))?;
        }
    }
}
