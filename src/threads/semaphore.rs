//! A semaphore: so many threads at a time, and no more.
//!
//! Problem: a hundred threads that all open a file, or a connection, may be more than the system or the other side
//! can bear. With a semaphore of ten, ten are at work and the others sleep.
//!
//! **Invariants**
//! - `THREAD-PERMIT-1`: permits held and permits free add up to what was put in.
//! - `THREAD-PERMIT-2`: while a permit is free, no thread sleeps that was not woken for one.
//! - `THREAD-PERMIT-3`: a thread that gives up at its deadline takes no permit with it; one that is free then is taken.
//! - `THREAD-PERMIT-4`: the kernel is asked to wake a thread only when one sleeps.
//!
//! A permit that comes free lies on the table for whoever comes first. A thread that just passes by may take it
//! before the one that was woken, which then sleeps on. That is fast, for the passer-by need not sleep; and it is
//! not fair. [`aio::Semaphore`](crate::aio::Semaphore) hands its permits over in order.
//!
//! **Left out**: several permits in one request; an order of service.
//!
//! **Source**: E. W. Dijkstra's P and V; Python's `threading.Semaphore`.

use std::time::Duration;

use super::deadline::{Deadline, lock};
use super::sync::{Condvar, Mutex};

/// A number of permits that threads share.
///
/// # Examples
/// ```
/// use handloom::threads::Semaphore;
///
/// let doors = Semaphore::new(1);
/// let inside = doors.acquire();
/// assert!(doors.try_acquire().is_none());
/// drop(inside);
/// assert!(doors.try_acquire().is_some());
/// ```
#[derive(Debug)]
pub struct Semaphore {
    /// The permits, and who waits for one.
    state: Mutex<State>,
    /// Wakes a thread: a permit came free.
    came_free: Condvar,
}

/// What the lock guards.
#[derive(Debug)]
struct State {
    /// Permits that nobody has.
    free: usize,
    /// Threads that sleep until one comes free, those too that were woken and have not run yet.
    waiting: usize,
}

impl Semaphore {
    /// Makes a semaphore with so many permits; none is allowed too, until some are added.
    pub fn new(permits: usize) -> Self {
        let state = State { free: permits, waiting: 0 };
        Self { state: Mutex::new(state), came_free: Condvar::new() }
    }

    /// Waits for a permit.
    ///
    /// # Blocking
    /// Until one is free.
    pub fn acquire(&self) -> Permit<'_> {
        loop {
            // Once round: this deadline never comes.
            if let Some(permit) = self.acquire_until(Deadline::Never) {
                return permit;
            }
        }
    }

    /// Waits for a permit, but no longer than `timeout`; `None`: the time was up.
    ///
    /// # Blocking
    /// Until one is free, or for `timeout`.
    pub fn acquire_timeout(&self, timeout: Duration) -> Option<Permit<'_>> {
        self.acquire_until(Deadline::after(timeout))
    }

    /// Takes a permit if one is free.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        lock(&self.state).take_one().then(|| Permit { semaphore: self })
    }

    /// Adds permits.
    ///
    /// # Panics
    /// There would be more than `usize` can count.
    pub fn add_permits(&self, permits: usize) {
        let mut state = lock(&self.state);
        let free = state.free.checked_add(permits);
        state.free = free.expect("holds because nobody adds more permits than usize counts");
        // One wake for each permit at most: a thread that finds none would have woken for nothing.
        let woken = state.waiting.min(permits);
        drop(state);
        for _ in 0..woken {
            self.came_free.notify_one();
        }
    }

    /// Counts the permits that nobody has.
    pub fn available(&self) -> usize {
        lock(&self.state).free
    }

    /// Counts the threads that sleep until a permit comes free.
    pub fn waiting(&self) -> usize {
        lock(&self.state).waiting
    }

    /// Waits for a permit, or until the deadline.
    fn acquire_until(&self, deadline: Deadline) -> Option<Permit<'_>> {
        let mut state = lock(&self.state);
        let mut is_over = false;
        let mut taken = state.take_one();
        if !taken {
            state.waiting += 1;
            // THREAD-PERMIT-3: the look comes after the sleep, also after the last one.
            while !taken && !is_over {
                (state, is_over) = deadline.wait(&self.came_free, state);
                taken = state.take_one();
            }
            state.waiting -= 1;
        }
        drop(state);
        taken.then(|| Permit { semaphore: self })
    }
}

impl State {
    /// Takes a permit if one is free.
    fn take_one(&mut self) -> bool {
        let is_free = self.free > 0;
        self.free -= usize::from(is_free);
        is_free
    }
}

/// The right to be one of so many; dropping it gives it back.
#[derive(Debug)]
#[must_use = "dropping a permit gives it back"]
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
