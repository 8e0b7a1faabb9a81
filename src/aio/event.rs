//! An event: a flag that tasks wait for.
//!
//! A task that tests a flag again and again keeps the thread busy. A task that awaits an event sleeps until it is set.
//!
//! **Invariants**
//! - `EVENT-1` A task that waits when the event is set continues, even if the event is cleared before the task runs.
//! - `EVENT-2` Waiters are woken in the order in which they came.
//!
//! **Source**: `asyncio.Event`; `threads::Event` is the same between threads.

use std::cell::{Cell, RefCell};

use super::waiters::{Acquire, Resource, Waiters};
use crate::rt::{Wait, wake_all};

/// A flag that tasks of one loop wait for.
#[derive(Debug, Default)]
pub struct Event {
    /// The flag.
    is_set: Cell<bool>,
    /// The tasks that wait for it; empty while it is set.
    waiters: RefCell<Waiters>,
}

impl Event {
    /// Makes an event that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the event and wakes every task that waits. Does nothing if it is set already.
    pub fn set(&self) {
        self.is_set.set(true);
        // EVENT-1: each waiter is granted now, whatever happens to the flag.
        let woken = self.waiters.borrow_mut().grant_all();
        wake_all(woken);
    }

    /// Clears the event: tasks that wait from now on sleep.
    pub fn clear(&self) {
        self.is_set.set(false);
    }

    /// Tells whether the event is set.
    pub fn is_set(&self) -> bool {
        self.is_set.get()
    }

    /// Waits until the event is set; returns at once if it is.
    ///
    /// # Cancellation
    /// Nothing is lost: the event stays as it is, and the other tasks wait on.
    pub async fn wait(&self) {
        Acquire::new(self).await;
    }

    /// Counts the tasks that wait.
    pub fn waiters(&self) -> usize {
        self.waiters.borrow().len()
    }
}

impl Resource for Event {
    fn waiters(&self) -> &RefCell<Waiters> {
        &self.waiters
    }

    fn wait(&self) -> Wait {
        Wait::Event
    }

    fn try_acquire(&self) -> bool {
        self.is_set()
    }

    fn release(&self) {
        // Any number of tasks may see that it was set.
    }
}
