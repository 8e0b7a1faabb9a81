//! A task set: the tasks of a server's clients, counted, and woken together.
//!
//! A server must know how many clients it has, wake all their tasks when it stops, and wait until the last one has
//! ended. If each task also waited for an event, every request would pay for that second wait. So the set keeps the
//! task's waker, and a task that is woken without cause looks at a flag of the server.
//!
//! **Source**: tokio-util's `TaskTracker`.

use std::cell::RefCell;
use std::task::Waker;

use super::event::Event;
use crate::jobs::contain;
use crate::rt::slab::Slab;
use crate::rt::wake_all;

/// A set of tasks.
#[derive(Debug, Default)]
pub struct TaskSet {
    /// Each task's waker. No waker is called or dropped while this is borrowed.
    wakers: RefCell<Slab<Waker>>,
    /// Set whenever a task is removed.
    removed: Event,
}

impl TaskSet {
    /// Makes an empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a task and returns its key, which is the task's until [`remove`](Self::remove).
    pub fn add(&self) -> u32 {
        self.wakers.borrow_mut().insert(Waker::noop().clone())
    }

    /// Leaves the waker of a task. It may be called in every poll.
    pub fn set_waker(&self, key: u32, waker: &Waker) {
        if self.wakers.borrow_mut().get_mut(key).is_none_or(|known| known.will_wake(waker)) {
            return;
        }
        // A clone is foreign code, and must not meet a borrow.
        let mut waker = waker.clone();
        if let Some(known) = self.wakers.borrow_mut().get_mut(key) {
            std::mem::swap(known, &mut waker);
        }
        contain(|| drop(waker));
    }

    /// Removes a task.
    pub fn remove(&self, key: u32) {
        let waker = self.wakers.borrow_mut().remove(key);
        contain(|| drop(waker));
        self.removed.set();
    }

    /// Counts the tasks.
    pub fn len(&self) -> usize {
        self.wakers.borrow().len()
    }

    /// Tells whether there is no task.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Wakes every task.
    pub fn wake_all(&self) {
        let wakers: Vec<_> = self.wakers.borrow().iter().cloned().collect();
        wake_all(wakers);
    }

    /// Waits until the set has fewer than `limit` tasks. One task at a time may wait so.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn wait_below(&self, limit: usize) {
        while self.len() >= limit {
            self.removed.clear();
            self.removed.wait().await;
        }
    }
}
