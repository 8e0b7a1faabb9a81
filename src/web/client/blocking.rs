//! A client that blocks: one connection after another, on `std::net`.
//!
//! The plainest client there is: connect, write, read until it is done, close. Nothing is in store between two
//! requests, so nothing can be stale, and any number of threads may share one. What it costs is a connection for
//! each request.
//!
//! **Invariants**
//! - `FETCH-BLOCKING-1` No wait is without a limit: neither for a name, a connect, a write nor a read.
//! - `FETCH-BLOCKING-2` Every connection is closed when its response is in: the server is told so in the request.
//! - `FETCH-BLOCKING-3` Memory beside the body is `READ_BYTES`, the request, and a head.
//!
//! A system's resolver cannot be told to stop. So a name is looked up on a thread, which is waited for as long as
//! the limits allow and then left to itself; it ends when the resolver gives up.
//!
//! **Left out**: reuse of connections, which the asynchronous client has, and which would need a rule for who may
//! take which from which thread.
//!
//! **Source**: Python's `urllib.request`, which closes after each response too; socket(7), `SO_RCVTIMEO`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::deadlines::Deadlines;
use super::dial::{literal, some_addresses};
use super::fault::{Failure, Fault, Phase};
use super::journey::{Journey, Want, own_fields};
use super::options::Options;
use super::request::Request;
use super::response::{Page, Response};
use super::sink::Sink;
use crate::http::{Fields, Url};

/// How much is read at once, where the sink has no room of its own. Taste: well below the 16 KiB that a request may
/// cost beside its body.
const READ_BYTES: usize = 8 * 1024;

/// What every address but the last gets at least to accept a connect, if so much is left. Taste.
const LEAST_SHARE: Duration = Duration::from_secs(2);

/// How much longer than wanted the socket's own limit may be, before the call that changes it is worth it. Taste.
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
    /// The fields that every request gets.
    own_fields: Fields,
}

impl Client {
    /// Makes a client with these limits.
    pub fn new(options: Options) -> Self {
        Self { options, own_fields: own_fields() }
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

    /// Sends a request, and its final response's body to a sink.
    ///
    /// # Errors
    /// [`Failure`]; the sink may have got a part of the body.
    ///
    /// # Blocking
    /// As long as the limits allow, and as long as the sink blocks.
    pub fn fetch(&self, request: &Request, sink: &mut dyn Sink) -> Result<Response, Failure> {
        let mut journey = Journey::new(request, &self.own_fields, &self.options, sink);
        let mut deadlines = Deadlines::new(&self.options, Instant::now());
        let mut scratch = vec![0; READ_BYTES];
        loop {
            let mut peer = None;
            let done = connect(journey.url(), &mut deadlines, &mut peer).and_then(|stream| {
                journey.begin(false);
                converse(&mut Limited::new(stream), &mut journey, &mut deadlines, &mut scratch)
            });
            done.map_err(|fault| journey.failure(fault, peer))?;
            if !journey.hop() {
                return Ok(journey.finish());
            }
        }
    }
}

/// Sends and receives until the exchange is over.
fn converse(
    stream: &mut Limited,
    journey: &mut Journey<'_>,
    deadlines: &mut Deadlines,
    scratch: &mut [u8],
) -> Result<(), Fault> {
    loop {
        let want = journey.want();
        if want == Want::Nothing {
            return Ok(());
        }
        // A wait that was too long comes back as if interrupted, and ends here.
        let left = deadlines.left(journey.phase(), Instant::now())?;
        let has_moved = if want == Want::Send {
            match stream.write(journey.to_send(), left) {
                Err(error) if is_passing(&error) => false,
                written => {
                    journey.wrote(written);
                    true
                }
            }
        } else {
            journey.read_with(scratch, |buffer| stream.read(buffer, left))?
        };
        if has_moved {
            deadlines.moved(Instant::now());
        }
    }
}

/// Tells an error after which the same call may be made again.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Finds the host and connects to the first of its addresses that accepts; `peer` is the one tried first, then the
/// one that did.
fn connect(
    url: &Url,
    deadlines: &mut Deadlines,
    peer: &mut Option<SocketAddr>,
) -> Result<TcpStream, Fault> {
    deadlines.moved(Instant::now());
    let addresses = addresses(url, deadlines)?;
    let mut first_error = None;
    for (place, &address) in addresses.iter().enumerate() {
        peer.get_or_insert(address);
        let left = deadlines.left(Phase::Connect, Instant::now())?;
        // An address that swallows everything shall leave some time to the next one.
        let share = u32::try_from(addresses.len() - place).map_or(left, |others| left / others);
        match TcpStream::connect_timeout(&address, share.max(LEAST_SHARE).min(left)) {
            Ok(stream) => {
                *peer = Some(address);
                deadlines.moved(Instant::now());
                return Ok(stream);
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    // Whether time was short, these know better than the error of a call that had a part of it.
    deadlines.left(Phase::Connect, Instant::now())?;
    Err(Fault::Connect(first_error.expect("holds because there is at least one address")))
}

/// Finds the addresses of a host; at least one.
fn addresses(url: &Url, deadlines: &Deadlines) -> Result<Vec<SocketAddr>, Fault> {
    if let Some(address) = literal(url) {
        return Ok(vec![address]);
    }
    let (name, port) = (url.dial_host().to_owned(), url.port());
    let (answer, answered) = channel();
    let ask = move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Vec::from_iter);
        // Nobody waits any more: the time was up.
        drop(answer.send(found));
    };
    thread::Builder::new().name("resolve".to_owned()).spawn(ask).map_err(Fault::Dns)?;
    loop {
        let left = deadlines.left(Phase::Resolve, Instant::now())?;
        match answered.recv_timeout(left) {
            Ok(found) => return some_addresses(found),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Fault::Dns(io::Error::other("the resolver panicked")));
            }
        }
    }
}

/// A socket whose calls take a limit each.
struct Limited {
    /// The socket.
    stream: TcpStream,
    /// The limit on a read that the socket has now.
    read: Option<Duration>,
    /// The limit on a write that the socket has now.
    write: Option<Duration>,
}

impl Limited {
    /// Takes a socket as it is made: with no limits.
    fn new(stream: TcpStream) -> Self {
        Self { stream, read: None, write: None }
    }

    /// Reads; `WouldBlock` when the time is up.
    fn read(&mut self, buffer: &mut [u8], left: Duration) -> io::Result<usize> {
        if needs_change(self.read, left) {
            self.stream.set_read_timeout(Some(left))?;
            self.read = Some(left);
        }
        self.stream.read(buffer)
    }

    /// Writes; `WouldBlock` when the time is up.
    fn write(&mut self, bytes: &[u8], left: Duration) -> io::Result<usize> {
        if needs_change(self.write, left) {
            self.stream.set_write_timeout(Some(left))?;
            self.write = Some(left);
        }
        self.stream.write(bytes)
    }
}

/// Tells whether a socket's limit is worth a call to change it; one that is a little too long is not.
fn needs_change(set: Option<Duration>, wanted: Duration) -> bool {
    set.is_none_or(|set| set < wanted || set.saturating_sub(wanted) > SLACK)
}
