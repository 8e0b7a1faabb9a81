//! The join handle: the result of a task, which is a value, a panic or a cancellation.
//!
//! A task runs on when the code that spawned it does something else; the handle brings its result back. A panic
//! in a task whose result is never taken would vanish, and with it the reason why a program does nothing. It is
//! reported once.
//!
//! **Invariants**
//! - `JOIN-1` Awaiting the handle gives the result once, and after the future's destructors have run.
//! - `JOIN-2` Dropping the handle detaches: the task runs on, and its result is dropped when it comes.
//! - `JOIN-3` A panic, or an error of the kinds that `Unjoined` knows, that is never collected is reported once.
//!
//! **Source**: tokio's `task::JoinHandle`; asyncio's "Task exception was never retrieved".

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::core::{self, Core};
use super::id::TaskId;
use super::task::{Runnable, Stage, Task};
use super::wake::wake_all;
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
    /// Tells whether the task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// Returns the payload of the panic.
    ///
    /// # Errors
    /// The task was cancelled: the error itself comes back.
    pub fn into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self {
            Self::Panicked(panic) => Ok(panic.into_payload()),
            Self::Cancelled => Err(self),
        }
    }

    /// Goes on with the task's panic in this one.
    ///
    /// # Panics
    /// Always: with the payload of the task, or saying that it was cancelled.
    pub fn resume(self) -> ! {
        match self {
            Self::Panicked(panic) => panic.resume(),
            Self::Cancelled => panic!("the task was cancelled"),
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

/// What a join handle asks of its task, whatever its future is.
pub(crate) trait Joinable<T>: Runnable {
    /// Takes the result, or leaves a waker for it.
    fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>>;
    /// Tells whether it is done.
    fn is_finished(&self) -> bool;
    /// Lets it run on alone; drops a result that had already come.
    fn detach(&self);
}

impl<F> Joinable<F::Output> for Task<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<F::Output, JoinError>> {
        if let Some(result) = self.take_result() {
            return Poll::Ready(result);
        }
        drop(self.local().joiner.replace(Some(cx.waker().clone())));
        Poll::Pending
    }

    fn is_finished(&self) -> bool {
        // Borrowed means that the future is running or being dropped.
        self.local().stage.try_borrow().is_ok_and(|stage| !matches!(*stage, Stage::Future(_)))
    }

    fn detach(&self) {
        self.flags().has_handle.set(false);
        // A waker is foreign code. A panic in it must not keep the result here (`TASK-6`).
        let joiner = self.local().joiner.take();
        contain(|| drop(joiner));
        if let Some(result) = self.take_result() {
            let (task, spawned_at) = (self.state().id(), self.spawned_at());
            core::uncollected(Unjoined { task, spawned_at, result });
        }
    }
}

impl<F: Future + 'static> Task<F>
where
    F::Output: 'static,
{
    /// Takes the result, if there is one. The future is not moved (`TASK-2`).
    fn take_result(&self) -> Option<Result<F::Output, JoinError>> {
        // A task that awaits itself finds its stage borrowed, and has no result yet.
        let mut stage = self.local().stage.try_borrow_mut().ok()?;
        if !matches!(*stage, Stage::Done(_)) {
            return None;
        }
        match mem::replace(&mut *stage, Stage::Empty) {
            Stage::Done(result) => Some(result),
            Stage::Future(_) | Stage::Empty => None,
        }
    }

    /// Drops the future, then keeps or drops the result, then wakes the joiner (`JOIN-1`). Never panics (`TASK-6`).
    pub(crate) fn finish(&self, core: &Core, mut result: Result<F::Output, JoinError>) {
        let (local, task) = (self.local(), self.state().id());
        let spawned_at = local.spawned_at;
        let dropped = catch_unwind(AssertUnwindSafe(|| *local.stage.borrow_mut() = Stage::Empty));
        if let Err(payload) = dropped {
            let panicked = Err(core.panicked(task, spawned_at, payload));
            if matches!(result, Err(JoinError::Cancelled)) {
                result = panicked;
            } else {
                // The result stands, and so the panic of the destructors can only be reported (`JOIN-3`).
                core::uncollected::<()>(Unjoined { task, spawned_at, result: panicked.map(drop) });
            }
        }
        if self.flags().has_handle.get() {
            *local.stage.borrow_mut() = Stage::Done(result);
        } else {
            core::uncollected(Unjoined { task, spawned_at, result });
        }
        wake_all(local.joiner.take());
    }
}

/// The right to a task's result. Awaiting it gives the result; dropping it detaches the task.
///
/// # Cancellation
/// If it is dropped before it is ready, only the result is lost: the task runs on.
///
/// # Panics
/// Polled again after it gave the result, the handle panics.
#[must_use = "dropping a join handle detaches the task; say so with `drop`"]
pub struct JoinHandle<T> {
    /// The task; `None` once the result is taken. Not `Send`: bound to the loop's thread, as the task is.
    task: Option<Arc<dyn Joinable<T>>>,
    /// Its id, which outlives the result.
    id: TaskId,
}

impl<T> JoinHandle<T> {
    /// Makes the one handle of a task.
    pub(crate) fn new(task: Arc<dyn Joinable<T>>) -> Self {
        Self { id: task.state().id(), task: Some(task) }
    }

    /// Returns the task's id.
    pub fn id(&self) -> TaskId {
        self.id
    }

    /// Tells whether the task is done: its result would come at once.
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(|task| task.is_finished())
    }

    /// Asks for the task's future to be dropped, which the loop does in its next batch.
    ///
    /// A task that is running finishes its poll first; one that is done keeps its result. Awaiting the
    /// handle afterwards means that the destructors have run. From another thread, have the loop
    /// [`cancel`](super::cancel) it by its id.
    pub fn cancel(&self) {
        if let Some(task) = &self.task {
            task.flags().cancelled.set(true);
            task.state().wake();
        }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let task = self.task.as_ref().expect("holds because a future is not polled after its end");
        let polled = task.poll_join(cx);
        match polled {
            Poll::Ready(_) => self.task = None,
            Poll::Pending => core::waits_for(Wait::Task(self.id.shown())),
        }
        polled
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A result that will not be taken.
pub(crate) struct Unjoined<T> {
    /// The id of the task.
    pub(crate) task: TaskId,
    /// Where it was spawned.
    pub(crate) spawned_at: &'static Location<'static>,
    /// How it ended.
    pub(crate) result: Result<T, JoinError>,
}

impl<T: 'static> Unjoined<T> {
    /// Returns the report that the result deserves, if any, and drops it (`JOIN-3`).
    ///
    /// A panic always does. Of errors it knows the two types that a detached task ends with:
    /// `Result<(), io::Error>` and `Result<(), Box<dyn Error>>`.
    pub(crate) fn into_report(self, name: Option<&str>) -> Option<String> {
        let report = match &self.result {
            Err(JoinError::Cancelled) => None,
            Err(panicked) => Some(format!("{panicked} (nobody awaited it)")),
            Ok(output) => error_in(output).map(|error| {
                let who = who(self.task, name, self.spawned_at);
                format!("{who} failed: {error} (nobody awaited it)")
            }),
        };
        // The result is the user's, and so is its destructor.
        contain(|| drop(self.result));
        report
    }
}

/// Returns the error in a task's output, where it is one of the known types.
fn error_in(output: &dyn Any) -> Option<String> {
    if let Some(Err(error)) = output.downcast_ref::<io::Result<()>>() {
        return Some(error.to_string());
    }
    match output.downcast_ref::<Result<(), Box<dyn Error>>>() {
        Some(Err(error)) => Some(error.to_string()),
        _ => None,
    }
}

/// Names a task in a report.
pub(crate) fn who(task: TaskId, name: Option<&str>, spawned_at: &Location<'_>) -> String {
    match name {
        Some(name) => format!("{task} \"{name}\", spawned at {spawned_at},"),
        None => format!("{task}, spawned at {spawned_at},"),
    }
}
