//! A semaphore: at most so many at a time.
//!
//! A [`Lock`](super::Lock) is a semaphore with one permit and a value; a [`Queue`](super::Queue) has one for its items
//! and one for its room.
//!
//! **Invariants**
//! - `PERMIT-1` Permits that are held or granted, and permits that are free, add up to what was put in.
//! - `PERMIT-2` First come, first served (`WAIT-1`).
//! - `PERMIT-3` A waiter that is dropped after it was granted a permit passes it on (`WAIT-3`).
//!
//! **Left out**: several permits in one request.
//!
//! **Source**: `asyncio.Semaphore`; tokio's `sync::Semaphore`.

use std::cell::{Cell, RefCell};

use super::waiters::{Acquire, Resource, Waiters};
use crate::rt::{Wait, wake_all};

/// A number of permits that tasks of one loop share.
#[derive(Debug)]
pub struct Semaphore {
    /// Permits that no task holds; none while a task waits.
    free: Cell<usize>,
    /// The tasks that wait.
    waiters: RefCell<Waiters>,
    /// What they wait for.
    wait: Wait,
    /// Set when permits are not counted any more: every acquisition succeeds.
    is_open: Cell<bool>,
}

impl Semaphore {
    /// Makes a semaphore with so many permits.
    pub fn new(permits: usize) -> Self {
        Self::with_wait(permits, Wait::Permit)
    }

    /// Makes the semaphore inside another primitive, for which its tasks wait.
    pub(super) fn with_wait(permits: usize, wait: Wait) -> Self {
        let (free, is_open) = (Cell::new(permits), Cell::new(false));
        Self { free, waiters: RefCell::default(), wait, is_open }
    }

    /// Waits for a permit.
    ///
    /// # Cancellation
    /// The place in the line is lost. A permit that was granted already goes to the next task.
    pub async fn acquire(&self) -> Permit<'_> {
        Acquire::new(self).await;
        Permit { semaphore: self }
    }

    /// Takes a permit if one is free.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        Resource::try_acquire(self).then(|| Permit { semaphore: self })
    }

    /// Counts the permits that are free.
    pub fn available(&self) -> usize {
        self.free.get()
    }

    /// Counts the tasks that wait.
    pub fn waiters(&self) -> usize {
        self.waiters.borrow().len()
    }

    /// Lets every acquisition succeed from now on; wakes every task that waits.
    pub(super) fn open(&self) {
        self.is_open.set(true);
        let woken = self.waiters.borrow_mut().grant_all();
        wake_all(woken);
    }
}

impl Resource for Semaphore {
    fn waiters(&self) -> &RefCell<Waiters> {
        &self.waiters
    }

    fn wait(&self) -> Wait {
        self.wait
    }

    fn try_acquire(&self) -> bool {
        let free = self.free.get();
        self.free.set(free.saturating_sub(1));
        free > 0 || self.is_open.get()
    }

    fn release(&self) {
        let next = self.waiters.borrow_mut().grant();
        if next.is_none() {
            self.free.set(self.free.get().saturating_add(1));
        }
        wake_all(next);
    }
}

/// The right to be one of so many; dropping it gives it to the next task.
#[derive(Debug)]
#[must_use = "dropping a permit releases it"]
pub struct Permit<'a> {
    /// Where it came from.
    semaphore: &'a Semaphore,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.semaphore.release();
    }
}
