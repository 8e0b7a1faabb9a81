//! The slot: the state of one job, and the place where its result waits for its owner.
//!
//! Problem: the worker and the owner are two threads, and either may come first. The worker must not wake a thread
//! that does not sleep, because that costs a system call; the owner must not sleep when the result is there.
//!
//! **Invariants**
//! - `SLOT-1`: what a job runs on is taken out once: to run it, or to cancel it.
//! - `SLOT-2`: a result is left once, and taken once.
//! - `SLOT-3`: no foreign code runs under the lock, and none of its panics leaves the slot: neither of a waker nor of
//!   a destructor.
//!
//! | stage | `begin` | `finish` | `wait`, `poll` |
//! | --- | --- | --- | --- |
//! | `Queued` | → `Running`, returns what was queued | → `Done` | wait |
//! | `Running` | `None` | → `Done` | wait |
//! | `Done` | `None` | drops the new result | → `Taken`, return the result |
//! | `Taken` | `None` | drops the new result | panic |
//!
//! No wake-up is lost, because both hold the lock in turn:
//!
//! ```text
//! owner                                   worker
//! lock, not Done: sleeps = true
//! wait (releases the lock)
//!                                         lock, Done, sleeps: unlock, notify
//! wakes with the lock, takes the result
//! ```
//! `tests/loom/jobs_slot.rs` tries every order of the two.
//!
//! **Source**: the oneshot channels of Rust Atomics and Locks, chapter 5, with a lock in the place of its atomics.

use std::mem;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::error::JobError;
use super::panic::contain;
use super::{Condvar, Mutex, MutexGuard};

/// The state of a job: `P` is what it runs on, `T` its value.
pub(crate) struct Slot<P, T> {
    /// No statement under the lock leaves the state half changed, so a poisoned lock is used like any other.
    state: Mutex<SlotState<P, T>>,
    /// Wakes the owner: the result is there.
    finished: Condvar,
}

/// What the lock guards.
struct SlotState<P, T> {
    /// See the table above.
    stage: Stage<P, T>,
    /// Does the owner sleep on `finished`? Only the one handle may.
    sleeps: bool,
    /// The task to wake; left by a poll.
    waker: Option<Waker>,
}

/// How far a job is.
enum Stage<P, T> {
    /// Not begun.
    Queued(P),
    /// Taken out, to run or to be dropped.
    Running,
    /// Over; the result was not taken yet.
    Done(Result<T, JobError>),
    /// Over, and the result was taken.
    Taken,
}

impl<P, T> Slot<P, T> {
    /// Makes the slot of a job that has not begun.
    pub(crate) fn new(pending: P) -> Self {
        let state = SlotState { stage: Stage::Queued(pending), sleeps: false, waker: None };
        Self { state: Mutex::new(state), finished: Condvar::new() }
    }

    /// Takes out what the job runs on; `None` if that was done before (`SLOT-1`). The caller must
    /// [`finish`](Self::finish).
    pub(crate) fn begin(&self) -> Option<P> {
        let mut state = self.lock();
        // Compared before it is replaced: a result must stay.
        if !matches!(state.stage, Stage::Queued(_)) {
            return None;
        }
        match mem::replace(&mut state.stage, Stage::Running) {
            Stage::Queued(pending) => Some(pending),
            Stage::Running | Stage::Done(_) | Stage::Taken => None,
        }
    }

    /// Leaves the result and wakes the owner. False, and the result is dropped, if there was one before (`SLOT-2`).
    pub(crate) fn finish(&self, result: Result<T, JobError>) -> bool {
        let mut state = self.lock();
        if state.is_over() {
            drop(state);
            contain(move || drop(result));
            return false;
        }
        let before = mem::replace(&mut state.stage, Stage::Done(result));
        let (sleeps, waker) = (state.sleeps, state.waker.take());
        drop(state);
        if sleeps {
            // After the unlock: otherwise the owner would wake and at once sleep again, on the lock.
            self.finished.notify_one();
        }
        contain(move || {
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        // If the job never began, this is what it would have run on.
        contain(move || drop(before));
        true
    }

    /// Waits for the result and takes it; `None` if the deadline came first.
    ///
    /// # Blocking
    /// Until the result is there, or the deadline.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<Result<T, JobError>> {
        let mut state = self.lock();
        state.sleeps = true;
        while !state.is_over() {
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
        state.take()
    }

    /// Takes the result, or leaves a waker for it.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Result<T, JobError>> {
        // To clone or drop a waker is foreign code (SLOT-3), so it is done without the lock.
        let result = self.lock().take();
        if let Some(result) = result {
            return Poll::Ready(result);
        }
        let waker = cx.waker().clone();
        let mut state = self.lock();
        // The result may have come during the clone.
        let (polled, unused) = match state.take() {
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
        self.lock().is_over()
    }

    /// Locks the state.
    fn lock(&self) -> MutexGuard<'_, SlotState<P, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P, T> Drop for Slot<P, T> {
    /// Drops a value that was never taken (`SLOT-3`).
    fn drop(&mut self) {
        let mut state = self.lock();
        let uncollected = mem::replace(&mut state.stage, Stage::Taken);
        drop(state);
        contain(move || drop(uncollected));
    }
}

impl<P, T> SlotState<P, T> {
    /// Tells whether the job is over.
    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Done(_) | Stage::Taken)
    }

    /// Takes the result, if it is there.
    ///
    /// # Panics
    /// It was taken before, which a handle does not allow (`HANDLE-1`).
    fn take(&mut self) -> Option<Result<T, JobError>> {
        if !self.is_over() {
            return None;
        }
        match mem::replace(&mut self.stage, Stage::Taken) {
            Stage::Done(result) => Some(result),
            Stage::Queued(_) | Stage::Running | Stage::Taken => {
                unreachable!("SLOT-2: a result is taken once")
            }
        }
    }
}
