//! A semaphore: at most N threads at a time.
//!
//! Problem: a hundred threads that all open a file or a connection may be more than the system or the other side can
//! bear. With a semaphore of ten, ten are at work and the others sleep.
//!
//! **Invariants**
//! - `THREAD-PERMIT-1`: permits held and permits free add up to what was put in.
//! - `THREAD-PERMIT-2`: while a permit is free, no thread sleeps that was not woken for one.
//! - `THREAD-PERMIT-3`: a thread that gives up at its deadline takes no permit with it; one that is free then is taken.
//!
//! A thread that comes when a permit is freed may take it before the thread that was woken, which then sleeps again.
//! That is fast and not fair. [`aio::Semaphore`](crate::aio::Semaphore) hands its permits over in order.
//!
//! **Source**: E. W. Dijkstra's P and V; Python's `threading.Semaphore`.

use std::time::Duration;

use super::deadline::{self, Deadline, lock};
use super::{Condvar, Mutex};

/// A number of permits that threads share.
///
/// # Examples
/// ```
/// use handloom::threads::Semaphore;
///
/// let permits = Semaphore::new(1);
/// let held = permits.acquire();
/// assert!(permits.try_acquire().is_none());
/// drop(held);
/// assert!(permits.try_acquire().is_some());
/// ```
#[derive(Debug)]
pub struct Semaphore {
    /// The permits, and how many threads wait for one.
    state: Mutex<SemaphoreState>,
    /// Wakes a thread: a permit was freed.
    freed: Condvar,
}

/// What the lock guards.
#[derive(Debug)]
struct SemaphoreState {
    /// Permits that no thread holds.
    free: usize,
    /// Threads that sleep until one is free, also those that were woken and did not run yet.
    waiting: usize,
}

impl Semaphore {
    /// Makes a semaphore with so many permits; it may have none until some are added.
    pub fn new(permits: usize) -> Self {
        let state = SemaphoreState { free: permits, waiting: 0 };
        Self { state: Mutex::new(state), freed: Condvar::new() }
    }

    /// Waits for a permit.
    ///
    /// # Blocking
    /// Until one is free.
    ///
    /// # Panics
    /// Never: a wait without a deadline ends with a permit.
    pub fn acquire(&self) -> Permit<'_> {
        self.acquire_until(None).expect("holds because a wait without a deadline ends so")
    }

    /// Waits for a permit, but no longer than `timeout`; `None` after that.
    ///
    /// # Blocking
    /// Until one is free, or for `timeout`.
    pub fn acquire_timeout(&self, timeout: Duration) -> Option<Permit<'_>> {
        self.acquire_until(deadline::after(timeout))
    }

    /// Takes a permit if one is free.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        let mut state = lock(&self.state);
        state.free = state.free.checked_sub(1)?;
        Some(Permit { semaphore: self })
    }

    /// Adds permits.
    ///
    /// # Panics
    /// There would be more than `usize` can count.
    pub fn add_permits(&self, permits: usize) {
        let mut state = lock(&self.state);
        let free = state.free.checked_add(permits);
        state.free = free.expect("holds because there are no more permits than usize counts");
        // At most one wake for each permit: a further thread would find none.
        let woken = state.waiting.min(permits);
        drop(state);
        for _ in 0..woken {
            self.freed.notify_one();
        }
    }

    /// Counts the permits that no thread holds.
    pub fn available(&self) -> usize {
        lock(&self.state).free
    }

    /// Counts the threads that sleep until a permit is free.
    pub fn waiting(&self) -> usize {
        lock(&self.state).waiting
    }

    /// Waits for a permit, or until the deadline.
    fn acquire_until(&self, deadline: Deadline) -> Option<Permit<'_>> {
        let mut state = lock(&self.state);
        let mut is_late = false;
        while state.free == 0 && !is_late {
            state.waiting += 1;
            (state, is_late) = deadline::wait(&self.freed, state, deadline);
            state.waiting -= 1;
        }
        // THREAD-PERMIT-3: a permit may have come with the deadline.
        state.free = state.free.checked_sub(1)?;
        Some(Permit { semaphore: self })
    }
}

/// The right to be one of the N; dropping it returns it.
#[derive(Debug)]
#[must_use = "dropping a permit returns it"]
pub struct Permit<'a> {
    /// Where it came from.
    semaphore: &'a Semaphore,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // THREAD-PERMIT-1, also when the thread that held it panics.
        self.semaphore.add_permits(1);
    }
}
