//! The slot: where the result of one job waits for its owner.
//!
//! The worker and the owner are two threads, and either may come first. The worker must not wake a thread that does not
//! sleep, because that costs a system call; the owner must not sleep when the result is there.
//!
//! **Invariants**
//! - `SLOT-2`: a result is left once, and taken once.
//! - `SLOT-3`: wakers and destructors are foreign code: they do not run under the lock, and no panic of theirs gets out.
//!
//! No wake-up is lost, because both hold the lock in turn:
//!
//! ```text
//! owner                                   worker
//! lock, not over: sleeps = true
//! wait (releases the lock)
//!                                         lock, over: unlock; lock, sleeps: unlock, notify
//! wakes with the lock, takes the result
//! ```
//! `tests/loom/jobs_slot.rs` tries every order of the two.
//!
//! **Source**: the oneshot channels of Rust Atomics and Locks, chapter 5, with a lock in the place of its atomics.

use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::error::{JobError, contain};
use super::{Condvar, Mutex, MutexGuard};

/// The result of a job, or the place for it.
pub(crate) struct Slot<T> {
    /// No statement under the lock leaves the state half changed, so a poisoned lock is used like any other.
    state: Mutex<SlotState<T>>,
    /// Wakes the owner: the result is there.
    finished: Condvar,
}

/// What the lock guards.
struct SlotState<T> {
    /// Set when the result was left.
    is_over: bool,
    /// The result, until it is taken.
    result: Option<Result<T, JobError>>,
    /// Whether the owner sleeps on `finished`. Only the one handle may.
    sleeps: bool,
    /// The task to wake; left by a poll.
    waker: Option<Waker>,
}

impl<T> Slot<T> {
    /// Makes the slot of a job that is not over.
    pub(crate) fn new() -> Self {
        let state = SlotState { is_over: false, result: None, sleeps: false, waker: None };
        Self { state: Mutex::new(state), finished: Condvar::new() }
    }

    /// Leaves the result and wakes the owner. False, and the result is dropped, if there was one before (`SLOT-2`).
    pub(crate) fn finish(&self, result: Result<T, JobError>) -> bool {
        let left = self.leave(result);
        if left == Some(true) {
            self.wake();
        }
        left.is_some()
    }

    /// Leaves the result as `finish` does, and tells whether the owner waits. The caller calls `wake` then.
    pub(crate) fn leave(&self, result: Result<T, JobError>) -> Option<bool> {
        let mut state = self.lock();
        if state.is_over {
            drop(state);
            contain(move || drop(result));
            return None;
        }
        (state.is_over, state.result) = (true, Some(result));
        Some(state.sleeps || state.waker.is_some())
    }

    /// Wakes the owner of a result that was left.
    pub(crate) fn wake(&self) {
        let mut state = self.lock();
        let (sleeps, waker) = (state.sleeps, state.waker.take());
        drop(state);
        if sleeps {
            // After the unlock: otherwise the owner would wake and at once sleep again, on the lock.
            self.finished.notify_one();
        }
        contain(move || waker.into_iter().for_each(Waker::wake));
    }

    /// Waits for the result and takes it; `None` if the deadline came first, or the result was taken before.
    ///
    /// # Blocking
    /// Until the result is there, or the deadline.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<Result<T, JobError>> {
        let mut state = self.lock();
        state.sleeps = true;
        while !state.is_over {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            state = match left {
                None => self.finished.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => break,
                Some(left) => {
                    let woken = self.finished.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.sleeps = false;
        state.result.take()
    }

    /// Takes the result, or leaves a waker for it.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Result<T, JobError>> {
        // To clone or drop a waker is foreign code (SLOT-3), so it is done without the lock.
        let result = self.lock().result.take();
        if let Some(result) = result {
            return Poll::Ready(result);
        }
        let waker = cx.waker().clone();
        let mut state = self.lock();
        // The result may have come during the clone.
        let (polled, unused) = match state.result.take() {
            Some(result) => (Poll::Ready(result), Some(waker)),
            None => (Poll::Pending, state.waker.replace(waker)),
        };
        drop(state);
        contain(move || drop(unused));
        polled
    }

    /// Drops the waker that a poll has left.
    pub(crate) fn forget_waker(&self) {
        let waker = self.lock().waker.take();
        contain(move || drop(waker));
    }

    /// Tells whether there is a result, or was.
    pub(crate) fn is_finished(&self) -> bool {
        self.lock().is_over
    }

    /// Locks the state.
    fn lock(&self) -> MutexGuard<'_, SlotState<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Drop for Slot<T> {
    /// Drops a value that was never taken (`SLOT-3`).
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let uncollected = state.result.take();
        contain(move || drop(uncollected));
    }
}
