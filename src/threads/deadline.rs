//! Until when a thread waits on a condition variable, and the wait itself.
//!
//! Problem: a condition variable takes a span, but a waiter may be woken for nothing and wait again. With
//! the same span each time it would wait for ever; so the end is noted once, as a point in time. And a span may
//! be too long to be added to the clock: `Instant::now() + Duration::MAX` panics.
//!
//! **Invariants**
//! - `DEADLINE-1`: a wait is reported as over only when its whole time has passed; woken before, it says so, and the
//!   caller looks at its state again.
//! - `DEADLINE-2`: a span that the clock cannot count to is no deadline at all.
//! - `DEADLINE-3`: a poisoned mutex is used on. Nobody who uses this runs foreign code under the lock or leaves
//!   the state half changed there.
//!
//! **Source**: `pthread_cond_timedwait(3)`, which takes a point in time for this reason.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::sync::{Condvar, Mutex, MutexGuard};

/// Until when to wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deadline {
    /// As long as it takes.
    Never,
    /// Until then.
    At(Instant),
}

impl Deadline {
    /// The point that is `timeout` away from now (`DEADLINE-2`).
    pub(super) fn after(timeout: Duration) -> Self {
        Instant::now().checked_add(timeout).map_or(Self::Never, Self::At)
    }

    /// Gives up the lock and sleeps until somebody notifies or the time is up; returns with the lock, and with
    /// whether the time is up.
    ///
    /// It may also return for no reason: the caller looks at its state, also when the time is up, since what it
    /// waits for may have come while it waited for the lock.
    pub(super) fn wait<'a, T>(
        self,
        condvar: &Condvar,
        guard: MutexGuard<'a, T>,
    ) -> (MutexGuard<'a, T>, bool) {
        let Self::At(end) = self else {
            return (condvar.wait(guard).unwrap_or_else(PoisonError::into_inner), false);
        };
        let left = end.saturating_duration_since(Instant::now());
        let (guard, result) =
            condvar.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner);
        (guard, result.timed_out())
    }
}

/// Takes a lock, poisoned or not (`DEADLINE-3`).
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
