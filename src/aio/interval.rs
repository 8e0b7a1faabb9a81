//! Ticks at a steady pace.
//!
//! A loop that works and then sleeps for a second ticks later and later: the work is added to each second.
//! An interval counts from its own ticks. What it does when the work took longer than a whole period, and
//! ticks were missed, is for the caller to say:
//!
//! ```text
//! period 10, the work after the tick at 10 takes 25
//!          0    10                  35 40   50   60
//! Burst    |    |                   ||  |   |    |     those missed at once, then as planned
//! Delay    |    |                   |         |        a whole period after each tick: 45, 55
//! Skip     |    |                   |  |   |    |      the missed ones never, then as planned
//! ```
//!
//! **Invariants**
//! - `TICK-1` The first tick comes at once; none comes early.
//! - `TICK-2` `Burst` gives as many ticks as periods have passed; `Skip` keeps to multiples of the period
//!   from the start; `Delay` has a period at least between any two ticks.
//! - `TICK-3` A tick that nobody took is not lost: dropping a wait half-way takes nothing.
//!
//! **Source**: tokio's `time::Interval` and `MissedTickBehavior`.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::sleep::{Sleep, sleep_until};
use crate::rt::{now, poll_budget};

/// A deadline that no program lives to see, for periods that no [`Instant`] can hold: thirty years.
const FAR_FUTURE: Duration = Duration::from_hours(30 * 365 * 24);

/// What happens to ticks that came due while nobody waited for them.
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

/// Makes an interval whose first tick comes at once, and which makes up for missed ticks in a burst.
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
    assert!(
        !period.is_zero(),
        "an interval needs a period above zero: it would tick for ever at once"
    );
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

    /// Waits for the next tick, and returns when it was due; that is past when it was missed.
    ///
    /// # Cancellation
    /// Nothing is lost: the tick is taken by the poll that returns it, and waits for the next call.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// The poll of [`tick`](Self::tick).
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(Pin::new(&mut self.sleep).poll(cx));
        // A burst is ready again and again.
        ready!(poll_budget(cx));
        let due = self.deadline;
        self.deadline = self.next_deadline(due, now());
        self.sleep.reset(self.deadline);
        Poll::Ready(due)
    }

    /// Returns the period.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// Returns when the tick after the one that was `due` is due, seen at `now` (`TICK-2`).
    fn next_deadline(&self, due: Instant, now: Instant) -> Instant {
        let from = match self.missed {
            MissedTicks::Burst => due,
            MissedTicks::Delay => now,
            MissedTicks::Skip => {
                let into_period =
                    now.saturating_duration_since(due).as_nanos() % self.period.as_nanos();
                // A remainder is smaller than its divisor, and where that has too many nanoseconds for
                // 64 bits, the time that has passed has not.
                let into_period = Duration::from_nanos(u64::try_from(into_period).unwrap_or(0));
                now.checked_sub(into_period).unwrap_or(now)
            }
        };
        from.checked_add(self.period).unwrap_or(now + FAR_FUTURE)
    }
}
