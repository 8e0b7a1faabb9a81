//! The locks that `src/threads/mod.rs` takes from std, taken from the model checker.
//!
//! Loom's condition variable knows no time: its `wait_timeout` never ends by itself. Here the mutex and its guard
//! are wrapped, so that a wait with a deadline can give up the lock, take it again, and say that the time is up. Loom
//! tries every order in which others come in between; so the deadline falls before, between and after whatever they
//! do. A deadline that has not come yet is a wait without one, and that has tests of its own.
//!
//! Loom's condition variable does not wake without a reason either, which a real one may do. With [`set_spurious`] every
//! other wait on each of them ends at once, so that a waiter which does not check its state again is found.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::LockResult;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Loom's mutex, whose guards know it.
#[derive(Debug)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let held = self.0.lock().expect("loom knows no poison");
        Ok(MutexGuard { held, mutex: self })
    }

    pub(crate) fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.0.get_mut().expect("loom knows no poison"))
    }
}

/// Loom's guard, and the mutex it came from.
#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T> {
    held: loom::sync::MutexGuard<'a, T>,
    mutex: &'a Mutex<T>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.held
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.held
    }
}

/// Whether a wait ended because its time was up.
pub(crate) struct Waited(bool);

impl Waited {
    pub(crate) fn timed_out(&self) -> bool {
        self.0
    }
}

thread_local! {
    /// Whether waits end without a reason; loom runs all threads of a model on one.
    static SPURIOUS: Cell<bool> = const { Cell::new(false) };
}

/// Sets whether every other wait of the models of this thread ends without a reason.
pub(crate) fn set_spurious(is_spurious: bool) {
    SPURIOUS.set(is_spurious);
}

/// Loom's condition variable, the clock, and the count of its waits.
#[derive(Debug)]
pub(crate) struct Condvar(loom::sync::Condvar, AtomicUsize);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(loom::sync::Condvar::new(), AtomicUsize::new(0))
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        if SPURIOUS.get() && self.1.fetch_add(1, Ordering::Relaxed) % 2 == 0 {
            let mutex = guard.mutex;
            // Loom may let others run before the lock is taken again, or not.
            drop(guard);
            return mutex.lock();
        }
        let MutexGuard { held, mutex } = guard;
        let held = self.0.wait(held).expect("loom knows no poison");
        Ok(MutexGuard { held, mutex })
    }

    /// The deadline comes as soon as the others let it.
    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        _left: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, Waited)> {
        let mutex = guard.mutex;
        drop(guard);
        loom::thread::yield_now();
        let guard = mutex.lock().expect("loom knows no poison");
        Ok((guard, Waited(true)))
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
