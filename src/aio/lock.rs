//! A lock that is held across awaits, and the condition that belongs to it.
//!
//! Nothing interrupts a task but its own awaits. A value that a task reads, awaits over and writes back needs a lock all
//! the same; a lock of the standard library would block the whole loop. A task that holds the lock and must wait for a
//! change of the value waits for a [`Condition`], which unlocks, so that another task can make the change.
//!
//! **Invariants**
//! - `LOCK-1` An unlock hands the lock to the task that waits longest; no other can take it in between (`WAIT-1`).
//! - `LOCK-2` The value's borrow ends before the lock is handed on.
//! - `LOCK-3` A waiter that is dropped after it was handed the lock passes it on (`WAIT-3`).
//! - `COND-1` A waiter is in the condition's line before it unlocks, so no notice falls in between.
//! - `COND-2` A notice wakes one waiter, the one that waits longest; without a waiter it is forgotten.
//! - `COND-3` A waiter that is dropped after its notice, also while it waits for the lock, passes the notice on.
//!
//! ```text
//! waiter                                    changer
//! has the lock, stands in line, unlocks
//!                                           locks, changes, notifies: first in line, unlocks
//! locks again, tests the value again
//! ```
//! If the waiter unlocked first, the notice could come while no task stands in line.
//!
//! **Left out**: poisoning. The next task sees what a task that panicked left half done, as in asyncio and tokio.
//!
//! **Source**: `asyncio.Lock`; tokio's `sync::Mutex`; `asyncio.Condition`, which learned `COND-3` in 3.13.

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;

use super::semaphore::{Permit, Semaphore};
use super::waiters::{Acquire, Resource, Waiters};
use crate::rt::{Wait, wake_all};

/// A value that one task at a time may use, across awaits.
#[derive(Debug)]
pub struct Lock<T> {
    /// One permit: the right to use the value.
    semaphore: Semaphore,
    /// The value; borrowed exactly while a guard lives.
    value: RefCell<T>,
}

impl<T> Lock<T> {
    /// Makes a lock around a value.
    pub fn new(value: T) -> Self {
        Self { semaphore: Semaphore::with_wait(1, Wait::Lock), value: RefCell::new(value) }
    }

    /// Waits for the lock; forever, if the task holds it already.
    ///
    /// # Cancellation
    /// The place in the line is lost. A lock that was handed over already goes to the next task.
    pub async fn lock(&self) -> LockGuard<'_, T> {
        let permit = self.semaphore.acquire().await;
        self.guard(permit)
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        self.semaphore.try_acquire().map(|permit| self.guard(permit))
    }

    /// Counts the tasks that wait.
    pub fn waiters(&self) -> usize {
        self.semaphore.waiters()
    }

    /// Makes the guard.
    fn guard<'a>(&'a self, permit: Permit<'a>) -> LockGuard<'a, T> {
        // It is not borrowed: LOCK-2.
        LockGuard { value: self.value.borrow_mut(), _permit: permit, lock: self }
    }
}

/// A lock that is held; dropping the guard unlocks.
pub struct LockGuard<'a, T> {
    /// The value. The fields' order is the order of their drops (`LOCK-2`).
    value: RefMut<'a, T>,
    /// The lock's one permit.
    _permit: Permit<'a>,
    /// The lock, to be locked again by a condition's waiter.
    lock: &'a Lock<T>,
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockGuard").field(&*self.value).finish()
    }
}

/// Where tasks that hold a [`Lock`] wait for a change of what it guards.
#[derive(Debug, Default)]
pub struct Condition {
    /// The tasks that wait.
    waiters: RefCell<Waiters>,
}

impl Condition {
    /// Makes a condition for which no task waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Unlocks, waits for a notice, and locks again.
    ///
    /// Another task may have had the lock in between: test the value again, or use [`wait_while`](Self::wait_while).
    ///
    /// # Cancellation
    /// The lock is released. A notice that this waiter was given and did not use goes to the next.
    pub async fn wait<'a, T>(&self, guard: LockGuard<'a, T>) -> LockGuard<'a, T> {
        let lock = guard.lock;
        let mut guard = Some(guard);
        let mut notified = Acquire::new(self);
        poll_fn(|cx| {
            let polled = Pin::new(&mut notified).poll(cx);
            // COND-1: after the first poll has put this task in line.
            drop(guard.take());
            polled
        })
        .await;
        // COND-3: if it is dropped from here on, it has a notice and no lock.
        let mut unused = Notice { condition: Some(self) };
        let guard = lock.lock().await;
        unused.condition = None;
        guard
    }

    /// Waits as long as `is_too_early` says so of the value; returns at once if it does not.
    ///
    /// # Cancellation
    /// As for [`wait`](Self::wait).
    pub async fn wait_while<'a, T>(
        &self,
        mut guard: LockGuard<'a, T>,
        mut is_too_early: impl FnMut(&mut T) -> bool,
    ) -> LockGuard<'a, T> {
        while is_too_early(&mut guard) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// Wakes the task that waits longest. The lock need not be held.
    pub fn notify_one(&self) {
        let first = self.waiters.borrow_mut().grant();
        wake_all(first);
    }

    /// Wakes every task that waits now.
    pub fn notify_all(&self) {
        let woken = self.waiters.borrow_mut().grant_all();
        wake_all(woken);
    }

    /// Counts the tasks that wait.
    pub fn waiters(&self) -> usize {
        self.waiters.borrow().len()
    }
}

impl Resource for Condition {
    fn waiters(&self) -> &RefCell<Waiters> {
        &self.waiters
    }

    fn wait(&self) -> Wait {
        Wait::Condition
    }

    fn try_acquire(&self) -> bool {
        // No notice is kept for a later waiter (`COND-2`).
        false
    }

    fn release(&self) {
        self.notify_one();
    }
}

/// A notice that was given and not used yet.
struct Notice<'a> {
    /// Which condition gets it back (`COND-3`); `None` once it is used.
    condition: Option<&'a Condition>,
}

impl Drop for Notice<'_> {
    fn drop(&mut self) {
        if let Some(condition) = self.condition {
            condition.notify_one();
        }
    }
}
