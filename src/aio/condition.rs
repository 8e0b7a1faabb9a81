//! A condition: waiting, with a lock, until what it guards has changed.
//!
//! A task that holds a lock and finds that it cannot go on must let the lock go, else nobody can change
//! anything; and must not miss the change that comes right after.
//!
//! **Invariants**
//! - `COND-1` A waiter stands in line before it lets the lock go: no notice falls between.
//! - `COND-2` A notice wakes exactly one waiter, the one that waits longest; with no waiter it is forgotten.
//! - `COND-3` A waiter that is dropped after it was notified, also while it waits for the lock again,
//!   passes the notice on.
//!
//! ```text
//! waiter                                    changer
//! has the lock, stands in line, unlocks
//!                                           locks, changes, notifies: first in line, unlocks
//! locks again, looks again
//! ```
//! Had the waiter unlocked first, the notice could have come while nobody stood in line.
//!
//! **Source**: `asyncio.Condition`, which learned `COND-3` in 3.13; `threads::Condition` is the same
//! between threads.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;

use super::lock::LockGuard;
use super::wait_list::WaitList;
use super::waiting::{Giver, Waiting};
use crate::rt::Wait;

/// Where tasks that hold a [`Lock`](super::Lock) wait for a change of what it guards.
#[derive(Debug, Default)]
pub struct Condition {
    /// Who waits.
    waiters: RefCell<WaitList>,
}

impl Condition {
    /// Makes a condition for which nobody waits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the lock go, waits for a notice, and takes the lock again.
    ///
    /// Another task may have had the lock in between: look again, or use [`wait_while`](Self::wait_while).
    ///
    /// # Cancellation
    /// The lock is let go. A notice that this waiter was given and did not use goes to the next.
    pub async fn wait<'a, T>(&self, guard: LockGuard<'a, T>) -> LockGuard<'a, T> {
        let lock = LockGuard::lock_of(&guard);
        let mut guard = Some(guard);
        let mut notice = Waiting::new(self);
        poll_fn(|cx| {
            let polled = Pin::new(&mut notice).poll(cx);
            // COND-1: after the first poll has put this task in line.
            drop(guard.take());
            polled
        })
        .await;
        // COND-3: dropped from here on, it has a notice and no lock.
        let mut unused = Notice { condition: Some(self) };
        let guard = lock.lock().await;
        unused.condition = None;
        guard
    }

    /// Waits as long as `is_too_early` says so of the value; returns at once when it never does.
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
        if let Some(first) = first {
            first.wake();
        }
    }

    /// Wakes every task that waits now.
    pub fn notify_all(&self) {
        let woken = self.waiters.borrow_mut().grant_all();
        for waker in woken {
            waker.wake();
        }
    }

    /// Counts the tasks that wait.
    pub fn waiters(&self) -> usize {
        self.waiters.borrow().len()
    }
}

impl Giver for &Condition {
    const WAIT: Wait = Wait::Condition;

    fn waiters(&self) -> &RefCell<WaitList> {
        &self.waiters
    }

    fn try_take(&self) -> bool {
        // A notice is never kept for those who come later (`COND-2`).
        false
    }

    fn give_back(&self) {
        self.notify_one();
    }
}

/// A notice that was given and not used yet.
struct Notice<'a> {
    /// Who gets it back (`COND-3`); `None` once it is used.
    condition: Option<&'a Condition>,
}

impl Drop for Notice<'_> {
    fn drop(&mut self) {
        if let Some(condition) = self.condition {
            condition.notify_one();
        }
    }
}
