//! Ticks at a steady pace.
//!
//! A task that works and then sleeps for a second ticks later and later, because the work is added to each second. An
//! interval counts from its own ticks. If the work takes longer than a period, ticks are missed, and the caller chooses
//! what happens to them:
//!
//! ```text
//! period 10, the work after the tick at 10 takes 25
//!          0    10                  35 40   50   60
//! Burst    |    |                   ||  |   |    |     the missed ones at once, then as planned
//! Delay    |    |                   |         |        a whole period after each tick: 45, 55
//! Skip     |    |                   |  |   |    |      the missed ones never, then as planned
//! ```
//!
//! **Invariants**
//! - `TICK-1` The first tick comes at once; none comes early.
//! - `TICK-2` `Burst` gives as many ticks as periods have passed; `Skip` keeps to multiples of the period from the
//!   start; `Delay` has at least a period between any two ticks.
//! - `TICK-3` A tick that was not taken is not lost: dropping a wait half-way takes nothing.
//!
//! **Source**: tokio's `time::Interval` and `MissedTickBehavior`.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::ready;
use std::time::{Duration, Instant};

use super::sleep::{Sleep, sleep_until};
use crate::rt::{now, poll_budget};

/// Thirty years: the next deadline of a period that is too long for an [`Instant`].
const FAR_FUTURE: Duration = Duration::from_hours(30 * 365 * 24);

/// What happens to ticks that came due while no task waited for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTicks {
    /// They come at once, one after another, until the count is right.
    #[default]
    Burst,
    /// They never come, and the next tick is a whole period after this one. Every delay is kept for good.
    Delay,
    /// They never come, and the next tick is where it would have been without the delay.
    Skip,
}

/// Makes an interval whose first tick comes at once. It gives missed ticks in a burst.
///
/// # Panics
/// `period` is zero; no event loop runs on this thread.
///
/// # Examples
/// ```
/// use handloom::{aio, rt};
/// use std::time::Duration;
///
/// let event_loop = rt::EventLoop::builder().virtual_clock().build()?;
/// event_loop.block_on(async {
///     let start = rt::now();
///     let mut every_hour = aio::interval(Duration::from_secs(3600));
///     for hour in 0..24 {
///         assert_eq!(every_hour.tick().await, start + Duration::from_secs(hour * 3600));
///     }
/// });
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn interval(period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval needs a period above zero");
    let start = now();
    Interval { period, missed: MissedTicks::default(), deadline: start, sleep: sleep_until(start) }
}

/// Ticks at a steady pace; see [`interval`].
#[derive(Debug)]
pub struct Interval {
    /// The time between two ticks.
    period: Duration,
    /// What happens to missed ticks.
    missed: MissedTicks,
    /// When the next tick is due.
    deadline: Instant,
    /// The wait for it.
    sleep: Sleep,
}

impl Interval {
    /// Chooses what happens to missed ticks.
    #[must_use]
    pub fn missed_ticks(mut self, missed: MissedTicks) -> Self {
        self.missed = missed;
        self
    }

    /// Waits for the next tick, and returns when it was due, which may be in the past.
    ///
    /// # Cancellation
    /// Nothing is lost: a tick is taken by the poll that returns it.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| {
            ready!(Pin::new(&mut self.sleep).poll(cx));
            // A burst is ready many times in a row.
            poll_budget(cx)
        })
        .await;
        let due = self.deadline;
        self.deadline = self.next_deadline(due, now());
        self.sleep.reset(self.deadline);
        due
    }

    /// Returns the deadline of the tick after the one that was `due` (`TICK-2`).
    fn next_deadline(&self, due: Instant, now: Instant) -> Instant {
        let from = match self.missed {
            MissedTicks::Burst => due,
            MissedTicks::Delay => now,
            MissedTicks::Skip => {
                let late = now.saturating_duration_since(due).as_nanos() % self.period.as_nanos();
                now.checked_sub(Duration::from_nanos_u128(late)).unwrap_or(now)
            }
        };
        from.checked_add(self.period).unwrap_or(now + FAR_FUTURE)
    }
}
