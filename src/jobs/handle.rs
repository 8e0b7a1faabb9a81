//! The job handle: the right to a job's value, and to cancel the job. Also the counts of all jobs of a pool.
//!
//! A job's value comes on another thread, some time later. Its owner may want to block until then, to await it in a
//! task, to cancel it, or to forget it. Behind a handle stands an [`Outcome`], so both pools have one type of handle.
//!
//! **Invariants**
//! - `HANDLE-1`: each job has one handle, and its value is taken once.
//! - `HANDLE-2`: dropping the handle detaches: the job runs on, and its value is dropped when it comes.
//! - `HANDLE-3`: a wait that was given up leaves no waker behind.
//!
//! **Source**: `concurrent.futures.Future`; `rt::JoinHandle`.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::error::JobError;

/// What a cancellation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// The job had not begun and never will; its handle gives [`JobError::Cancelled`].
    Cancelled,
    /// The job is running and runs on: a running job cannot be stopped.
    Running,
    /// The job was over, or had been cancelled before.
    Finished,
}

/// How many jobs a pool has queued, runs and has done, and how many workers it has.
///
/// A job is counted as done before its handle says so, also if it panicked or died: after every handle was joined,
/// no job counts as running. A job that was cancelled before it began counts nowhere else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Jobs that no worker has taken yet.
    pub queued: usize,
    /// Jobs that a worker runs.
    pub running: usize,
    /// Jobs that were run, successfully or not.
    pub done: u64,
    /// Jobs that were dropped before they began.
    pub cancelled: u64,
    /// Living workers.
    pub workers: usize,
}

/// Something that a worker may wait for: a job of its own pool, or one of several.
///
/// Both methods are called under the pool's lock: they run no foreign code and take at most their own lock.
pub(crate) trait Awaited: Send + Sync {
    /// Tells whether the wait is over.
    fn is_over(&self) -> bool;

    /// The number of the worker that runs the job; `None` if it is queued, or there are several.
    fn runs_on(&self) -> Option<usize> {
        None
    }
}

/// What a handle asks of its job.
pub(crate) trait Outcome<T>: Send + Sync {
    /// Waits for the result and takes it; `None` if the deadline came first.
    fn wait(self: Arc<Self>, deadline: Option<Instant>) -> Option<Result<T, JobError>>;

    /// Takes the result, or leaves a waker for it.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, JobError>>;

    /// Drops the waker that a poll has left (`HANDLE-3`).
    fn forget_waker(&self);

    /// Tells whether there is a result, or was.
    fn is_finished(&self) -> bool;

    /// Cancels the job if it has not begun.
    fn cancel(&self) -> Cancel;

    /// Calls `sleep`, which blocks until `awaited` is over: this job, or several of which it is one.
    ///
    /// # Errors
    /// [`JobError::WouldDeadlock`], before the sleep, if the pool can tell that it would never end.
    fn sleep_until(
        &self,
        awaited: Arc<dyn Awaited>,
        sleep: &mut dyn FnMut(),
    ) -> Result<(), JobError> {
        drop(awaited);
        sleep();
        Ok(())
    }
}

/// The right to a job's value. It is a future as well: on any executor it gives what [`join`](Self::join) returns.
///
/// # Cancellation
/// Dropping it detaches the job: only the value is lost, the job runs on.
///
/// # Panics
/// If it is polled again after it gave the result.
#[must_use = "dropping a job's handle detaches the job; say so with `drop`"]
pub struct JobHandle<T> {
    /// The job; `None` once its result was taken.
    pub(super) outcome: Option<Arc<dyn Outcome<T>>>,
}

impl<T> JobHandle<T> {
    /// Makes the one handle of a job (`HANDLE-1`).
    pub(crate) fn new(outcome: Arc<dyn Outcome<T>>) -> Self {
        Self { outcome: Some(outcome) }
    }

    /// Blocks until the job is over, and returns its value.
    ///
    /// # Errors
    /// [`JobError`]: why there is none. After [`JobError::WouldDeadlock`] the job is still in its pool, detached.
    ///
    /// # Panics
    /// A poll has taken the result before.
    pub fn join(mut self) -> Result<T, JobError> {
        let outcome = self.take_outcome();
        outcome.wait(None).expect("holds because a wait without a deadline ends with a result")
    }

    /// Waits as [`join`](Self::join), but for `timeout` at most. [`Duration::MAX`] is no limit.
    ///
    /// # Errors
    /// After the timeout the handle comes back, and the job runs on. The inner result is that of `join`.
    ///
    /// # Panics
    /// As `join`.
    pub fn join_timeout(mut self, timeout: Duration) -> Result<Result<T, JobError>, Self> {
        let outcome = self.take_outcome();
        let deadline = Instant::now().checked_add(timeout);
        Arc::clone(&outcome).wait(deadline).ok_or_else(|| Self::new(outcome))
    }

    /// Tells whether the job is over, so that its result would come at once.
    pub fn is_finished(&self) -> bool {
        self.outcome.as_ref().is_none_or(|outcome| outcome.is_finished())
    }

    /// Cancels the job if it has not begun: its place in the queue is free, and its closure dropped, at once.
    pub fn cancel(&self) -> Cancel {
        self.outcome.as_ref().map_or(Cancel::Finished, |outcome| outcome.cancel())
    }

    /// Takes the job out, and takes back the waker of an earlier poll.
    fn take_outcome(&mut self) -> Arc<dyn Outcome<T>> {
        let outcome = self.outcome.take().expect("holds because a result is not asked for twice");
        outcome.forget_waker();
        outcome
    }
}

impl<T> Future for JobHandle<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = self.outcome.as_ref();
        let polled = outcome.expect("holds because a future is not polled after its end").poll(cx);
        if polled.is_ready() {
            self.outcome = None;
        }
        polled
    }
}

impl<T> Drop for JobHandle<T> {
    fn drop(&mut self) {
        self.outcome.iter().for_each(|outcome| outcome.forget_waker());
    }
}

impl<T> fmt::Debug for JobHandle<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JobHandle").field("finished", &self.is_finished()).finish()
    }
}
