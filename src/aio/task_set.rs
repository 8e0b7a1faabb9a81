//! A task set: the tasks of a server's clients, counted, and woken together.
//!
//! A server must know how many clients it has, wake all their tasks when it stops, and wait until the last one has
//! ended. If each task also waited for an event, every request would pay for that second wait. So the set keeps the
//! task's waker, and a task that is woken without cause looks at a flag of the server.
//!
//! **Source**: tokio-util's `TaskTracker`.

use std::cell::{Cell, RefCell};
use std::task::Waker;

use super::event::Event;
use crate::jobs::contain;
use crate::rt::slab::Slab;

/// A set of tasks.
#[derive(Debug, Default)]
pub struct TaskSet {
    /// Each task's waker. No waker is cloned, called or dropped while this is borrowed.
    wakers: RefCell<Slab<Waker>>,
    /// All keys are below this.
    keys: Cell<u32>,
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
        let key = self.wakers.borrow_mut().reserve();
        self.wakers.borrow_mut().put(key, Waker::noop().clone());
        self.keys.set(self.keys.get().max(key + 1));
        key
    }

    /// Leaves the waker of a task. It may be called in every poll.
    pub fn set_waker(&self, key: u32, waker: &Waker) {
        if self.wakers.borrow_mut().get_mut(key).is_none_or(|known| known.will_wake(waker)) {
            return;
        }
        let displaced = self.replace(key, waker.clone());
        contain(|| drop(displaced));
    }

    /// Puts a waker in a task's place, and returns the one that was there; or this one, if there is no such task.
    fn replace(&self, key: u32, mut waker: Waker) -> Waker {
        if let Some(known) = self.wakers.borrow_mut().get_mut(key) {
            std::mem::swap(known, &mut waker);
        }
        waker
    }

    /// Removes a task.
    pub fn remove(&self, key: u32) {
        let waker = self.wakers.borrow_mut().remove(key);
        contain(|| drop(waker));
        self.removed.set();
    }

    /// Wakes every task.
    pub fn wake_all(&self) {
        for key in 0..self.keys.get() {
            let waker = self.replace(key, Waker::noop().clone());
            contain(|| waker.wake_by_ref());
            // If another waker came meanwhile, its task is woken, and comes again.
            let displaced = self.replace(key, waker);
            contain(|| displaced.wake());
        }
    }

    /// Waits until the set has fewer than `limit` tasks. One task at a time may wait so.
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn wait_below(&self, limit: usize) {
        while self.wakers.borrow().len() >= limit {
            self.removed.clear();
            self.removed.wait().await;
        }
    }
}
