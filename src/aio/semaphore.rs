//! A semaphore: so many at a time, and no more.
//!
//! A thousand tasks that all open a connection at once are a thousand connections. With a semaphore of
//! ten, ten are at work and the others wait in line.
//!
//! **Invariants**
//! - `PERMIT-1` Permits held and permits free add up to what was put in.
//! - `PERMIT-2` First come, first served (`GIVE-1`).
//! - `PERMIT-3` A waiter that is dropped with a permit in its hands passes it on (`GIVE-2`).
//!
//! Unlike a lock it guards no value, and unlike a lock's the permits may be given back by somebody else
//! than they were given to: whoever holds the guard.
//!
//! **Left out**: several permits in one request, and closing.
//!
//! **Source**: `asyncio.Semaphore`; tokio's `sync::Semaphore`.

use std::cell::{Cell, RefCell};

use super::wait_list::WaitList;
use super::waiting::{Giver, Waiting};
use crate::rt::Wait;

/// A number of permits that tasks of one loop share.
#[derive(Debug)]
pub struct Semaphore {
    /// Permits that nobody has; none while somebody waits.
    free: Cell<usize>,
    /// Who waits.
    waiters: RefCell<WaitList>,
}

impl Semaphore {
    /// Makes a semaphore with so many permits; none is allowed too, until some are added.
    pub fn new(permits: usize) -> Self {
        Self { free: Cell::new(permits), waiters: RefCell::default() }
    }

    /// Waits for a permit.
    ///
    /// # Cancellation
    /// The place in the line is lost. The permit is not: had it been given already, the next gets it.
    pub async fn acquire(&self) -> Permit<'_> {
        Waiting::new(self).await;
        Permit { semaphore: self }
    }

    /// Takes a permit if one is free.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.try_take().then(|| Permit { semaphore: self })
    }

    /// Adds permits.
    ///
    /// # Panics
    /// There would be more than `usize` can count.
    pub fn add_permits(&self, permits: usize) {
        for added in 0..permits {
            let Some(next) = self.waiters.borrow_mut().grant() else {
                // Nobody waits: the rest is free.
                let free = self.free.get().checked_add(permits - added);
                self.free
                    .set(free.expect("holds because nobody adds more permits than usize counts"));
                return;
            };
            // The permit is the waiter's from here on, although it has not run.
            next.wake();
        }
    }

    /// Counts the permits that nobody has.
    pub fn available(&self) -> usize {
        self.free.get()
    }

    /// Counts the tasks that wait.
    pub fn waiters(&self) -> usize {
        self.waiters.borrow().len()
    }

    /// Takes a permit if one is free.
    fn try_take(&self) -> bool {
        let free = self.free.get();
        self.free.set(free.saturating_sub(1));
        free > 0
    }
}

impl Giver for &Semaphore {
    const WAIT: Wait = Wait::Permit;

    fn waiters(&self) -> &RefCell<WaitList> {
        &self.waiters
    }

    fn try_take(&self) -> bool {
        Semaphore::try_take(self)
    }

    fn give_back(&self) {
        // `PERMIT-3`.
        self.add_permits(1);
    }
}

/// The right to be one of so many; dropping it gives it to the next.
#[derive(Debug)]
#[must_use = "dropping a permit gives it back"]
pub struct Permit<'a> {
    /// Where it came from.
    semaphore: &'a Semaphore,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.semaphore.add_permits(1);
    }
}
