//! A time limit on any future.
//!
//! **Invariants**
//! - `TIMEOUT-1` The future is polled before the timer: what is ready in the same turn wins, and nothing that it took
//!   is lost.
//! - `TIMEOUT-2` When the time is over, the future is dropped before `Err` is returned.
//!
//! **Source**: `asyncio.wait_for`; tokio's `time::timeout`.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::sleep::sleep;

/// The time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up")
    }
}

impl std::error::Error for Elapsed {}

impl From<Elapsed> for std::io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(std::io::ErrorKind::TimedOut, elapsed)
    }
}

/// Waits for `future`, but no longer than `limit`.
///
/// # Errors
/// [`Elapsed`]: the time is over, and `future` has been dropped. For what is lost with it, see the "Cancellation" of
/// what it awaited.
///
/// # Panics
/// No event loop runs on this thread.
///
/// # Cancellation
/// Drops `future`.
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut limit = pin!(sleep(limit));
    poll_fn(|cx| {
        if let Poll::Ready(value) = future.as_mut().poll(cx) {
            return Poll::Ready(Ok(value));
        }
        limit.as_mut().poll(cx).map(|()| Err(Elapsed))
    })
    .await
}
