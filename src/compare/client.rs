//! One client of a load: its connection, its requests, and the comparison of every reply.
//!
//! **Invariants**
//! - `TALK-1` Between two batches nothing is outstanding. A byte beyond the replies asked for is a failure, at once
//!   or as the next batch's first reply. After the last reply nothing is read.
//! - `TALK-3` The words of a failure are short, whatever the server sent: at most [`SHOWN_BYTES`] of it are shown.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Instant;

use crate::aio::{AsyncRead, AsyncWrite, TcpStream};

use super::tally::Tally;

/// How much of what a server sent is shown, in bytes: about a line of a terminal.
const SHOWN_BYTES: usize = 80;
/// How far apart two neighbouring clients begin in the script, so that they expect different replies.
const STRIDE: u64 = 37;

/// What one client does.
#[derive(Clone, Copy)]
pub(super) struct Client {
    /// The server.
    pub(super) address: SocketAddr,
    /// Its number, from 0.
    pub(super) number: usize,
    /// How many requests it sends.
    pub(super) share: u64,
    /// How many it sends before it reads.
    pub(super) depth: usize,
}

/// What went wrong with a batch.
enum BatchError {
    /// A system call failed.
    Io(io::Error),
    /// The server closed the connection; this many bytes of the replies had come.
    Closed(usize),
    /// After so many right bytes came these, which are wrong or too many.
    Wrong(usize, Vec<u8>),
}

impl Client {
    /// Connects, sends its share of requests, compares the replies, and closes; the result is in `tally`.
    pub(super) async fn run(self, tally: Rc<Tally>) {
        if let Err(reason) = self.converse(&tally).await {
            tally.fail(format!("connection {}, {reason}", self.number));
        }
        tally.ended();
    }

    /// The same, with the reason for a failure.
    async fn converse(self, tally: &Tally) -> Result<(), String> {
        let connected = TcpStream::connect(self.address).await;
        tally.opened();
        let mut stream = connected.map_err(|error| error.to_string())?;
        // Otherwise the kernel holds the end of a deep batch back until the first part is acknowledged.
        stream.set_nodelay(true).map_err(|error| format!("set TCP_NODELAY: {error}"))?;
        tally.begin.wait().await;
        let offset = STRIDE * self.number as u64;
        let (mut asked, mut sent) = (0, Instant::now());
        while asked < self.share {
            let left = usize::try_from(self.share - asked).unwrap_or(usize::MAX);
            let count = self.depth.min(left);
            let (requests, replies) = tally.script.batch(offset + asked, count);
            exchange(tally, &mut stream, requests, replies)
                .await
                .map_err(|error| describe(&error, requests, replies, asked, self.share))?;
            // The next batch is sent at once, so one look at the clock serves both.
            let now = Instant::now();
            tally.record(sent, now, count);
            sent = now;
            asked += count as u64;
        }
        Ok(())
    }
}

/// Sends one batch and compares what comes back (`LOAD-2`).
async fn exchange(
    tally: &Tally,
    stream: &mut TcpStream,
    requests: &[u8],
    replies: &[u8],
) -> Result<(), BatchError> {
    stream.write_all(requests).await.map_err(BatchError::Io)?;
    let mut right = 0;
    poll_fn(|cx| {
        let mut buffer = tally.buffer.borrow_mut();
        loop {
            let count = ready!(stream.poll_read(cx, &mut buffer)).map_err(BatchError::Io)?;
            match compare(&buffer[..count], replies, &mut right) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(verdict) => return Poll::Ready(verdict),
            }
        }
    })
    .await
}

/// Compares what one read brought with what is still to come; `right` counts the bytes that were right.
fn compare(came: &[u8], replies: &[u8], right: &mut usize) -> ControlFlow<Result<(), BatchError>> {
    if came.is_empty() {
        return ControlFlow::Break(Err(BatchError::Closed(*right)));
    }
    // What is longer than the rest of the replies is not a prefix of it (TALK-1).
    if !replies[*right..].starts_with(came) {
        return ControlFlow::Break(Err(BatchError::Wrong(*right, came.to_vec())));
    }
    *right += came.len();
    if *right == replies.len() { ControlFlow::Break(Ok(())) } else { ControlFlow::Continue(()) }
}

/// Puts a batch's error into words: which request it was, what was expected, what came.
fn describe(
    error: &BatchError,
    requests: &[u8],
    replies: &[u8],
    before: u64,
    share: u64,
) -> String {
    let (right, came): (usize, &[u8]) = match error {
        BatchError::Io(_) => (0, &[]),
        BatchError::Closed(right) => (*right, &[]),
        BatchError::Wrong(right, came) => (*right, came),
    };
    // All bytes of this batch that came, as far as they are known.
    let got = [&replies[..right], came].concat();
    if let Some(extra) = got.strip_prefix(replies) {
        let (number, extra) = (before + 1, shown(extra));
        return format!("request {number} of {share}: came more than was asked for: {extra:?}");
    }
    // Requests and replies have one line each (SCRIPT-3), so the same index finds both.
    let agreed = got.iter().zip(replies).take_while(|(a, b)| a == b).count();
    let index = replies[..agreed].split(|byte| *byte == b'\n').count() - 1;
    let (asked, expected, got) = (line(requests, index), line(replies, index), line(&got, index));
    let which = format!("request {} of {share}: asked {asked:?}", before + index as u64 + 1);
    match error {
        BatchError::Io(error) => format!("{which}, expected {expected:?}: {error}"),
        BatchError::Closed(_) if got.is_empty() => {
            format!("{which}, expected {expected:?}, got nothing: the server closed the connection")
        }
        BatchError::Closed(_) => {
            format!("{which}, expected {expected:?}, got {got:?}: the server closed the connection")
        }
        BatchError::Wrong(..) => format!("{which}, expected {expected:?}, got {got:?}"),
    }
}

/// The line with that index, without its end, as text to show.
fn line(bytes: &[u8], index: usize) -> String {
    shown(bytes.split(|byte| *byte == b'\n').nth(index).unwrap_or_default())
}

/// Bytes as text to show, cut short (`TALK-3`).
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_BYTES)]).into_owned();
    if bytes.len() > SHOWN_BYTES { text + "..." } else { text }
}
