//! The loop that runs on this thread, and the functions by which code inside `block_on` calls it.
//!
//! **Invariants**
//! - `CTX-1` A loop is the current one exactly while its `block_on` runs, on one thread.
//!
//! **Source**: `asyncio.get_running_loop`; tokio's `runtime::context`.

use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::core::Core;
use super::id::TaskId;
use super::join::JoinHandle;
use super::works::observer::{Observer, Wait, print_report};

thread_local! {
    /// The loop that runs on this thread (`CTX-1`).
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
    /// How loops that are made here are watched.
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

/// Makes an observer for each loop, or none.
type Watch = Rc<dyn Fn() -> Option<Box<dyn Observer>>>;

/// Has every loop that this thread makes from now on answer SIGUSR1 with the table of its tasks, and gives it the
/// observer that `observer` makes, beside its own.
pub fn watch_loops(observer: impl Fn() -> Option<Box<dyn Observer>> + 'static) {
    drop(WATCH.replace(Some(Rc::new(observer))));
}

/// Returns how loops of this thread are watched.
pub(crate) fn watch() -> Option<Watch> {
    WATCH.with_borrow(Clone::clone)
}

/// Calls `block_on`, which must not panic, while a loop is the current one. Panics if another loop is.
pub(crate) fn enter<T>(core: &Rc<Core>, block_on: impl FnOnce() -> T) -> T {
    assert!(
        with_current(|_| ()).is_none(),
        "block_on was called inside block_on: this thread already runs an event loop. Await the \
         future there, spawn it, or give blocking work to a thread with run_blocking"
    );
    drop(CURRENT.replace(Some(core.clone())));
    core.running.set(true);
    let outcome = block_on();
    core.running.set(false);
    // The caller holds another reference, so that no loop is dropped here.
    drop(CURRENT.take());
    outcome
}

/// Calls `function` with the current loop, if there is one. Foreign code that it runs cannot enter another one.
#[inline]
pub(crate) fn with_current<T>(function: impl FnOnce(&Rc<Core>) -> T) -> Option<T> {
    // A waker may be used by a thread's last destructors, when the thread-local is gone.
    CURRENT.try_with(|current| current.borrow().as_ref().map(function)).ok().flatten()
}

/// Returns the current loop. Panics if there is none.
#[track_caller]
pub(crate) fn current() -> Rc<Core> {
    with_current(Rc::clone).expect(
        "holds because this is called inside block_on: only there is an event loop to work with. \
         Write block_on(async { ... }) and make sockets, sleeps and tasks inside",
    )
}

/// Reports a fault to the observer of the current loop; without a loop, on standard error.
pub(crate) fn report(text: &str) {
    with_current(Rc::clone).map_or_else(|| print_report(text), |core| core.hooks.report(text));
}

/// Starts a task that runs beside the caller, on the same thread, from the next batch on. Nothing need be `Send`.
///
/// # Panics
/// No event loop runs on this thread.
///
/// # Examples
/// ```
/// use handloom::rt::{block_on, spawn};
///
/// assert_eq!(block_on(async { spawn(async { 5 + 7 }).await.expect("no panic") }), 12);
/// ```
#[track_caller]
pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    current().spawn(future, None, Location::caller())
}

/// Starts a task as [`spawn`] does, with a name that reports and tables of tasks show.
#[track_caller]
pub fn spawn_named<T: 'static>(
    name: &str,
    future: impl Future<Output = T> + 'static,
) -> JoinHandle<T> {
    current().spawn(future, Some(name), Location::caller())
}

/// Cancels a task as [`JoinHandle::cancel`] does, by an id that may have come from another thread. False, and without
/// effect, unless the loop of this thread has such a task and another one runs.
pub fn cancel(task: TaskId) -> bool {
    let task = with_current(|core| core.task(task)).flatten();
    let task = task.filter(|task| !task.header().id().is_main());
    task.inspect(|task| task.header().cancel()).is_some()
}

/// Notes what the running task waits for: a future calls it when it returns `Pending`.
pub fn waits_for(wait: Wait) {
    with_current(|core| core.wait.set(wait));
}

/// Returns the time by the loop's clock, which may be virtual; outside a loop the real time.
pub fn now() -> Instant {
    with_current(|core| core.clock.now()).unwrap_or_else(Instant::now)
}

/// Counts one operation of the running task. `Pending` when it has had its share: then it is woken for its next turn,
/// so that a task whose operations are always ready does not starve the others.
pub fn poll_budget(cx: &mut Context<'_>) -> Poll<()> {
    with_current(Rc::clone).map_or(Poll::Ready(()), |core| core.poll_budget(cx))
}

/// Lists the tasks of the loop that runs on this thread, and what each waits for; not the task that asks.
pub fn task_table() -> String {
    with_current(|core| core.task_table())
        .unwrap_or_else(|| "no event loop runs on this thread".into())
}
