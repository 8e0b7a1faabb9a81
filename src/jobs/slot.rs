//! The slot: where a job stands, and where its result is left for whoever waits.
//!
//! Problem: worker and owner are two threads, and each may come first. The worker must not wake where nobody
//! waits, for that is a system call; and the owner must not sleep when the result is there.
//!
//! **Invariants**
//! - `SLOT-1`: what a job would run on is taken out once: by whoever runs it, or by whoever calls it off.
//! - `SLOT-2`: a result is left once, and taken once.
//! - `SLOT-3`: nobody asks the kernel to wake the owner unless it sleeps.
//! - `SLOT-4`: no foreign code runs under the lock: no job, no waker, and no destructor of either.
//!
//! | stage | `begin` | `finish` | `wait`, `poll` |
//! | --- | --- | --- | --- |
//! | `Queued` | → `Running`, gives what was queued | → `Done` | wait |
//! | `Running` | nothing | → `Done` | wait |
//! | `Done` | nothing | gives the result back | → `Taken`, give the result |
//! | `Taken` | nothing | gives the result back | panic |
//!
//! How no wake-up is lost; both hold the lock in turn:
//!
//! ```text
//! owner                                   worker
//! lock, not Done: waits = true
//! sleep (gives up the lock)
//!                                         lock, Done, waits: unlock, notify
//! wakes with the lock, takes the result
//! ```
//!
//! `tests/loom/jobs_slot.rs` tries every order of the two.
//!
//! **Source**: the oneshot channels of Rust Atomics and Locks, chapter 5, with a lock in the place of its atomics.

use std::mem;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::error::JobError;
use super::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Where a job stands: `P` is what it would run on, `T` its value.
pub(crate) struct Slot<P, T> {
    /// The stage, and who waits. Every statement under the lock leaves it valid, so a poisoned lock is used on.
    state: Mutex<State<P, T>>,
    /// Wakes the owner: the result is there.
    finished: Condvar,
}

/// What the lock guards.
struct State<P, T> {
    /// See the table above.
    stage: Stage<P, T>,
    /// Does the owner sleep on `finished`? It is the only one who may (`HANDLE-1`).
    waits: bool,
    /// The task to wake; left by a poll, taken with the result.
    waker: Option<Waker>,
}

/// How far a job is.
enum Stage<P, T> {
    /// Nobody has begun it.
    Queued(P),
    /// Somebody runs it, or drops it.
    Running,
    /// It is over.
    Done(Result<T, JobError>),
    /// It is over, and its owner has the result.
    Taken,
}

impl<P, T> Slot<P, T> {
    /// Makes the slot of a job that has not begun.
    pub(crate) fn new(pending: P) -> Self {
        let state = State { stage: Stage::Queued(pending), waits: false, waker: None };
        Self { state: Mutex::new(state), finished: Condvar::new() }
    }

    /// Takes out what the job runs on (`SLOT-1`); `None` when somebody else has. Whoever has it owes a
    /// [`finish`](Self::finish).
    pub(crate) fn begin(&self) -> Option<P> {
        let mut state = self.lock();
        // Looked at before it is changed: a result must stay where it is.
        if !matches!(state.stage, Stage::Queued(_)) {
            return None;
        }
        match mem::replace(&mut state.stage, Stage::Running) {
            Stage::Queued(pending) => Some(pending),
            Stage::Running | Stage::Done(_) | Stage::Taken => None,
        }
    }

    /// Leaves the result, and wakes whoever waits for it. A second result comes back (`SLOT-2`).
    pub(crate) fn finish(&self, result: Result<T, JobError>) -> Option<Result<T, JobError>> {
        let mut state = self.lock();
        if state.is_over() {
            return Some(result);
        }
        let before = mem::replace(&mut state.stage, Stage::Done(result));
        let (waits, waker) = (state.waits, state.waker.take());
        drop(state);
        if waits {
            // After the unlock, else the owner would wake only to sleep for the lock.
            self.finished.notify_one();
        }
        if let Some(waker) = waker {
            waker.wake();
        }
        // Finished without having begun, what it would have run on goes here, unlocked (SLOT-4).
        drop(before);
        None
    }

    /// Waits for the result and takes it; `None` when the deadline came first.
    ///
    /// # Blocking
    /// Until the result is there, or the deadline.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<Result<T, JobError>> {
        let mut state = self.lock();
        state.waits = true;
        while !state.is_over() {
            state =
                match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                    None => self.finished.wait(state).unwrap_or_else(PoisonError::into_inner),
                    Some(left) if left.is_zero() => break,
                    Some(left) => {
                        let woken = self.finished.wait_timeout(state, left);
                        woken.unwrap_or_else(PoisonError::into_inner).0
                    }
                };
        }
        state.waits = false;
        state.take()
    }

    /// Takes the result, or leaves a waker for it.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Result<T, JobError>> {
        let result = self.lock().take();
        if let Some(result) = result {
            return Poll::Ready(result);
        }
        // A waker's clone and drop are foreign code (SLOT-4); so the result may have come in between.
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if let Some(result) = state.take() {
            drop(state);
            return Poll::Ready(result);
        }
        let displaced = state.waker.replace(waker);
        drop(state);
        drop(displaced);
        Poll::Pending
    }

    /// Drops the waker that a poll has left.
    pub(crate) fn forget_waker(&self) {
        let waker = self.lock().waker.take();
        drop(waker);
    }

    /// Tells whether there is a result, or was.
    pub(crate) fn is_finished(&self) -> bool {
        self.lock().is_over()
    }

    /// Locks the state.
    fn lock(&self) -> MutexGuard<'_, State<P, T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P, T> State<P, T> {
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
