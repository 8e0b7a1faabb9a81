//! An event: a flag that tasks wait for.
//!
//! A task that looks at a flag again and again keeps the thread busy; here it sleeps until somebody sets it.
//!
//! **Invariants**
//! - `EVENT-1` Whoever waits when it is set goes on, even if it is cleared before that task runs.
//! - `EVENT-2` Waiters are woken in the order in which they came.
//!
//! Setting is not passed on like a lock: everybody who waits has it, and a waiter that is dropped takes nothing
//! away from the others.
//!
//! **Source**: `asyncio.Event`; `threads::Event` is the same between threads.

use std::cell::{Cell, RefCell};

use super::wait_list::WaitList;
use super::waiting::{Giver, Waiting};
use crate::rt::{Wait, wake_all};

/// A flag that tasks of one loop wait for.
#[derive(Debug, Default)]
pub struct Event {
    /// The flag.
    is_set: Cell<bool>,
    /// Who waits for it; nobody while it is set.
    waiters: RefCell<WaitList>,
}

impl Event {
    /// Makes an event that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets it, and wakes everybody who waits; when it is set already, does nothing.
    pub fn set(&self) {
        self.is_set.set(true);
        // EVENT-1: each has its grant now, whatever becomes of the flag.
        let woken = self.waiters.borrow_mut().grant_all();
        wake_all(woken);
    }

    /// Clears it: who waits from now on sleeps.
    pub fn clear(&self) {
        self.is_set.set(false);
    }

    /// Tells whether it is set.
    pub fn is_set(&self) -> bool {
        self.is_set.get()
    }

    /// Waits until it is set; at once if it is.
    ///
    /// # Cancellation
    /// Nothing is lost: the event stays as it is, and the other waiters wait on.
    pub async fn wait(&self) {
        Waiting::new(self).await;
    }

    /// Counts the tasks that wait.
    pub fn waiters(&self) -> usize {
        self.waiters.borrow().len()
    }
}

impl Giver for &Event {
    const WAIT: Wait = Wait::Event;

    fn waiters(&self) -> &RefCell<WaitList> {
        &self.waiters
    }

    fn try_take(&self) -> bool {
        self.is_set()
    }

    fn give_back(&self) {
        // That it was set is not used up by those who saw it.
    }
}
