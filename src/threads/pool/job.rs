//! A job in one piece of memory: the closure, then its value, and where it stands.
//!
//! Problem: the queue must hold jobs of every type, and a handle must give the value of one. Two boxes and a channel
//! would be three allocations; here the queue and the handle share one, each seeing it by another trait.
//!
//! ```text
//! the queue ── Arc<dyn Run> ────────┐
//!                                   ├──► Job { slot: closure, then result; place; pool }
//! the handle ── Arc<dyn Outcome<T>> ┘
//! ```
//! The type of the closure is forgotten by both, that of the value by the queue only. When the worker lets go of a
//! job whose handle is gone, its value goes with it, on the worker's thread.
//!
//! **Invariants**
//! - `POOL-JOB-1`: whoever takes a job out of the queue, under the pool's lock, is the one who begins or drops it.
//! - `POOL-JOB-2`: no panic of a job leaves its `run`: not that of its closure, of its value's drop, or of a waker.
//!
//! **Source**: `rt::task`, which does the same for futures.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use super::shared::Shared;
use crate::jobs::{Awaited, Cancel, JobError, Outcome, Slot, contain};

/// The number of no worker.
const NOBODY: usize = usize::MAX;

/// A job, whatever its closure and its value are.
pub(super) trait Run: Send + Sync {
    /// Runs the job and leaves its value.
    fn run(self: Arc<Self>);

    /// Drops the closure, and leaves an error in the place of a value.
    fn call_off(&self, why: JobError);

    /// Where the job stands.
    fn place(&self) -> &Place;
}

/// Where a job stands. Both are written and read under the pool's lock, which orders them; so they are atomic for
/// the compiler's sake only, and relaxed.
#[derive(Debug)]
pub(super) struct Place {
    /// Its ticket, by which the queue finds it.
    ticket: AtomicU64,
    /// The worker that has taken it, if one has.
    worker: AtomicUsize,
}

impl Place {
    /// The place of a job that is not queued yet.
    pub(super) fn new() -> Self {
        Self { ticket: AtomicU64::new(0), worker: AtomicUsize::new(NOBODY) }
    }

    /// Notes the ticket.
    pub(super) fn set_ticket(&self, ticket: u64) {
        self.ticket.store(ticket, Ordering::Relaxed);
    }

    /// The ticket.
    pub(super) fn ticket(&self) -> u64 {
        self.ticket.load(Ordering::Relaxed)
    }

    /// Notes that a worker has taken the job.
    pub(super) fn set_worker(&self, worker: usize) {
        self.worker.store(worker, Ordering::Relaxed);
    }

    /// The worker that has taken it.
    fn worker(&self) -> Option<usize> {
        let worker = self.worker.load(Ordering::Relaxed);
        (worker != NOBODY).then_some(worker)
    }
}

/// A job with a closure `F` and a value `T`.
pub(super) struct Job<F, T> {
    /// The closure, until it is run; then the result.
    slot: Slot<F, T>,
    /// Where it stands in the queue.
    place: Place,
    /// The pool: for a cancel, and for a worker that waits.
    shared: Arc<Shared>,
}

impl<F, T> Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    /// Makes a job that is not queued yet.
    pub(super) fn new(shared: &Arc<Shared>, function: F) -> Arc<Self> {
        let (slot, place) = (Slot::new(function), Place::new());
        Arc::new(Self { slot, place, shared: Arc::clone(shared) })
    }

    /// Takes the closure out of a job that was never queued.
    pub(super) fn take_back(&self) -> F {
        self.slot.begin().expect("holds because a job that was never queued was never begun")
    }
}

impl<F, T> Run for Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(self: Arc<Self>) {
        // Never empty in practice: POOL-JOB-1.
        let Some(function) = self.slot.begin() else { return };
        // The closure is consumed either way, so nobody can see it half done.
        let result = panic::catch_unwind(AssertUnwindSafe(function)).map_err(JobError::panicked);
        // Before the handle tells, so that whoever has joined every job finds none running.
        self.shared.count_done();
        // The waker, and the value that nobody wants, are foreign code too (POOL-JOB-2).
        self.slot.finish(result);
    }

    fn call_off(&self, why: JobError) {
        // Only who took the job out of the queue comes here (POOL-JOB-1); the destructors first, then the result.
        let function = self.slot.begin();
        contain(move || drop(function));
        self.slot.finish(Err(why));
    }

    fn place(&self) -> &Place {
        &self.place
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
        self.place.worker()
    }
}

impl<F, T> Outcome<T> for Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn wait(self: Arc<Self>, deadline: Option<Instant>) -> Option<Result<T, JobError>> {
        // Who gives up one day deadlocks nobody.
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
        // The queue's lock decides between this and a worker (POOL-JOB-1).
        if let Some(job) = self.shared.take_out(&self.place) {
            job.call_off(JobError::Cancelled);
            Cancel::Cancelled
        } else if self.slot.is_finished() {
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
