//! The loop that runs on this thread, and the state that its parts share.
//!
//! `sleep` and `spawn` take no loop as an argument: they ask for the one whose `block_on` they were called
//! under. That is the one thread-local of the house.
//!
//! **Invariants**
//! - `CTX-1` A loop is the current one exactly while its `block_on` runs, on one thread.
//! - `CTX-2` No `RefCell` here is borrowed while foreign code runs: a poll, a waker, a destructor or
//!   an observer may call back into any of this.
//!
//! **Left out**: tokio's `Handle` and `enter`, which let code outside `block_on` use the loop.
//!
//! **Source**: `asyncio.get_running_loop`; tokio's `runtime::context`.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::ptr;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::join::{JoinError, JoinHandle, Panic, Unjoined, who};
use super::observer::{Moment, Observer, Unobserved, Wait};
use super::parked::WakerTree;
use super::reactor::Reactor;
use super::remote::Inbox;
use super::run_queue::RunQueue;
use super::table::{MAIN, TaskTable};
use super::task::{Runnable, Task, TaskId, WakeState};
use super::timers::Timers;

/// What a task may do in one poll before it is told to wait for its turn: a taste, tokio's.
const BUDGET: u32 = 128;

/// Futures above this size are boxed before they are moved into a task, so that `spawn` does not copy
/// them through several stack frames.
const LARGE_FUTURE_BYTES: usize = 16 * 1024;

thread_local! {
    /// The loop that runs on this thread (`CTX-1`).
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
}

/// The state of one loop.
pub(crate) struct Core {
    /// The way in from other threads.
    pub(crate) inbox: Arc<Inbox>,
    /// Who can go on.
    pub(crate) queue: RefCell<RunQueue>,
    /// Every task.
    pub(crate) tasks: RefCell<TaskTable>,
    /// Who waits for sockets.
    pub(crate) reactor: RefCell<Reactor>,
    /// Who waits for time.
    pub(crate) timers: RefCell<Timers>,
    /// The time.
    pub(crate) clock: Clock,
    /// Whoever watches.
    pub(crate) observer: Option<Box<dyn Observer>>,
    /// A poll longer than this is reported.
    pub(crate) slow_poll: Option<Duration>,
    /// Jobs that run on threads for tasks of this loop.
    pub(crate) jobs: Cell<usize>,
    /// Wakers in places which only this thread can reach (`PARK-1`).
    pub(crate) parked: Rc<Cell<usize>>,
    /// Wakers about to be woken; kept for its allocation.
    pub(crate) woken: Cell<Vec<Waker>>,
    /// Has the loop made sure that it is not stuck, since something last happened?
    pub(crate) not_stuck: Cell<bool>,
    /// Combinators that hand out wakers of their own.
    pub(crate) trees: RefCell<Vec<Weak<dyn WakerTree>>>,
    /// The number of the next task.
    next_number: Cell<u32>,
    /// What is left of the running task's [`BUDGET`].
    budget: Cell<u32>,
    /// What the running task said last that it waits for.
    wait: Cell<Wait>,
    /// What the main future said last.
    main_wait: Cell<Wait>,
    /// The data pointer of the waker with which the innermost future is polled.
    polling: Cell<*const ()>,
    /// Set while the tasks that are left over are dropped.
    ending: Cell<bool>,
    /// Set for ever when the loop is dropped.
    gone: Cell<bool>,
}

impl Core {
    /// Puts the parts together.
    pub(crate) fn new(
        reactor: Reactor,
        clock: Clock,
        seed: Option<u64>,
        slow_poll: Option<Duration>,
        observer: Option<Box<dyn Observer>>,
    ) -> std::io::Result<Self> {
        let inbox = Arc::new(Inbox::new(reactor.unparker()?));
        Ok(Self {
            inbox,
            queue: RefCell::new(RunQueue::new(seed)),
            tasks: RefCell::default(),
            reactor: RefCell::new(reactor),
            timers: RefCell::default(),
            clock,
            observer,
            slow_poll,
            jobs: Cell::new(0),
            parked: Rc::default(),
            trees: RefCell::default(),
            woken: Cell::default(),
            not_stuck: Cell::new(false),
            next_number: Cell::new(1),
            budget: Cell::new(BUDGET),
            wait: Cell::new(Wait::Nothing),
            main_wait: Cell::new(Wait::Nothing),
            polling: Cell::new(ptr::null()),
            ending: Cell::new(false),
            gone: Cell::new(false),
        })
    }

    /// Puts a task, or the main future, at the end of the run queue; `WakeState` has seen to `QUEUE-1`.
    pub(crate) fn make_ready(&self, id: TaskId) {
        self.queue.borrow_mut().push(id.slot);
        self.observe(|| Moment::Woken { task: id });
    }

    /// Makes a task that is ready.
    pub(crate) fn spawn<F>(
        &self,
        future: F,
        name: Option<&str>,
        at: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let number = self.next_number.get();
        // Zero is the main future's.
        self.next_number.set(number.checked_add(1).unwrap_or(1));
        if self.ending.get() {
            // The loop drops its tasks, and a destructor spawns: the task ends before it began.
            let id = TaskId { slot: MAIN.slot, number };
            let task = Arc::new(Task::new(WakeState::new(id, self.inbox.clone()), at, future));
            drop(task.clone().run(self));
            return JoinHandle::new(task);
        }
        let id = TaskId { slot: self.tasks.borrow_mut().reserve(), number };
        let task = Arc::new(Task::new(WakeState::new(id, self.inbox.clone()), at, future));
        self.tasks.borrow_mut().insert(id, task.clone(), name);
        self.observe(|| Moment::Spawned { task: id, name, at });
        task.state().wake();
        JoinHandle::new(task)
    }

    /// Polls a future with its panic caught, after what every poll begins with.
    pub(crate) fn poll<F: Future>(
        &self,
        future: Pin<&mut F>,
        waker: &Waker,
    ) -> Result<Poll<F::Output>, Box<dyn Any + Send>> {
        self.begin_poll(waker);
        catch_unwind(AssertUnwindSafe(|| future.poll(&mut Context::from_waker(waker))))
    }

    /// Gives the next poll its budget, and forgets what the last one waited for.
    pub(crate) fn begin_poll(&self, waker: &Waker) {
        self.budget.set(BUDGET);
        self.wait.set(Wait::Nothing);
        self.polling.set(waker.data());
    }

    /// Keeps what the main future said that it waits for.
    pub(crate) fn note_main_wait(&self) {
        self.main_wait.set(self.wait.get());
    }

    /// Returns what the last poll waits for.
    pub(crate) fn last_wait(&self) -> Wait {
        self.wait.get()
    }

    /// Tells an observer, if there is one.
    pub(crate) fn observe<'a>(&self, moment: impl FnOnce() -> Moment<'a>) {
        if let Some(observer) = &self.observer {
            observer.observe(moment());
        }
    }

    /// Reports what should not have happened.
    pub(crate) fn report(&self, text: &str) {
        self.observer.as_deref().unwrap_or(&Unobserved).report(text);
    }

    /// Reports a poll that held the loop.
    pub(crate) fn report_slow(&self, task: TaskId, held: Duration) {
        let tasks = self.tasks.borrow();
        let name = tasks.name(task).map_or(String::new(), |name| format!(" \"{name}\""));
        drop(tasks);
        self.report(&format!(
            "{task}{name} held the loop for {held:.0?}: give blocking work to run_blocking, and long \
             computing a yield_now now and then"
        ));
    }

    /// Calls what another thread sent; a panic stays in it.
    pub(crate) fn call(&self, call: Box<dyn FnOnce() + Send>) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
            let who = "a call from another thread".into();
            let panic = JoinError::Panicked(Box::new(Panic { who, payload }));
            self.report(&panic.to_string());
        }
    }

    /// Makes the error of a task that panicked.
    pub(crate) fn panicked(
        &self,
        task: TaskId,
        at: &Location<'_>,
        payload: Box<dyn Any + Send>,
    ) -> JoinError {
        let who = who(task, self.tasks.borrow().name(task), at);
        JoinError::Panicked(Box::new(Panic { who, payload }))
    }

    /// Drops a result that nobody will take, and reports it where it deserves that.
    pub(crate) fn uncollected<T: 'static>(&self, unjoined: Unjoined<T>) {
        let name = self.tasks.borrow().name(unjoined.task).map(String::from);
        if let Some(report) = unjoined.into_report(name.as_deref()) {
            self.report(&report);
        }
    }

    /// Tells whether the tasks that are left over are being dropped.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.get()
    }

    /// Begins or ends the dropping of tasks.
    pub(crate) fn set_ending(&self, ending: bool) {
        self.ending.set(ending);
    }

    /// Notes that the loop has been dropped, though sockets and timers still hold this.
    pub(crate) fn set_gone(&self) {
        self.gone.set(true);
    }

    /// Tells whether the loop has been dropped.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// Lists every task: who waits for what.
    pub(crate) fn task_table(&self) -> String {
        let mut text = format!("{MAIN} (block_on), waits {}", self.main_wait.get());
        self.tasks.borrow().print(&mut text);
        text
    }
}

impl std::fmt::Debug for Core {
    /// Shows nothing of the state, which may be borrowed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Core")
    }
}

/// Leaves the loop when `block_on` ends, by whatever way.
pub(crate) struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| current.borrow_mut().take());
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

/// Tells whether a loop is the current one.
pub(crate) fn is_current(core: &Rc<Core>) -> bool {
    CURRENT.with(|current| current.borrow().as_ref().is_some_and(|here| Rc::ptr_eq(here, core)))
}

/// Calls `function` with the current loop, if there is one, without counting a reference.
fn with_current<T>(function: impl FnOnce(&Core) -> T) -> Option<T> {
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
    let allowed = with_current(|core| {
        let left = core.budget.get();
        core.budget.set(left.saturating_sub(1));
        if left == 0 {
            core.wait.set(Wait::Turn);
        }
        left > 0
    });
    if allowed == Some(false) {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

/// Lists every task of the loop that runs on this thread: who waits for what.
pub fn task_table() -> String {
    with_current(Core::task_table).unwrap_or_else(|| "no event loop runs on this thread".into())
}

/// Polls with a waker of a combinator's own, so that [`Parked`](super::Parked) knows it.
pub(crate) fn poll_as<T>(waker: &Waker, poll: impl FnOnce(&mut Context<'_>) -> T) -> T {
    let outer = with_current(|core| core.polling.replace(waker.data()));
    let polled = poll(&mut Context::from_waker(waker));
    if let Some(outer) = outer {
        with_current(|core| core.polling.set(outer));
    }
    polled
}

/// Returns the counter of parked wakers, if `waker` is the one with which the running task is polled.
pub(crate) fn parked_tally(waker: &Waker) -> Option<Rc<Cell<usize>>> {
    with_current(|core| (core.polling.get() == waker.data()).then(|| core.parked.clone())).flatten()
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
