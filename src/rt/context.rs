//! The functions that code inside `block_on` calls: they find the loop that runs on this thread.
//!
//! **Source**: `asyncio.get_running_loop`; tokio's `runtime::context`.

use std::panic::Location;
use std::task::{Context, Poll};
use std::time::Instant;

use super::core::{Core, try_current, with_current};
use super::id::TaskId;
use super::join::JoinHandle;

pub(crate) use super::core::current;
pub use super::core::waits_for;

/// Futures above this size are boxed before they are moved into a task, so that `spawn` does not copy them
/// through several stack frames.
const LARGE_FUTURE_BYTES: usize = 16 * 1024;

/// Starts a task that runs beside the caller, on the same thread, from the next batch on.
///
/// Nothing need be `Send`: an `Rc` may live across `.await`. A task that is left over when `block_on` returns is
/// dropped then.
///
/// # Panics
/// No event loop runs on this thread.
///
/// # Examples
/// ```
/// use handloom::rt::{block_on, spawn};
///
/// let sum = block_on(async {
///     let task = spawn(async { 5 + 7 });
///     task.await.expect("it neither panics nor is cancelled")
/// });
/// assert_eq!(sum, 12);
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    start(future, None, Location::caller())
}

/// Starts a task with a name, which reports and tables of tasks show; see [`spawn`].
///
/// # Panics
/// No event loop runs on this thread.
#[track_caller]
pub fn spawn_named<F>(name: &str, future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    start(future, Some(name), Location::caller())
}

/// Starts a task; a large future is boxed first.
#[track_caller]
fn start<F>(future: F, name: Option<&str>, at: &'static Location<'static>) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    if size_of::<F>() > LARGE_FUTURE_BYTES {
        current().spawn(Box::pin(future), name, at)
    } else {
        current().spawn(future, name, at)
    }
}

/// Asks for a task's future to be dropped, as [`JoinHandle::cancel`] does, by its id: which may have come from
/// another thread, in a [`Remote::call_soon`](super::Remote::call_soon).
///
/// False, and without effect, if the loop of this thread has no such task any more, or it is the one that runs.
/// An id of another loop names no task of this one.
pub fn cancel(task: TaskId) -> bool {
    let task = with_current(|core| core.tasks.borrow().get(task)).flatten();
    if let Some(task) = &task {
        task.flags().cancelled.set(true);
        task.state().wake();
    }
    task.is_some()
}

/// Returns the time by the loop's clock, which may be virtual; outside a loop the real time.
pub fn now() -> Instant {
    with_current(|core| core.clock.now()).unwrap_or_else(Instant::now)
}

/// Counts one operation of the running task. `Pending` when it has had its share: the task is woken for its
/// next turn, so that a task whose operations are always ready does not starve the others.
pub fn poll_budget(cx: &mut Context<'_>) -> Poll<()> {
    with_current(|core| core.poll_budget(cx)).unwrap_or(Poll::Ready(()))
}

/// Lists every task of the loop that runs on this thread, and what it waits for.
pub fn task_table() -> String {
    with_current(Core::task_table).unwrap_or_else(|| "no event loop runs on this thread".into())
}

/// Reports a fault to the observer of the loop that runs on this thread.
pub(crate) fn report(text: &str) {
    if let Some(core) = try_current() {
        core.hooks.report(text);
    }
}
