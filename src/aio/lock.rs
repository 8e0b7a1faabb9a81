//! A lock that is held across awaits.
//!
//! On one thread nothing interrupts a task but its own awaits; a value that is read, awaited over and
//! written back needs a lock all the same. A lock of the standard library would stop the whole loop.
//!
//! **Invariants**
//! - `LOCK-1` First come, first served: an unlock hands the lock to whoever waits longest, and it is never
//!   free in between for somebody else to snatch (`GIVE-1`).
//! - `LOCK-2` The value's borrow ends before the lock is handed on, so the next one finds it free.
//! - `LOCK-3` A waiter that is dropped with the lock in its hands passes it on (`GIVE-2`).
//!
//! ```text
//! A holds it      B             C                        held    line
//!                 lock: waits   lock: waits              yes     B C
//! drops guard     is woken                               yes     C      (B's, before it runs)
//!                               try_lock: None           yes     C
//!                 has it                                 yes     C
//! ```
//!
//! **Left out**: poisoning. A task that panics drops its guard; what it left half done is seen by the next,
//! as in asyncio and tokio.
//!
//! **Source**: `asyncio.Lock`; tokio's `sync::Mutex`.

use std::cell::{Cell, RefCell, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};

use super::wait_list::WaitList;
use super::waiting::{Giver, Waiting};
use crate::rt::Wait;

/// A value that one task at a time may use, across awaits.
#[derive(Debug, Default)]
pub struct Lock<T> {
    /// Who may use the value.
    state: State,
    /// The value; borrowed exactly while a guard lives.
    value: RefCell<T>,
}

/// Whether a lock is held, and who waits for it.
#[derive(Debug, Default)]
struct State {
    /// Held by a guard, or already handed to a waiter.
    held: Cell<bool>,
    /// Who waits; nobody while it is free.
    waiters: RefCell<WaitList>,
}

impl<T> Lock<T> {
    /// Makes a lock around a value.
    pub fn new(value: T) -> Self {
        Self { state: State::default(), value: RefCell::new(value) }
    }

    /// Waits for the lock.
    ///
    /// A task that asks for a lock which it holds waits for ever; the loop's report names it.
    ///
    /// # Cancellation
    /// The place in the line is lost. The lock is not: had it been handed over already, the next gets it.
    pub async fn lock(&self) -> LockGuard<'_, T> {
        Waiting::new(&self.state).await;
        self.guard()
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        (&self.state).try_take().then(|| self.guard())
    }

    /// Tells whether somebody has it.
    pub fn is_locked(&self) -> bool {
        self.state.held.get()
    }

    /// Counts the tasks that wait.
    pub fn waiters(&self) -> usize {
        self.state.waiters.borrow().len()
    }

    /// Returns the value; the lock is gone.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// Makes the guard of a lock that was just taken.
    fn guard(&self) -> LockGuard<'_, T> {
        // It is not borrowed: LOCK-2.
        LockGuard { value: self.value.borrow_mut(), release: Release { lock: self } }
    }
}

impl Giver for &State {
    const WAIT: Wait = Wait::Lock;

    fn waiters(&self) -> &RefCell<WaitList> {
        &self.waiters
    }

    fn try_take(&self) -> bool {
        // Nobody waits while it is free, so nobody is overtaken.
        !self.held.replace(true)
    }

    fn give_back(&self) {
        let next = self.waiters.borrow_mut().grant();
        // LOCK-1: with a waiter it stays held, by that one.
        self.held.set(next.is_some());
        if let Some(next) = next {
            next.wake();
        }
    }
}

/// A lock that is held; dropping the guard unlocks.
pub struct LockGuard<'a, T> {
    /// The value. The fields' order is the order of their drops (`LOCK-2`).
    value: RefMut<'a, T>,
    /// Unlocks when it is dropped.
    release: Release<'a, T>,
}

/// The duty to unlock.
struct Release<'a, T> {
    /// What is locked.
    lock: &'a Lock<T>,
}

impl<T> Drop for Release<'_, T> {
    fn drop(&mut self) {
        (&self.lock.state).give_back();
    }
}

impl<'a, T> LockGuard<'a, T> {
    /// Returns the lock that the guard holds, to be locked again later.
    pub(crate) fn lock_of(guard: &Self) -> &'a Lock<T> {
        guard.release.lock
    }
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
