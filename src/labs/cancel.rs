//! A read that is dropped half-way: which bytes are lost.
//!
//! A peer sends "hel", pauses, and sends "lo\n". The reader's time limit ends in the pause, so the read is dropped; then it
//! reads again.
//!
//! **Invariants**
//! - `LAB-CANCEL-1`: a buffer that outlives the read loses nothing (`BUF-2`).
//! - `LAB-CANCEL-2`: a buffer that is dropped with the read takes its bytes along.
//! - `LAB-CANCEL-3`: so does a `read_exact` into its own array, and the program does not learn how many they were.
//!
//! **Source**: `notes/cancellation.md`; tokio's documentation, "Cancellation safety" of `AsyncReadExt`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use super::Journal;
use crate::aio::{AsyncRead, AsyncWrite, BufReader, TcpListener, TcpStream, timeout};
use crate::rt::EventLoop;

/// The time limit of the first read.
const LIMIT: Duration = Duration::from_millis(100);
/// What comes before the limit, and what comes after it.
pub const PARTS: [&str; 2] = ["hel", "lo\n"];
/// The longest line.
const LINE_BYTES: usize = 80;

/// A connection: the peer's side, and ours.
type Ends = (TcpStream, TcpStream);

/// What came of the message, in each part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelReport {
    /// With one buffered reader for both reads.
    pub kept: String,
    /// With a buffered reader for each read.
    pub dropped: String,
    /// With `read_exact`, what was still there for the second read.
    pub exact: String,
}

/// Runs the experiment on an event loop of its own.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    EventLoop::new()?.block_on(experiment(journal))?;
    journal.notices(&[
        "In Rust, to cancel a future is to drop it, with everything that it owns.",
        "The first read had taken bytes from the socket. A buffer outside the read keeps them; a buffer inside \
         is dropped with them, and the next message begins in the middle.",
        "So each async function here says under \"Cancellation\" what is lost. `read_line` and `fill_buf` lose \
         nothing; after `read_exact` or `write_all` the position in the stream is unknown, so drop the stream \
         too.",
    ])
}

/// The experiment itself, on whatever loop and clock it is run.
///
/// # Errors
/// As `run`.
pub async fn experiment(journal: &Journal) -> io::Result<CancelReport> {
    journal.line("The peer sends \"hel\", and after our time limit \"lo\\n\"")?;
    let kept = kept(ends().await?).await?;
    journal.line(format_args!("  read_line, one reader for both:     {kept:?}"))?;
    let dropped = dropped(ends().await?).await?;
    journal.line(format_args!("  read_line, a reader for each read:  {dropped:?}"))?;
    let exact = exact(ends().await?).await?;
    journal.line(format_args!("  read_exact of 6 bytes, then a line: {exact:?}"))?;
    Ok(CancelReport { kept, dropped, exact })
}

/// One reader, whose buffer outlives the first read (`LAB-CANCEL-1`).
async fn kept((mut peer, ours): Ends) -> io::Result<String> {
    let mut reader = BufReader::new(ours);
    peer.write_all(PARTS[0].as_bytes()).await?;
    in_vain(reader.read_line(LINE_BYTES)).await?;
    peer.write_all(PARTS[1].as_bytes()).await?;
    Ok(reader.read_line(LINE_BYTES).await?.unwrap_or_default())
}

/// A reader that is dropped with the first read, and another one (`LAB-CANCEL-2`).
async fn dropped((mut peer, mut ours): Ends) -> io::Result<String> {
    peer.write_all(PARTS[0].as_bytes()).await?;
    in_vain(BufReader::new(Lent(&mut ours)).read_line(LINE_BYTES)).await?;
    peer.write_all(PARTS[1].as_bytes()).await?;
    Ok(BufReader::new(ours).read_line(LINE_BYTES).await?.unwrap_or_default())
}

/// A read of a fixed length, and a reader for what it left (`LAB-CANCEL-3`).
async fn exact((mut peer, ours): Ends) -> io::Result<String> {
    let mut reader = BufReader::new(ours);
    peer.write_all(PARTS[0].as_bytes()).await?;
    in_vain(async {
        // It belongs to the future, as the local variables of every function do.
        let mut message = [0; 6];
        reader.read_exact(&mut message).await
    })
    .await?;
    peer.write_all(PARTS[1].as_bytes()).await?;
    Ok(reader.read_line(LINE_BYTES).await?.unwrap_or_default())
}

/// A stream that another part of the program keeps.
struct Lent<'stream>(&'stream mut TcpStream);

impl AsyncRead for Lent<'_> {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.poll_read(cx, buf)
    }
}

/// Makes a connection, both of whose ends are ours.
async fn ends() -> io::Result<Ends> {
    let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let ours = TcpStream::connect(listener.local_addr()?).await?;
    Ok((listener.accept().await?.0, ours))
}

/// Reads until the limit, which must come first. What has come before it is taken: sockets wake before timers
/// (`LOOP-3`), and the read is polled before the clock is looked at (`TIMEOUT-1`).
async fn in_vain<T>(read: impl Future<Output = T>) -> io::Result<()> {
    match timeout(LIMIT, read).await {
        Err(_) => Ok(()),
        Ok(_) => Err(io::Error::other("the read ended before its limit")),
    }
}
