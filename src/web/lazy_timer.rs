//! One timer for all the waits of a connection.
//!
//! - `LAZY-TIMER-1` A connection has one timer for all its deadlines; it is moved when a deadline is earlier than it,
//! - `LAZY-TIMER-2` or when it has fired before the deadline.
//!
//! **Source**: nginx's `ngx_event_add_timer`, which keeps a timer when the new time is near the old one.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use crate::aio::{Sleep, sleep_until};

/// A timer that is moved only when it must be.
#[derive(Debug)]
pub(super) struct LazyTimer {
    /// The timer.
    sleep: Sleep,
    /// What it is armed for, or has fired for.
    armed: Instant,
}

impl LazyTimer {
    /// Arms a timer.
    pub(super) fn new(deadline: Instant) -> Self {
        Self { sleep: sleep_until(deadline), armed: deadline }
    }

    /// Ready when `deadline` has passed.
    pub(super) fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let mut must_move = deadline < self.armed;
        loop {
            if must_move {
                self.sleep.reset(deadline);
                self.armed = deadline;
            }
            ready!(Pin::new(&mut self.sleep).poll(cx));
            if deadline <= self.armed {
                return Poll::Ready(());
            }
            must_move = true;
        }
    }
}
