//! One client of a load: its connection, its requests, and its verdict on every reply.
//!
//! **Invariants**
//! - `TALK-1` Between two batches nothing is outstanding: a byte that goes beyond the replies asked for is a
//!   failure, at once or as the next batch's first reply. Behind the last reply nobody looks.
//! - `TALK-2` The read buffer is everybody's, and holds nothing when a poll is over: what has been compared
//!   and was right is known from the script, so even a verdict on half a reply needs no copy.
//! - `TALK-3` A failure's words are short, whatever the server sent: at most [`SHOWN_BYTES`] of it are shown.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Instant;

use crate::aio::{AsyncRead, AsyncWrite, TcpStream};

use super::run::Run;

/// How much of what a server sent is shown, in bytes. Taste: as much as a line of the terminal holds, which is far
/// more than any right reply.
const SHOWN_BYTES: usize = 80;
/// How far apart two neighbours begin in the script, so that their replies differ.
const STRIDE: u64 = 37;

/// What went wrong with a batch.
enum Trouble {
    /// The system said so.
    Io(io::Error),
    /// The server closed the connection; this many bytes of the replies had come.
    Closed(usize),
    /// After so many right bytes came these, which are wrong or too many.
    Wrong(usize, Vec<u8>),
}

impl From<io::Error> for Trouble {
    /// An error of the system.
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Opens connection `number`, sends its `share` of requests, checks the replies, and closes.
pub(super) async fn converse(run: Rc<Run>, number: usize, share: u64) {
    if let Err(reason) = try_converse(&run, number, share).await {
        run.fail(format!("connection {number}, {reason}"));
    }
    run.ended();
}

/// The conversation, with the reason why it failed.
async fn try_converse(run: &Run, number: usize, share: u64) -> Result<(), String> {
    let opened = TcpStream::connect(run.load.address).await;
    run.settled();
    let mut stream = opened.map_err(|error| error.to_string())?;
    // Else the kernel would gather a deep batch's tail until the first part is acknowledged.
    stream.set_nodelay(true).map_err(|error| format!("set TCP_NODELAY: {error}"))?;
    poll_fn(|cx| run.poll_gate(cx)).await;
    // Neighbours begin apart, so that they expect different replies at the same time.
    let offset = STRIDE * number as u64;
    let (mut asked, mut sent_at) = (0, Instant::now());
    while asked < share {
        let left = usize::try_from(share - asked).unwrap_or(usize::MAX);
        let count = run.load.depth.min(left);
        let (requests, replies) = run.script.batch(offset + asked, count);
        let place = Place { before: asked, share };
        exchange(&run.buffer, &mut stream, requests, replies, place).await?;
        // One look at the clock for two purposes: the next batch is sent right away.
        let now = Instant::now();
        run.record(sent_at, now, count);
        sent_at = now;
        asked += count as u64;
    }
    Ok(())
}

/// Where a batch stands in its connection's share.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The requests before it.
    pub(super) before: u64,
    /// All of the connection's.
    pub(super) share: u64,
}

/// Sends one batch and compares what comes back (`LOAD-2`); fails with words for a human.
///
/// # Cancellation
/// A part may have been sent or read: drop the stream too.
pub(super) async fn exchange(
    buffer: &RefCell<Box<[u8]>>,
    stream: &mut TcpStream,
    requests: &[u8],
    replies: &[u8],
    place: Place,
) -> Result<(), String> {
    let done = try_exchange(buffer, stream, requests, replies).await;
    done.map_err(|trouble| describe(&trouble, requests, replies, place))
}

/// The exchange, with its bare trouble.
async fn try_exchange(
    buffer: &RefCell<Box<[u8]>>,
    stream: &mut TcpStream,
    requests: &[u8],
    replies: &[u8],
) -> Result<(), Trouble> {
    stream.write_all(requests).await?;
    let mut right = 0;
    poll_fn(|cx| {
        let mut buffer = buffer.borrow_mut();
        loop {
            // Mostly there is one read here: it takes all replies, and being short tells that there is no more.
            let count = ready!(stream.poll_read(cx, &mut buffer))?;
            match compare(&buffer[..count], replies, &mut right) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(verdict) => return Poll::Ready(verdict),
            }
        }
    })
    .await
}

/// Compares what one read brought with what is still to come; `right` counts the bytes that were.
fn compare(came: &[u8], replies: &[u8], right: &mut usize) -> ControlFlow<Result<(), Trouble>> {
    if came.is_empty() {
        return ControlFlow::Break(Err(Trouble::Closed(*right)));
    }
    // Longer than what was asked for cannot be a prefix of it (TALK-1).
    if !replies[*right..].starts_with(came) {
        return ControlFlow::Break(Err(Trouble::Wrong(*right, came.to_vec())));
    }
    *right += came.len();
    if *right == replies.len() { ControlFlow::Break(Ok(())) } else { ControlFlow::Continue(()) }
}

/// Puts a batch's trouble in words: which request it was, what was expected, what came.
fn describe(trouble: &Trouble, requests: &[u8], replies: &[u8], place: Place) -> String {
    let Place { before, share } = place;
    // Where the right bytes end, and what came behind them.
    let (right, came): (usize, &[u8]) = match trouble {
        Trouble::Io(_) => (0, &[]),
        Trouble::Closed(right) => (*right, &[]),
        Trouble::Wrong(right, came) => (*right, came),
    };
    // A read may be right at first and wrong then: the first byte that differs is what counts.
    let agreed = right + came.iter().zip(&replies[right..]).take_while(|(a, b)| a == b).count();
    if agreed == replies.len() {
        // All was right, and then there was more.
        let extra = shown(&came[agreed - right..]);
        return format!(
            "request {} of {share}: came more than was asked for: {extra:?}",
            before + 1
        );
    }
    // As many lines are whole as there are newlines.
    let index = replies[..agreed].split(|byte| *byte == b'\n').count() - 1;
    let line_start =
        replies[..agreed].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    // Requests and replies have one line each (SCRIPT-3), so the same index finds both.
    let (asked, expected) = (line(requests, index), line(replies, index));
    let which = format!("request {} of {share}: asked {asked:?}", before + index as u64 + 1);
    // What came of this line: its right beginning from before, then the bytes of this read.
    let mut got = replies[line_start..right.max(line_start)].to_vec();
    got.extend_from_slice(&came[line_start.saturating_sub(right).min(came.len())..]);
    let got = line(&got, 0);
    match trouble {
        Trouble::Io(error) => format!("{which}, expected {expected:?}: {error}"),
        Trouble::Closed(_) if got.is_empty() => {
            format!("{which}, expected {expected:?}, got nothing: the server closed the connection")
        }
        Trouble::Closed(_) => {
            format!("{which}, expected {expected:?}, got {got:?}: the server closed the connection")
        }
        Trouble::Wrong(..) => format!("{which}, expected {expected:?}, got {got:?}"),
    }
}

/// The line of that index, without its ending, as text for a human.
fn line(bytes: &[u8], index: usize) -> String {
    shown(bytes.split(|byte| *byte == b'\n').nth(index).unwrap_or_default())
}

/// Bytes as text for a human, cut short (`TALK-3`).
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_BYTES)]).into_owned();
    if bytes.len() > SHOWN_BYTES { text + "..." } else { text }
}
