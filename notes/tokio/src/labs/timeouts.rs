//! How a connection fails, on tokio: what the kernel tells, and what only a clock can.
//!
//! Line for line `handloom::labs::timeouts`: what a kernel says is the same on any runtime.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use handloom::labs::Journal;
use handloom::os::socket::{listen_with_backlog, set_linger_zero};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::local_runtime;

/// How long each wait lasts at most.
pub const LIMIT: Duration = Duration::from_millis(300);
/// A kernel that takes more than so many connections into a backlog of none does not fill it.
const MOST_WAITING: usize = 64;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did so many bytes; a read of 0 is the peer's end.
    Bytes(usize),
    /// The kernel knew why not.
    Failed(io::ErrorKind),
    /// The limit was up, after this long.
    TimedOut(Duration),
}

/// The outcome of each part.
#[derive(Clone, Copy, Debug)]
pub struct TimeoutsReport {
    /// A connect to a port without a listener.
    pub refused: Outcome,
    /// A connect to a listener whose backlog is full.
    pub full: Outcome,
    /// A read from a peer that has closed.
    pub closed: Outcome,
    /// A read from a peer that has reset.
    pub reset: Outcome,
    /// A write to a peer whose program does not look.
    pub written: Outcome,
    /// A read from the same.
    pub silent: Outcome,
}

/// Runs the experiment on a runtime of its own.
///
/// # Errors
/// Those of the journal's writer, and of the making of loop and sockets.
///
/// # Blocking
/// For twice [`LIMIT`].
pub fn run(journal: &Journal) -> io::Result<()> {
    local_runtime()?.block_on(experiment(journal))?;
    journal.notices(&[
        "A refusal, a close or a reset is reported at once: the peer's kernel answers for its program. No \
         limit is needed.",
        "Everything else is silence: a program that hangs, a machine without power, and a slow peer look the \
         same. Only a limit ends the wait, and only you know how long is too long.",
        "So connect, read and write need a limit each, and the whole exchange one more: a peer that sends a \
         byte now and then stays within each of them.",
    ])
}

/// The experiment itself, on whatever runtime it is run.
///
/// # Errors
/// As [`run`].
///
/// # Panics
/// Not inside a `LocalRuntime`.
pub async fn experiment(journal: &Journal) -> io::Result<TimeoutsReport> {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let refused = within_limit(async { TcpStream::connect(closed).await.map(|_| 0) }).await;
    tell(journal, "connect, no listener", refused)?;

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let closed = after(&listener, drop).await?;
    tell(journal, "read, the peer has closed", closed)?;
    let reset = after(&listener, |peer| set_linger_zero(&peer).map(|()| drop(peer))).await?;
    tell(journal, "read, the peer has reset", reset)?;

    // The listener is there, its kernel makes the connection, and its program never comes to take it.
    let mut stream = TcpStream::connect(address).await?;
    let written = within_limit(stream.write(b"hello")).await;
    tell(journal, "write, the peer does not look", written)?;
    let silent = within_limit(stream.read(&mut [0])).await;
    tell(journal, "read, the peer does not look", silent)?;

    listen_with_backlog(&listener, 0)?;
    let full = connect_until_full(address).await?;
    tell(journal, "connect, the backlog is full", full)?;
    Ok(TimeoutsReport { refused, full, closed, reset, written, silent })
}

/// Waits for an operation, up to the limit.
async fn within_limit(operation: impl Future<Output = io::Result<usize>>) -> Outcome {
    let began = Instant::now();
    match timeout(LIMIT, operation).await {
        Ok(Ok(bytes)) => Outcome::Bytes(bytes),
        Ok(Err(error)) => Outcome::Failed(error.kind()),
        Err(_) => Outcome::TimedOut(began.elapsed()),
    }
}

/// Connects, lets the peer do something with its side, and reads.
async fn after<T>(
    listener: &TcpListener,
    act: impl FnOnce(std::net::TcpStream) -> T,
) -> io::Result<Outcome> {
    let mut stream = TcpStream::connect(listener.local_addr()?).await?;
    let (peer, _) = listener.accept()?;
    drop(act(peer));
    Ok(within_limit(stream.read(&mut [0])).await)
}

/// Connects, and keeps the connections, until one finds no room; that one's outcome.
async fn connect_until_full(address: SocketAddr) -> io::Result<Outcome> {
    let mut waiting = Vec::new();
    while waiting.len() < MOST_WAITING {
        let connect = async {
            waiting.push(TcpStream::connect(address).await?);
            Ok(0)
        };
        let outcome = within_limit(connect).await;
        if outcome != Outcome::Bytes(0) {
            return Ok(outcome);
        }
    }
    Err(io::Error::other("a backlog of none takes any number of connections"))
}

/// Writes down how a part ended.
fn tell(journal: &Journal, part: &str, outcome: Outcome) -> io::Result<()> {
    journal.event(format_args!("{part:30} {outcome:.3?}"))
}
