//! The loop that runs on this thread.
//!
//! `sleep` and `spawn` take no loop as an argument: they ask for the one whose `block_on` they were called
//! under. That is the one thread-local of the house.
//!
//! **Invariants**
//! - `CTX-1` A loop is the current one exactly while its `block_on` runs, on one thread.
//!
//! **Left out**: tokio's `Handle` and `enter`, which let code outside `block_on` use the loop.
//!
//! **Source**: `asyncio.get_running_loop`; tokio's `runtime::context`.

use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::core::Core;
use super::join::{JoinHandle, Unjoined};
use super::observer::{Observer, Unobserved, Wait};
use super::remote::Inbox;
use super::task::TaskId;

/// Futures above this size are boxed before they are moved into a task, so that `spawn` does not copy
/// them through several stack frames.
const LARGE_FUTURE_BYTES: usize = 16 * 1024;

thread_local! {
    /// The loop that runs on this thread (`CTX-1`).
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
}

/// Leaves the loop when `block_on` ends, by whatever way.
pub(crate) struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        // Dropped outside the borrow.
        if let Some(core) = CURRENT.with(|current| current.borrow_mut().take()) {
            core.running.set(false);
        }
    }
}

/// Makes a loop the current one of this thread.
///
/// # Panics
/// Another one is.
pub(crate) fn enter(core: &Rc<Core>) -> Entered {
    CURRENT.with(|current| {
        let mut current = current.borrow_mut();
        assert!(
            current.is_none(),
            "block_on was called inside block_on: this thread already runs an event loop. Await the \
             future there, spawn it, or give blocking work to a thread with run_blocking"
        );
        *current = Some(core.clone());
    });
    core.running.set(true);
    Entered
}

/// Calls `function` with the current loop, if that is the one with this inbox; from any thread.
pub(crate) fn on_loop_of<T>(inbox: &Arc<Inbox>, function: impl FnOnce(&Core) -> T) -> Option<T> {
    // A waker may be dropped by a thread's last destructors, when the thread-local is gone.
    let on_current = |current: &RefCell<Option<Rc<Core>>>| match &*current.borrow() {
        Some(core) if Arc::ptr_eq(&core.inbox, inbox) => Some(function(core)),
        _ => None,
    };
    CURRENT.try_with(on_current).ok().flatten()
}

/// Returns the current loop, if there is one.
pub(crate) fn try_current() -> Option<Rc<Core>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// Returns the current loop.
///
/// # Panics
/// There is none.
#[track_caller]
pub(crate) fn current() -> Rc<Core> {
    try_current().expect(
        "holds because this is called inside block_on: only there is an event loop to work with. \
         Write block_on(async { ... }) and make sockets, sleeps and tasks inside",
    )
}

/// Calls `function` with the current loop, if there is one, without counting a reference.
pub(crate) fn with_current<T>(function: impl FnOnce(&Core) -> T) -> Option<T> {
    CURRENT.try_with(|current| current.borrow().as_deref().map(function)).ok().flatten()
}

/// Starts a task that runs beside the caller, on the same thread, from the next batch on.
///
/// Nothing need be `Send`: an `Rc` may live across `.await`. What is left over when `block_on` returns
/// is dropped then.
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
///     task.await.expect("holds because nobody cancels it")
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

/// Asks for a task's future to be dropped, as [`JoinHandle::cancel`] does, by its id: which may have come
/// from another thread, in a [`Remote::call_soon`](super::Remote::call_soon).
///
/// False when this thread's loop has no such task any more, or it is the very one that runs.
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

/// Notes what the running task waits for: a future calls it when it returns `Pending`.
pub fn waits_for(wait: Wait) {
    with_current(|core| core.wait.set(wait));
}

/// Counts one operation of the running task. `Pending` when it has had its share: the task is woken for
/// its next turn, so that a task whose operations are always ready does not starve the others.
pub fn poll_budget(cx: &mut Context<'_>) -> Poll<()> {
    with_current(|core| core.poll_budget(cx)).unwrap_or(Poll::Ready(()))
}

/// Lists every task of the loop that runs on this thread: who waits for what.
pub fn task_table() -> String {
    with_current(Core::task_table).unwrap_or_else(|| "no event loop runs on this thread".into())
}

/// Reports what should not have happened, to the observer of the loop that runs on this thread.
pub(crate) fn report(text: &str) {
    with_current(|core| core.report(text));
}

/// Drops a result that nobody will take, and reports it where it deserves that.
pub(crate) fn uncollected<T: 'static>(unjoined: Unjoined<T>) {
    match try_current() {
        Some(core) => core.uncollected(unjoined),
        None => {
            if let Some(report) = unjoined.into_report(None) {
                Unobserved.report(&report);
            }
        }
    }
}
