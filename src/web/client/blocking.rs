//! A client that blocks: one connection after another, on `std::net`.
//!
//! The simplest client there is: connect, write, read until the response is complete, close. It keeps nothing between
//! two requests, so any number of threads may share one. The price is a connection for each request.
//!
//! **Invariants**
//! - `FETCH-BLOCKING-2` Every connection is closed after its response; the request tells the server so.
//! - `FETCH-BLOCKING-4` Every wait has a limit, and the limit on silence counts from the last byte that moved, while
//!   sending too. So a write does not block: a blocking one returns after its limit with the bytes that it sent at
//!   its beginning, and the silence would be counted twice.
//!
//! Memory beside the body is `READ_BYTES`, the request, and a head. The system's resolver cannot be stopped: a name is
//! resolved on a thread, for which the client waits as long as the limits allow; the thread ends when the resolver
//! returns.
//!
//! **Left out**: reuse of connections, which the asynchronous client has.
//!
//! **Source**: Python's `urllib.request`, which closes after each response too; socket(7), `SO_RCVTIMEO`.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::deadlines::Deadlines;
use super::dial::{literal, non_empty};
use super::exchange::{Exchange, Want};
use super::fault::{Failure, Fault, Phase};
use super::request::{Options, Page, Request, Response};
use super::sink::Sink;
use crate::http::Url;
use crate::os::socket::try_send;
use crate::os::{PollFd, poll};

/// The size of a read, when the sink lends no memory.
const READ_BYTES: usize = 8 * 1024;

/// The least time for each address to accept a connection, if so much is left.
const LEAST_SHARE: Duration = Duration::from_secs(2);

/// How much longer than wanted the socket's own time limit may be before a system call shortens it.
const SLACK: Duration = Duration::from_millis(5);

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
}

impl Client {
    /// Makes a client with these limits.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Fetches the page at an address into memory.
    ///
    /// # Errors
    /// [`Failure`]; a status such as 404 is none.
    ///
    /// # Blocking
    /// As long as the limits allow.
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
            let done = connect(exchange.url(), &mut deadlines, &mut peer).and_then(|stream| {
                exchange.begin(false);
                converse(&mut TimedReader::new(stream), &mut exchange, &mut deadlines, &mut scratch)
            });
            done.map_err(|fault| exchange.failure(fault, peer))?;
            if !exchange.take_redirect() {
                return Ok(exchange.finish());
            }
        }
    }
}

/// Sends and receives until the exchange is over.
fn converse(
    reader: &mut TimedReader,
    exchange: &mut Exchange<'_>,
    deadlines: &mut Deadlines,
    scratch: &mut [u8],
) -> Result<(), Fault> {
    loop {
        let want = exchange.want();
        if want == Want::Nothing {
            return Ok(());
        }
        // A call that has waited for too long returns `WouldBlock`, and its fault comes from here.
        let left = deadlines.left(exchange.phase(), Instant::now())?;
        let has_moved = if want == Want::Send {
            match write(&reader.stream, exchange.to_send(), left) {
                Err(error) if is_passing(&error) => false,
                written => {
                    exchange.wrote(written);
                    true
                }
            }
        } else {
            exchange.read_with(scratch, |buffer| reader.read(buffer, left))?
        };
        if has_moved {
            deadlines.moved(Instant::now());
        }
    }
}

/// Tells whether the same call may be made again after this error.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Resolves the host and connects to the first of its addresses that accepts. `peer` becomes the first address, then
/// the one that accepted.
fn connect(
    url: &Url,
    deadlines: &mut Deadlines,
    peer: &mut Option<SocketAddr>,
) -> Result<TcpStream, Fault> {
    deadlines.moved(Instant::now());
    let addresses = addresses(url, deadlines)?;
    let mut first_error = None;
    for (position, &address) in addresses.iter().enumerate() {
        peer.get_or_insert(address);
        let left = deadlines.left(Phase::Connect, Instant::now())?;
        // An address that does not answer must leave some time to the next one.
        let share = u32::try_from(addresses.len() - position).map_or(left, |others| left / others);
        match TcpStream::connect_timeout(&address, share.max(LEAST_SHARE).min(left)) {
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
fn addresses(url: &Url, deadlines: &Deadlines) -> Result<Vec<SocketAddr>, Fault> {
    if let Some(address) = literal(url) {
        return Ok(vec![address]);
    }
    let (name, port) = (url.dial_host().to_owned(), url.port());
    let (answer, answered) = channel();
    let ask = move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Vec::from_iter);
        // It fails when the client has stopped waiting.
        drop(answer.send(found));
    };
    thread::Builder::new().name("resolve".to_owned()).spawn(ask).map_err(Fault::Dns)?;
    loop {
        let left = deadlines.left(Phase::Resolve, Instant::now())?;
        match answered.recv_timeout(left) {
            Ok(found) => return non_empty(found),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Fault::Dns(io::Error::other("the resolver panicked")));
            }
        }
    }
}

/// Sends what the socket has space for, or waits for space and returns `WouldBlock` (`FETCH-BLOCKING-4`).
fn write(stream: &TcpStream, bytes: &[u8], left: Duration) -> io::Result<usize> {
    let sent = try_send(stream.as_fd(), bytes);
    if sent.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
        poll(&mut [PollFd::writable(stream.as_fd())], Some(left))?;
    }
    sent
}

/// A socket with a time limit for each read.
struct TimedReader {
    /// The socket.
    stream: TcpStream,
    /// The time limit that the socket has now.
    limit: Option<Duration>,
}

impl TimedReader {
    /// Wraps a new socket.
    fn new(stream: TcpStream) -> Self {
        Self { stream, limit: None }
    }

    /// Reads; `WouldBlock` when the time is up.
    fn read(&mut self, buffer: &mut [u8], left: Duration) -> io::Result<usize> {
        // A limit that is a little too long is not worth a system call.
        let is_fine =
            self.limit.is_some_and(|limit| limit >= left && limit.saturating_sub(left) <= SLACK);
        if !is_fine {
            self.stream.set_read_timeout(Some(left))?;
            self.limit = Some(left);
        }
        self.stream.read(buffer)
    }
}
