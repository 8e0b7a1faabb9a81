//! What the parts of a loop share, and what they do together: spawn, poll, report.
//!
//! **Invariants**
//! - `CORE-1` No `RefCell` here is borrowed while foreign code runs: a poll, a wake, a destructor or
//!   an observer may call back into any of this.
//!
//! **Source**: curio's `Kernel`, whose queue, selector and sleep queue lie side by side likewise.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::clock::Clock;
use super::join::{JoinError, JoinHandle, Unjoined, who};
use super::observer::{Moment, Observer, Wait};
use super::reactor::Reactor;
use super::remote::Inbox;
use super::run_queue::RunQueue;
use super::stuck::StuckWatch;
use super::table::{MAIN, TaskTable};
use super::task::{Runnable, Task, TaskId, WakeState};
use super::timers::Timers;
use crate::jobs::Panic;

/// What a task may do in one poll before it is told to wait for its turn: a taste, tokio's.
const BUDGET: u32 = 128;

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
    /// What a higher floor keeps with the loop, and wants dropped with it: the threads of `aio`.
    pub(crate) attached: RefCell<Option<Rc<dyn Any>>>,
    /// Wakers about to be woken; kept for its allocation.
    pub(crate) woken: Cell<Vec<Waker>>,
    /// Watches for a wait that nothing known can end.
    pub(crate) stuck: StuckWatch,
    /// The number of the next task.
    next_number: Cell<u32>,
    /// What is left of the running task's [`BUDGET`].
    pub(crate) budget: Cell<u32>,
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
        reactor: Reactor,
        clock: Clock,
        seed: Option<u64>,
        slow_poll: Option<Duration>,
        observer: Option<Box<dyn Observer>>,
        panic_when_stuck: bool,
    ) -> io::Result<Self> {
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
            attached: RefCell::default(),
            woken: Cell::default(),
            stuck: StuckWatch::new(panic_when_stuck),
            next_number: Cell::new(1),
            budget: Cell::new(BUDGET),
            wait: Cell::new(Wait::Nothing),
            main_wait: Cell::new(Wait::Nothing),
            ending: Cell::new(false),
            running: Cell::new(false),
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
        self.begin_poll();
        catch_unwind(AssertUnwindSafe(|| future.poll(&mut Context::from_waker(waker))))
    }

    /// Gives the next poll its budget, and forgets what the last one waited for.
    pub(crate) fn begin_poll(&self) {
        self.budget.set(BUDGET);
        self.wait.set(Wait::Nothing);
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

    /// Names a task in a report.
    pub(crate) fn name_of(&self, task: TaskId) -> String {
        match self.tasks.borrow().name(task) {
            Some(name) => format!("{task} \"{name}\""),
            None => task.to_string(),
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

    /// Drops a result that nobody will take, and reports it where it deserves that.
    pub(crate) fn uncollected<T: 'static>(&self, unjoined: Unjoined<T>) {
        let name = self.tasks.borrow().name(unjoined.task).map(String::from);
        if let Some(report) = unjoined.into_report(name.as_deref()) {
            self.report(&report);
        }
    }

    /// Lists every task: who waits for what.
    pub(crate) fn task_table(&self) -> String {
        let mut text = format!("{MAIN} (block_on), waits {}", self.main_wait.get());
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
