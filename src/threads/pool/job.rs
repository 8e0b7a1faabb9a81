//! A job in one allocation: the closure, then its value, and its position.
//!
//! Problem: the queue must hold jobs of every type, and a handle must give the value of one. Two boxes and a channel
//! would be three allocations; here the queue and the handle share one, each through another trait.
//!
//! ```text
//! the queue ── Arc<dyn Run> ────────┐
//!                                   ├──► Job { closure; slot: result; position; pool }
//! the handle ── Arc<dyn Outcome<T>> ┘
//! ```
//! If the handle is gone when the worker drops the job, the worker drops the value too.
//!
//! **Invariants**
//! - `POOL-JOB-1`: the thread that takes a job out of the queue, under the pool's lock, is the one that begins or
//!   drops it.
//! - `POOL-JOB-2`: no panic of a job leaves its `run`: not that of its closure, and, because of its slot, neither
//!   that of a destructor nor of a waker.
//!
//! **Source**: `rt::task`, which does the same for futures.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use super::queue::{Position, Run};
use super::shared::Shared;
use crate::jobs::{Awaited, Cancel, JobError, Outcome, Slot, contain};

/// A job with a closure `F` and a value `T`.
pub(super) struct Job<F, T> {
    /// The closure, until it is run or dropped.
    function: Mutex<Option<F>>,
    /// The result, then.
    slot: Slot<T>,
    /// Where it is in the queue, or which worker has it.
    position: Position,
    /// The pool: to cancel, and for a worker that waits.
    shared: Arc<Shared>,
}

impl<F, T> Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    /// Makes a job that is not queued yet.
    pub(super) fn new(shared: &Arc<Shared>, function: F) -> Arc<Self> {
        let (function, shared) = (Mutex::new(Some(function)), Arc::clone(shared));
        Arc::new(Self { function, slot: Slot::new(), position: Position::new(), shared })
    }

    /// Takes the closure out. Only one thread asks for it (`POOL-JOB-1`), so nothing waits for this lock.
    fn take_function(&self) -> Option<F> {
        self.function.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<F, T> Run for Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(self: Arc<Self>) {
        let Some(function) = self.take_function() else { return };
        // The closure is consumed, so no code can see it half done.
        let result = panic::catch_unwind(AssertUnwindSafe(function)).map_err(JobError::panicked);
        // Before the handle tells, so that after every handle was joined no job counts as running.
        self.shared.count_done();
        self.slot.finish(result);
    }

    fn fail(&self, why: JobError) {
        // The destructors of what the closure holds run before its handle tells.
        let function = self.take_function();
        contain(move || drop(function));
        self.slot.finish(Err(why));
    }

    fn position(&self) -> &Position {
        &self.position
    }
}

impl<F, T> Awaited for Job<F, T>
where
    F: Send,
    T: Send,
{
    fn is_over(&self) -> bool {
        self.slot.is_finished()
    }

    fn runs_on(&self) -> Option<usize> {
        self.position.worker()
    }
}

impl<F, T> Outcome<T> for Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn wait(self: Arc<Self>, deadline: Option<Instant>) -> Option<Result<T, JobError>> {
        // A wait with a time limit is never a deadlock.
        if deadline.is_some() || self.slot.is_finished() {
            return self.slot.wait(deadline);
        }
        let mut result = None;
        let sleep = &mut || result = self.slot.wait(None);
        match self.shared.sleep_until(self.clone(), sleep) {
            Ok(()) => result,
            Err(error) => Some(Err(error)),
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, JobError>> {
        self.slot.poll(cx)
    }

    fn forget_waker(&self) {
        self.slot.forget_waker();
    }

    fn is_finished(&self) -> bool {
        self.slot.is_finished()
    }

    fn cancel(&self) -> Cancel {
        // The pool's lock decides between this thread and a worker (POOL-JOB-1).
        if let Some(job) = self.shared.take_out(&self.position) {
            job.fail(JobError::Cancelled);
            Cancel::Cancelled
        } else if self.position.worker().is_none() || self.slot.is_finished() {
            // Without a worker: another thread has taken it out of the queue, to drop it.
            Cancel::Finished
        } else {
            Cancel::Running
        }
    }

    fn sleep_until(
        &self,
        awaited: Arc<dyn Awaited>,
        sleep: &mut dyn FnMut(),
    ) -> Result<(), JobError> {
        self.shared.sleep_until(awaited, sleep)
    }
}
