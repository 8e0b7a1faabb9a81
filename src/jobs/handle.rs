//! The job handle: the right to a job's value, and to call the job off.
//!
//! Problem: a job's value comes on another thread, some time later. Its owner may want to wait for it, for a
//! while or for ever, to await it in a task, to call it off, or to forget it.
//!
//! **Invariants**
//! - `HANDLE-1`: each job has one handle, and its value is taken once.
//! - `HANDLE-2`: dropping the handle detaches: the job runs on, and its value is dropped when it comes.
//! - `HANDLE-3`: a wait that was given up leaves nothing behind: no waker, and no waiter.
//!
//! What stands behind a handle is an [`Outcome`], which each pool makes in its own way; so the handle has one type
//! for both, and costs no memory beside the job's own.
//!
//! **Left out**: several handles of one job.
//!
//! **Source**: `concurrent.futures.Future`, whose `cancel` answers yes or no; `rt::JoinHandle`.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::error::JobError;

/// What came of calling a job off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// It had not begun, and never will; its handle gives [`JobError::Cancelled`].
    Cancelled,
    /// It is running, and goes on: a running job cannot be stopped.
    Running,
    /// It was over, or had been cancelled before.
    Finished,
}

/// Something that a worker may wait for: a job of its own pool, or one of several.
pub(crate) trait Awaited: Send + Sync {
    /// Tells whether the wait is over. Called under the pool's lock: takes at most its own, and runs no foreign code.
    fn is_over(&self) -> bool;

    /// The worker that runs the one job which is waited for; `None` while it is queued, or if there are several.
    /// Called under the pool's lock, under which a pool notes it.
    fn runs_on(&self) -> Option<usize> {
        None
    }
}

/// What a handle asks of its job, whichever pool it is in.
pub(crate) trait Outcome<T>: Send + Sync {
    /// Waits for the result and takes it; `None` when the deadline came first.
    fn wait(self: Arc<Self>, deadline: Option<Instant>) -> Option<Result<T, JobError>>;

    /// Takes the result, or leaves a waker for it.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, JobError>>;

    /// Drops the waker that a poll has left (`HANDLE-3`).
    fn forget_waker(&self);

    /// Tells whether there is a result, or was.
    fn is_finished(&self) -> bool;

    /// Calls the job off if it has not begun.
    fn cancel(&self) -> Cancel;

    /// Says that this thread is about to sleep until `awaited` is over, which waits for this job among others.
    /// True if the thread is a worker of the job's pool: then [`end_wait`](Self::end_wait) must follow.
    ///
    /// # Errors
    /// [`JobError::WouldDeadlock`], from a pool that can tell.
    fn begin_wait(&self, awaited: Arc<dyn Awaited>) -> Result<bool, JobError> {
        drop(awaited);
        Ok(false)
    }

    /// Says that this thread has woken.
    fn end_wait(&self) {}
}

/// The right to a job's value. Dropping it detaches the job, which runs on.
///
/// It is a future as well: awaited, it gives what [`join`](Self::join) does, on any executor.
///
/// # Cancellation
/// Dropped before it was ready, nothing is lost but the value: the job runs on.
///
/// # Panics
/// Polled again after it gave the result, it panics.
#[must_use = "dropping a job's handle detaches the job; say so with `drop`"]
pub struct JobHandle<T> {
    /// The job; `None` once its result was taken by a poll.
    outcome: Option<Arc<dyn Outcome<T>>>,
    /// Set when a poll may have left a waker, which is then taken back.
    left_waker: bool,
}

impl<T> JobHandle<T> {
    /// Makes the one handle of a job (`HANDLE-1`).
    pub(crate) fn new(outcome: Arc<dyn Outcome<T>>) -> Self {
        Self { outcome: Some(outcome), left_waker: false }
    }

    /// Waits for the job's value.
    ///
    /// # Errors
    /// [`JobError`]: why there is none. After [`JobError::WouldDeadlock`] the job is still in its pool, detached.
    ///
    /// # Blocking
    /// Until the job is over.
    ///
    /// # Panics
    /// The result was taken by a poll before.
    pub fn join(mut self) -> Result<T, JobError> {
        let outcome = self.take_outcome();
        outcome.wait(None).expect("holds because a wait without a deadline ends with a result")
    }

    /// Waits for the job's value, but not for ever. [`Duration::MAX`] is as good as for ever.
    ///
    /// # Errors
    /// The time is over: here is the handle again, and the job runs on. A result that is there in time is the inner
    /// one, as [`join`](Self::join) gives it.
    ///
    /// # Blocking
    /// Until the job is over, or the time.
    ///
    /// # Panics
    /// The result was taken by a poll before.
    pub fn join_timeout(mut self, timeout: Duration) -> Result<Result<T, JobError>, Self> {
        let outcome = self.take_outcome();
        let deadline = Instant::now().checked_add(timeout);
        match Arc::clone(&outcome).wait(deadline) {
            Some(result) => Ok(result),
            None => Err(Self::new(outcome)),
        }
    }

    /// Tells whether the job is over, so that its result would come at once.
    pub fn is_finished(&self) -> bool {
        self.outcome.as_ref().is_none_or(|outcome| outcome.is_finished())
    }

    /// Calls the job off. Its place in the queue is free at once; what it would have run on is dropped here.
    pub fn cancel(&self) -> Cancel {
        self.outcome.as_ref().map_or(Cancel::Finished, |outcome| outcome.cancel())
    }

    /// See [`Outcome::begin_wait`].
    pub(super) fn begin_wait(&self, awaited: Arc<dyn Awaited>) -> Result<bool, JobError> {
        self.outcome.as_ref().map_or(Ok(false), |outcome| outcome.begin_wait(awaited))
    }

    /// See [`Outcome::end_wait`].
    pub(super) fn end_wait(&self) {
        if let Some(outcome) = &self.outcome {
            outcome.end_wait();
        }
    }

    /// Takes the job out, and a waker off it.
    fn take_outcome(&mut self) -> Arc<dyn Outcome<T>> {
        let outcome = self.outcome.take();
        let outcome = outcome.expect("holds because a result is not asked for twice");
        if mem::take(&mut self.left_waker) {
            outcome.forget_waker();
        }
        outcome
    }
}

impl<T> Future for JobHandle<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = self.outcome.as_ref();
        let polled = outcome.expect("holds because a future is not polled after its end").poll(cx);
        self.left_waker = polled.is_pending();
        if polled.is_ready() {
            self.outcome = None;
        }
        polled
    }
}

impl<T> Drop for JobHandle<T> {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome.take()
            && self.left_waker
        {
            outcome.forget_waker();
        }
    }
}

impl<T> fmt::Debug for JobHandle<T> {
    /// Shows whether the job is over; its value need not be printable.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JobHandle").field("finished", &self.is_finished()).finish()
    }
}
