//! The state of one loop, which its parts share; and the thread-local that finds the loop of this thread.
//!
//! `sleep` and `spawn` take no loop as an argument: they ask for the one whose `block_on` they are called in.
//!
//! **Invariants**
//! - `CORE-1` No `RefCell` here is borrowed while foreign code runs: a poll, a wake, a destructor or an observer
//!   may call back into any of this.
//! - `CTX-1` A loop is the current one exactly while its `block_on` runs, on one thread.
//!
//! **Source**: curio's `Kernel`, whose queue, selector and sleep queue lie side by side likewise.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::id::{MAIN_SLOT, NO_SLOT, TaskId};
use super::join::{JoinError, JoinHandle, Unjoined, who};
use super::reactor::Reactor;
use super::run_queue::RunQueue;
use super::table::TaskTable;
use super::task::{MainWaker, Ran, Runnable, Task, WakeState};
use super::timers::Timers;
use super::works::clock::Clock;
use super::works::observer::{Hooks, Moment, Observer, Unobserved, Wait};
use super::works::pace::Pace;
use super::works::remote::{Contents, Inbox};
use super::works::stuck::StuckWatch;
use crate::jobs::Panic;

/// How many operations a task may do in one poll before it has to wait for its turn; tokio's number.
const BUDGET: u32 = 128;

thread_local! {
    /// The loop that runs on this thread (`CTX-1`).
    static CURRENT: RefCell<Option<Rc<Core>>> = const { RefCell::new(None) };
}

/// Calls `function` with the current loop if that is the one with this inbox; from any thread.
pub(crate) fn with_loop_of<T>(inbox: &Arc<Inbox>, function: impl FnOnce(&Core) -> T) -> Option<T> {
    // A waker may be dropped by a thread's last destructors, when the thread-local is gone.
    let on_current = |current: &RefCell<Option<Rc<Core>>>| match &*current.borrow() {
        Some(core) if Arc::ptr_eq(&core.inbox, inbox) => Some(function(core)),
        _ => None,
    };
    CURRENT.try_with(on_current).ok().flatten()
}

/// Calls `function` with the current loop, if there is one.
pub(crate) fn with_current<T>(function: impl FnOnce(&Core) -> T) -> Option<T> {
    CURRENT.try_with(|current| current.borrow().as_deref().map(function)).ok().flatten()
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

/// Notes what the running task waits for: a future calls it when it returns `Pending`.
pub fn waits_for(wait: Wait) {
    with_current(|core| core.wait.set(wait));
}

/// Drops a result that will not be taken, and reports it if it deserves that.
pub(crate) fn uncollected<T: 'static>(unjoined: Unjoined<T>) {
    let core = try_current();
    let name =
        core.as_ref().and_then(|core| core.tasks.borrow().name(unjoined.task).map(String::from));
    if let Some(report) = unjoined.into_report(name.as_deref()) {
        match core {
            Some(core) => core.hooks.report(&report),
            None => Unobserved.report(&report),
        }
    }
}

/// The state of one loop.
pub(crate) struct Core {
    /// The way in from other threads.
    pub(crate) inbox: Arc<Inbox>,
    /// The tasks that are ready.
    pub(crate) queue: RefCell<RunQueue>,
    /// Every task.
    pub(crate) tasks: RefCell<TaskTable>,
    /// The sockets, and which task waits for which.
    pub(crate) reactor: RefCell<Reactor>,
    /// The deadlines, and which task waits for which.
    pub(crate) timers: RefCell<Timers>,
    /// How often timers fire.
    pub(crate) pace: RefCell<Pace>,
    /// The time.
    pub(crate) clock: Clock,
    /// The observer, and the report of long polls.
    pub(crate) hooks: Hooks,
    /// Watches for a wait that nothing known can end.
    pub(crate) stuck: StuckWatch,
    /// Jobs that run on threads for tasks of this loop.
    pub(crate) jobs: Cell<usize>,
    /// A value of a higher layer that is dropped with the loop: the threads of `aio`.
    pub(crate) attached: RefCell<Option<Rc<dyn Any>>>,
    /// Wakers about to be woken; kept for its allocation.
    pub(crate) woken: Cell<Vec<Waker>>,
    /// The number of the last task.
    spawned: Cell<u64>,
    /// The number of the present `block_on`.
    pub(crate) runs: Cell<u64>,
    /// What is left of the running task's [`BUDGET`].
    budget: Cell<u32>,
    /// What the running task said last that it waits for.
    pub(crate) wait: Cell<Wait>,
    /// What the main future said last.
    pub(crate) main_wait: Cell<Wait>,
    /// Set while the tasks that are left over are dropped.
    pub(crate) ending: Cell<bool>,
    /// Set while `block_on` runs.
    pub(crate) running: Cell<bool>,
}

impl Core {
    /// Puts the parts together.
    pub(crate) fn new(
        inbox: Inbox,
        reactor: Reactor,
        queue: RunQueue,
        clock: Clock,
        hooks: Hooks,
        stuck: StuckWatch,
    ) -> Self {
        Self {
            inbox: Arc::new(inbox),
            queue: RefCell::new(queue),
            tasks: RefCell::default(),
            reactor: RefCell::new(reactor),
            timers: RefCell::default(),
            pace: RefCell::default(),
            clock,
            hooks,
            stuck,
            jobs: Cell::new(0),
            attached: RefCell::default(),
            woken: Cell::default(),
            spawned: Cell::new(0),
            runs: Cell::new(0),
            budget: Cell::new(BUDGET),
            wait: Cell::new(Wait::Nothing),
            main_wait: Cell::new(Wait::Nothing),
            ending: Cell::new(false),
            running: Cell::new(false),
        }
    }

    /// Makes this loop the current one of the thread.
    ///
    /// # Panics
    /// Another one is.
    pub(crate) fn enter(self: &Rc<Self>) {
        CURRENT.with_borrow_mut(|current| {
            assert!(
                current.is_none(),
                "block_on was called inside block_on: this thread already runs an event loop. Await the \
                 future there, spawn it, or give blocking work to a thread with run_blocking"
            );
            *current = Some(self.clone());
        });
        self.running.set(true);
    }

    /// Ends what [`enter`](Self::enter) began.
    pub(crate) fn leave(&self) {
        self.running.set(false);
        // The caller holds another reference, so that no loop is dropped here.
        drop(CURRENT.take());
    }

    /// Puts a task, or the main future, at the end of the run queue; its `queued` flag ensures `QUEUE-1`.
    pub(crate) fn make_ready(&self, task: &WakeState) {
        self.queue.borrow_mut().push(task.slot());
        self.hooks.observe(|| Moment::Woken { task: task.id() });
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
        let number = self.spawned.get() + 1;
        self.spawned.set(number);
        if self.ending.get() {
            // The loop drops its tasks, and a destructor spawns: the task ends before it begins.
            let state = WakeState::new(number, NO_SLOT, self.inbox.clone());
            let task = Arc::new(Task::new(state, at, future));
            drop(task.clone().run(self));
            return JoinHandle::new(task);
        }
        let slot = self.tasks.borrow_mut().reserve();
        let state = WakeState::new(number, slot, self.inbox.clone());
        let task = Arc::new(Task::new(state, at, future));
        self.tasks.borrow_mut().insert(task.state().id(), task.clone(), name);
        self.hooks.observe(|| Moment::Spawned { task: task.state().id(), name, at });
        task.state().wake();
        JoinHandle::new(task)
    }

    /// Runs the task in a slot, if it has not ended meanwhile.
    pub(crate) fn run_task(&self, slot: u32) {
        let Some(task) = self.tasks.borrow_mut().take(slot) else { return };
        let id = task.state().id();
        let started = self.hooks.poll_begins();
        let ran = task.run(self);
        if let Some(started) = started {
            self.poll_ended(started, id);
        }
        if matches!(ran, Ran::Finished { .. }) {
            self.hooks.observe(|| Moment::Finished { task: id });
        }
        self.tasks.borrow_mut().put_back(id, ran);
    }

    /// Polls a future, with its panic caught.
    pub(crate) fn poll<F: Future>(
        &self,
        future: Pin<&mut F>,
        waker: &Waker,
    ) -> Result<Poll<F::Output>, Box<dyn Any + Send>> {
        self.budget.set(BUDGET);
        self.wait.set(Wait::Nothing);
        catch_unwind(AssertUnwindSafe(|| future.poll(&mut Context::from_waker(waker))))
    }

    /// Tells the observer that a poll has ended.
    #[cold]
    pub(crate) fn poll_ended(&self, started: Instant, task: TaskId) {
        self.hooks.poll_ended(started, task, || self.tasks.borrow().name(task).map(String::from));
    }

    /// Counts one operation of the running task; see [`poll_budget`](super::poll_budget).
    #[inline]
    pub(crate) fn poll_budget(&self, cx: &Context<'_>) -> Poll<()> {
        let left = self.budget.get();
        if left > 0 {
            self.budget.set(left - 1);
            return Poll::Ready(());
        }
        self.wait.set(Wait::Turn);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Wakes tasks and makes calls that other threads have asked for.
    pub(crate) fn empty_inbox(&self, main: &MainWaker) {
        let Contents { woken, calls, .. } = self.inbox.end_wait();
        for id in woken {
            // An id of an earlier `block_on` has another number.
            if id.slot == MAIN_SLOT && id == main.0.id() {
                main.0.wake_from_inbox();
                continue;
            }
            let task = self.tasks.borrow().get(id);
            if let Some(task) = task {
                task.state().wake_from_inbox();
            }
        }
        for call in calls {
            // A panic stays in the call: the others are made all the same.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
                self.hooks.report(&Panic::new("a call from another thread", payload).to_string());
            }
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
        JoinError::Panicked(Box::new(Panic::new(who, payload)))
    }

    /// Tells whether nothing that the loop knows of can wake it.
    pub(crate) fn is_stuck(&self) -> bool {
        self.queue.borrow().is_empty()
            && self.jobs.get() == 0
            && !self.inbox.has_handles()
            && self.timers.borrow().next_deadline().is_none()
            && !self.reactor.borrow().watches_any()
    }

    /// Lists every task, and what it waits for.
    pub(crate) fn task_table(&self) -> String {
        let mut text = format!("task 0 (block_on), waits {}", self.main_wait.get());
        self.tasks.borrow().print(&mut text);
        text
    }
}

impl fmt::Debug for Core {
    /// Shows nothing of the state, which may be borrowed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Core")
    }
}
