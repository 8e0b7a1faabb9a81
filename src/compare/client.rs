//! One client of a load: its connection, its requests, and the comparison of every reply.
//!
//! **Invariants**
//! - `TALK-1` Between two batches nothing is outstanding. A byte beyond the replies asked for is a failure, at once
//!   or as the next batch's first reply. After the last reply nothing is read.
//! - `TALK-3` The words of a failure are short, whatever the server sent: at most [`SHOWN_BYTES`] of it are shown.

use std::future::poll_fn;
use std::net::SocketAddr;
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

/// What went wrong with a batch: the bytes of the replies that came, and why no more came, if that is the reason.
type BatchError = (Vec<u8>, String);

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
        let mut asked = 0;
        let mut waiting = Waiting { tally, sent: Instant::now(), requests: 0 };
        while asked < self.share {
            let left = usize::try_from(self.share - asked).unwrap_or(usize::MAX);
            let count = self.depth.min(left);
            let (requests, replies) = tally.script.batch(offset + asked, count);
            waiting.requests = count;
            let answered = exchange(tally, &mut stream, requests, replies).await;
            waiting.requests = 0;
            answered.map_err(|error| describe(&error, requests, replies, asked, self.share))?;
            // The next batch is sent at once, so one look at the clock serves both.
            let now = Instant::now();
            tally.record(waiting.sent, now, count);
            waiting.sent = now;
            asked += count as u64;
        }
        Ok(())
    }
}

/// The requests of a connection that have no reply yet. The end of the load drops the client's future, and this with
/// it: then they are counted, with the time that they have waited (`LOAD-5`).
struct Waiting<'a> {
    /// Where they are counted.
    tally: &'a Tally,
    /// When they were sent.
    sent: Instant,
    /// How many there are.
    requests: usize,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.tally.wait_in_vain(self.sent, self.requests);
    }
}

/// Sends one batch and compares what comes back (`LOAD-2`).
async fn exchange(
    tally: &Tally,
    stream: &mut TcpStream,
    requests: &[u8],
    replies: &[u8],
) -> Result<(), BatchError> {
    let mut right = 0;
    let failed = |right, came: &[u8], why| ([&replies[..right], came].concat(), why);
    stream.write_all(requests).await.map_err(|error| failed(0, b"", format!(": {error}")))?;
    poll_fn(|cx| {
        let mut buffer = tally.buffer.borrow_mut();
        loop {
            let count = ready!(stream.poll_read(cx, &mut buffer))
                .map_err(|error| failed(right, b"", format!(": {error}")))?;
            let came = &buffer[..count];
            if count == 0 {
                let why = ": the server closed the connection".to_owned();
                return Poll::Ready(Err(failed(right, came, why)));
            }
            // What is longer than the rest of the replies is not a prefix of it (TALK-1).
            if !replies[right..].starts_with(came) {
                return Poll::Ready(Err(failed(right, came, String::new())));
            }
            right += count;
            if right == replies.len() {
                return Poll::Ready(Ok(()));
            }
        }
    })
    .await
}

/// Puts a batch's error into words: which request it was, what was expected, what came.
fn describe(
    (got, why): &BatchError,
    requests: &[u8],
    replies: &[u8],
    before: u64,
    share: u64,
) -> String {
    if let Some(extra) = got.strip_prefix(replies) {
        let (number, extra) = (before + 1, shown(extra));
        return format!("request {number} of {share}: came more than was asked for: {extra:?}");
    }
    // Requests and replies have one line each (SCRIPT-3), so the same index finds both.
    let agreed = got.iter().zip(replies).take_while(|(a, b)| a == b).count();
    let index = replies[..agreed].split(|byte| *byte == b'\n').count() - 1;
    let line = |text: &[u8]| shown(text.split(|byte| *byte == b'\n').nth(index).unwrap_or(b""));
    let (asked, expected, got) = (line(requests), line(replies), line(got));
    let number = before + index as u64 + 1;
    let got = if got.is_empty() { "nothing".to_owned() } else { format!("{got:?}") };
    format!("request {number} of {share}: asked {asked:?}, expected {expected:?}, got {got}{why}")
}

/// Bytes as text to show, cut short (`TALK-3`).
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN_BYTES)]).into_owned();
    if bytes.len() > SHOWN_BYTES { text + "..." } else { text }
}
