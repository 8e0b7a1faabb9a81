//! Giving up the thread for one batch.
//!
//! **Source**: `await asyncio.sleep(0)`; tokio's `task::yield_now`.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::rt::{Wait, waits_for};

/// Lets every other task that is ready run once before the caller goes on.
///
/// A long computation calls it now and then, and the loop stays even.
///
/// # Cancellation
/// Nothing is lost.
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
#[derive(Debug)]
#[must_use = "it yields when it is awaited"]
pub struct YieldNow {
    /// Set by the first poll.
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.yielded, true) {
            return Poll::Ready(());
        }
        waits_for(Wait::Turn);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
