//! A read that is dropped half-way, on tokio: which bytes are lost, and with whom they stay.
//!
//! Line for line `handloom::labs::cancel`, with one part more: tokio has two ways to read a line. `next_line` of `Lines`
//! keeps what has come; `read_line` says in its documentation that it does not.

use std::io;
use std::time::Duration;

use super::echo::listen;
use handloom::labs::Journal;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::local_runtime;

/// The time limit of the first read.
const LIMIT: Duration = Duration::from_millis(100);
/// What comes before the limit, and what comes after it.
pub const PARTS: [&str; 2] = ["hel", "lo\n"];

/// A connection: the peer's side, and ours.
type Ends = (TcpStream, TcpStream);

/// What came of the message, in each part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelReport {
    /// With one buffered reader for both reads, and `next_line`.
    pub kept: String,
    /// The same with `read_line`.
    pub line: String,
    /// With a buffered reader for each read.
    pub dropped: String,
    /// With `read_exact`, what was still there for the second read.
    pub exact: String,
}

/// Runs the experiment on a runtime of its own.
///
/// # Errors
/// Those of the journal's writer, and of the sockets.
///
/// # Blocking
/// For four time limits.
pub fn run(journal: &Journal) -> io::Result<()> {
    local_runtime()?.block_on(experiment(journal))?;
    journal.notices(&[
        "In Rust, to cancel a future is to drop it, with everything that it owns.",
        "The first read had taken bytes from the socket. A buffer outside the read keeps them; a buffer inside \
         is dropped with them, and the next message begins in the middle.",
        "So each function of tokio says under \"Cancel safety\" what is lost. `next_line` and `fill_buf` lose \
         nothing. `read_line` keeps the bytes in its future and loses them; Handloom's keeps them in the reader.",
        "After `read_exact` or `write_all` the position in the stream is unknown, so drop the stream too. Or do \
         not cancel the read: keep its future, and await it again.",
    ])
}

/// The experiment itself, on whatever runtime it is run.
///
/// # Errors
/// As [`run`].
///
/// # Panics
/// Not inside a `LocalRuntime`.
pub async fn experiment(journal: &Journal) -> io::Result<CancelReport> {
    journal.line("The peer sends \"hel\", and after our time limit \"lo\\n\"")?;
    let kept = kept(ends().await?).await?;
    journal.line(format_args!("  next_line, one reader for both:     {kept:?}"))?;
    let line = line(ends().await?).await?;
    journal.line(format_args!("  read_line, one reader for both:     {line:?}"))?;
    let dropped = dropped(ends().await?).await?;
    journal.line(format_args!("  next_line, a reader for each read:  {dropped:?}"))?;
    let exact = exact(ends().await?).await?;
    journal.line(format_args!("  read_exact of 6 bytes, then a line: {exact:?}"))?;
    Ok(CancelReport { kept, line, dropped, exact })
}

/// One reader, whose buffer outlives the first read.
async fn kept((mut peer, ours): Ends) -> io::Result<String> {
    let mut reader = BufReader::new(ours).lines();
    peer.write_all(PARTS[0].as_bytes()).await?;
    in_vain(reader.next_line()).await?;
    peer.write_all(PARTS[1].as_bytes()).await?;
    Ok(reader.next_line().await?.unwrap_or_default())
}

/// One reader and one `String`, and yet the future had the bytes.
async fn line((mut peer, ours): Ends) -> io::Result<String> {
    let (mut reader, mut line) = (BufReader::new(ours), String::new());
    peer.write_all(PARTS[0].as_bytes()).await?;
    in_vain(reader.read_line(&mut line)).await?;
    peer.write_all(PARTS[1].as_bytes()).await?;
    reader.read_line(&mut line).await?;
    Ok(line.trim_end().to_owned())
}

/// A reader that is dropped with the first read, and another one.
async fn dropped((mut peer, mut ours): Ends) -> io::Result<String> {
    peer.write_all(PARTS[0].as_bytes()).await?;
    in_vain(BufReader::new(&mut ours).lines().next_line()).await?;
    peer.write_all(PARTS[1].as_bytes()).await?;
    Ok(BufReader::new(ours).lines().next_line().await?.unwrap_or_default())
}

/// A read of a fixed length, and a reader for what it left.
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
    Ok(reader.lines().next_line().await?.unwrap_or_default())
}

/// Makes a connection, both of whose ends are ours.
async fn ends() -> io::Result<Ends> {
    let listener = listen()?;
    let ours = TcpStream::connect(listener.local_addr()?).await?;
    Ok((listener.accept().await?.0, ours))
}

/// Reads until the limit, which must come first. What has come before it is taken: tokio's
/// `timeout` too polls the read before it looks at the clock.
async fn in_vain<T>(read: impl Future<Output = T>) -> io::Result<()> {
    match timeout(LIMIT, read).await {
        Err(_) => Ok(()),
        Ok(_) => Err(io::Error::other("the read ended before its limit")),
    }
}
