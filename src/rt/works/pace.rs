//! How exactly the loop waits for a deadline.
//!
//! epoll counts milliseconds and may be late by a thousandth of a long wait. Sleeps should be late by less than 100 µs;
//! but when timers fire very often, an exact wait for each costs more than the timers themselves.
//!
//! **Source**: `epoll_wait(2)`, `ppoll(2)`; `benches/event_loop.rs`.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::os;

/// Below this, whole milliseconds are too coarse.
const FINE_WAIT: Duration = Duration::from_millis(2);

/// From this many timers in a millisecond on, an exact wait for each does not pay. One sleeper comes to a tenth of it.
const DENSE: u64 = 32;

/// Measures how often timers fire.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When timers fired last, in nanoseconds.
    last: u64,
    /// How many fire in a millisecond, in the mean of late.
    per_millisecond: u64,
}

impl Pace {
    /// Counts timers that fired at `now`.
    pub(crate) fn count(&mut self, now: u64, fired: usize) {
        if fired > 0 {
            let rate = 1_000_000 * fired as u64 / now.saturating_sub(self.last).max(1);
            self.per_millisecond = (7 * self.per_millisecond + rate) / 8;
            self.last = now;
        }
    }

    /// Returns the selector's timeout in a wait of at most `timeout`. A long wait gets a shorter one, and its rest is a
    /// second wait. A short wait is spent here, in ppoll(2) on the selector's own descriptor, which counts nanoseconds.
    pub(crate) fn selector_timeout(
        &self,
        selector: BorrowedFd<'_>,
        timeout: Option<Duration>,
    ) -> Option<Duration> {
        let timeout = timeout?;
        if timeout >= FINE_WAIT {
            return Some(timeout.saturating_sub(timeout / 512 + FINE_WAIT / 2));
        }
        if timeout.is_zero() || self.per_millisecond >= DENSE {
            return Some(timeout);
        }
        // ppoll refuses to work where RLIMIT_NOFILE is 0. The selector then waits for a whole millisecond.
        Some(if os::wait_readable(selector, timeout).is_ok() { Duration::ZERO } else { timeout })
    }
}
