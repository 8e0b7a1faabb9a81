//! The limits of a fetch on the event loop: one timer, however many bytes move.
//!
//! A `timeout` around each read would make and drop a timer for each. Here the alarm is left where it is while bytes
//! move, and only when it goes off is it asked whether anything has moved since.
//!
//! **Invariants**
//! - `WATCH-1` The alarm is never later than the earliest deadline.
//! - `WATCH-2` The limits are looked at before each step too: a server that always has something ready is held to
//!   the limit on all of it.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::deadlines::Deadlines;
use super::fault::{Fault, Phase};
use super::options::Options;
use crate::aio::{Sleep, sleep};
use crate::rt;

/// Longer than any program runs, and short enough to be added to any point in time.
const FOREVER: Duration = Duration::from_hours(24 * 365 * 100);

/// The limits of one fetch, and what wakes its task for them.
#[derive(Debug)]
pub(super) struct Watch {
    /// The limits.
    deadlines: Deadlines,
    /// The timer.
    alarm: Sleep,
    /// When that goes off (`WATCH-1`).
    alarm_at: Instant,
}

impl Watch {
    /// Begins to count.
    pub(super) fn new(options: &Options) -> Self {
        let now = rt::now();
        let span = options.connect.min(options.silence).min(options.whole).min(FOREVER);
        Self { deadlines: Deadlines::new(options, now), alarm: sleep(span), alarm_at: now + span }
    }

    /// Takes note that something happened.
    pub(super) fn moved(&mut self) {
        self.deadlines.moved(rt::now());
    }

    /// Waits for one step, which is polled before the clock is looked at again; an end of it counts as a move.
    ///
    /// # Errors
    /// [`Fault::Timeout`].
    ///
    /// # Cancellation
    /// As `step`.
    pub(super) async fn over<T>(
        &mut self,
        phase: Phase,
        mut step: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<T, Fault> {
        // WATCH-2
        self.deadlines.left(phase, rt::now())?;
        poll_fn(|cx| match step(cx) {
            Poll::Ready(value) => {
                self.moved();
                Poll::Ready(Ok(value))
            }
            Poll::Pending => self.poll_alarm(phase, cx).map(Err),
        })
        .await
    }

    /// Waits for the time to be up.
    fn poll_alarm(&mut self, phase: Phase, cx: &mut Context<'_>) -> Poll<Fault> {
        loop {
            let now = rt::now();
            let due = match self.deadlines.left(phase, now) {
                Ok(left) => now + left.min(FOREVER),
                Err(fault) => return Poll::Ready(fault),
            };
            if due < self.alarm_at {
                self.set_alarm(due);
            }
            if Pin::new(&mut self.alarm).poll(cx).is_pending() {
                return Poll::Pending;
            }
            // It went off for a deadline that has moved since.
            self.set_alarm(due);
        }
    }

    /// Moves the alarm.
    fn set_alarm(&mut self, at: Instant) {
        self.alarm.reset(at);
        self.alarm_at = at;
    }
}
