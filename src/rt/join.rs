//! The join handle: the result of a task, which is a value, a panic or a cancellation.
//!
//! **Invariants**
//! - `JOIN-1` Awaiting the handle gives the result once, and after the future's destructors have run.
//! - `JOIN-2` Dropping the handle detaches: the task runs on, and its result is dropped when it comes.
//! - `JOIN-3` A panic, or an error of the kinds that [`failure`] knows, that is never collected is reported once.
//!
//! **Source**: tokio's `task::JoinHandle`; asyncio's "Task exception was never retrieved".

use std::any::Any;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::{fmt, io};

use super::context;
use super::id::TaskId;
use super::task::Joinable;
use super::works::observer::Wait;
use crate::jobs::{Panic, contain};

/// Why a task has no value.
#[derive(Debug)]
pub enum JoinError {
    /// It was cancelled, or its loop ended.
    Cancelled,
    /// It panicked.
    Panicked(Box<Panic>),
}

impl JoinError {
    /// Continues the task's panic on this thread, or panics because it was cancelled.
    ///
    /// # Panics
    /// Always.
    pub fn resume(self) -> ! {
        match self {
            Self::Panicked(panic) => panic.resume(),
            Self::Cancelled => panic!("{self}"),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the task was cancelled"),
            Self::Panicked(panic) => panic.fmt(f),
        }
    }
}

impl Error for JoinError {}

/// The right to a task's result. Awaiting it gives the result; dropping it detaches the task, which runs on.
///
/// # Panics
/// Polled again after it gave the result.
#[must_use = "dropping a join handle detaches the task; say so with `drop`"]
pub struct JoinHandle<T> {
    /// The task. Not `Send`, as the task is not.
    pub(super) task: Arc<dyn Joinable<T>>,
}

impl<T> JoinHandle<T> {
    /// Returns the task's id.
    pub fn id(&self) -> TaskId {
        self.task.header().id()
    }

    /// Tells whether the task is done: its result would come at once.
    pub fn is_finished(&self) -> bool {
        self.task.header().finished.get()
    }

    /// Asks for the task's future to be dropped, which the loop does in its next batch. Awaiting the handle afterwards
    /// means that the destructors have run. A task that is running finishes its poll first; one that is done keeps its
    /// result. From another thread, have the loop [`cancel`](super::cancel) it by its id.
    pub fn cancel(&self) {
        self.task.header().cancel();
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.task.take_result() {
            return Poll::Ready(result);
        }
        let header = self.task.header();
        assert!(!header.finished.get(), "a join handle gives its result once");
        let displaced = header.joiner.replace(Some(cx.waker().clone()));
        contain(|| drop(displaced));
        context::waits_for(Wait::Task(header.id().shown()));
        Poll::Pending
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        self.task.detach();
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// Returns the error that a value is, if it has one of the two types that a detached task ends with:
/// `Result<(), io::Error>` and `Result<(), Box<dyn Error>>`.
pub(crate) fn failure(output: &dyn Any) -> Option<&dyn fmt::Display> {
    match (output.downcast_ref(), output.downcast_ref()) {
        (Some(Err::<(), io::Error>(error)), _) => Some(error),
        (_, Some(Err::<(), Box<dyn Error>>(error))) => Some(error),
        _ => None,
    }
}
