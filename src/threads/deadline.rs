//! The wait on a condition variable, with or without a deadline.
//!
//! A mutex lets one thread at a time look at a state. A condition variable lets a thread sleep until the state may have
//! changed. It remembers nothing: a notification is lost if no thread waits. And it may wake a thread without any
//! notification. Hence the rule of all files here: the state is changed under the mutex, and a waiter checks it under
//! the mutex, in a loop.
//!
//! Problem: a condition variable takes a timeout, but a waiter may wake early and wait again. With the same timeout each
//! time it could wait forever, so the end is computed once, as an `Instant`.
//!
//! **Invariants**
//! - `DEADLINE-1`: a wait reports its end only when its whole time has passed.
//! - `DEADLINE-2`: a timeout that the clock cannot count to is no deadline; `Instant::now() + Duration::MAX` panics.
//!
//! **Source**: C. A. R. Hoare, "Monitors", 1974; `pthread_cond_wait(3)` and `pthread_cond_timedwait(3)`.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{Condvar, Mutex, MutexGuard};

/// Until when to wait; `None` is forever.
pub(super) type Deadline = Option<Instant>;

/// The deadline that is `timeout` away from now (`DEADLINE-2`).
pub(super) fn after(timeout: Duration) -> Deadline {
    Instant::now().checked_add(timeout)
}

/// Releases the lock and sleeps until a notification or the deadline; returns with the lock, and with whether the
/// deadline has passed. The caller checks its state in both cases: it may have changed at the same moment.
pub(super) fn wait<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Deadline,
) -> (MutexGuard<'a, T>, bool) {
    let Some(deadline) = deadline else {
        return (condvar.wait(guard).unwrap_or_else(PoisonError::into_inner), false);
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let (guard, result) = condvar.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner);
    (guard, result.timed_out())
}

/// Locks a mutex. A poisoned one is used like any other: no foreign code runs under the locks of these files, and no
/// statement there leaves a state half changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
