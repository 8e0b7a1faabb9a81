//! The state of one loop, which its parts share, with its run queue and its table of tasks.
//!
//! **Invariants**
//! - `CORE-1` No `RefCell` here is borrowed while foreign code runs: polls, wakes, destructors, observers may call back.
//! - `QUEUE-1` A task stands in the run queue at most once (`TASK-3`).
//! - `QUEUE-2` Without a seed, tasks run in the order in which they were woken.
//! - `QUEUE-3` With a seed every batch is permuted, and the same seed permutes the same way.
//! - `TABLE-1` A task is out of its slot while it runs, and no other task gets that slot meanwhile.
//! - `TABLE-2` A slot that stands in the run queue is not used again before it was taken from there.
//!
//! **Source**: curio's `Kernel`, whose queue, selector and sleep queue lie side by side.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::id::TaskId;
use super::join::JoinHandle;
use super::reactor::Reactor;
use super::slab::Slab;
use super::task::{Runnable, Task};
use super::timers::Timers;
use super::works::clock::{Clock, Shuffle};
use super::works::observer::{Hooks, Moment, Wait};
use super::works::remote::Inbox;
use super::works::stuck::StuckWatch;
use crate::jobs::Panic;

/// How many operations a task may do in one poll before it has to wait for its turn; tokio's number.
pub(crate) const BUDGET: u32 = 128;

/// The state of one loop.
pub(crate) struct Core {
    /// The way in from other threads.
    pub(crate) inbox: Arc<Inbox>,
    /// The run queue: slots of tasks that are ready. A slot is no reference that a wake would count.
    pub(crate) ready: RefCell<Vec<u32>>,
    /// The order of a batch.
    pub(crate) shuffle: Shuffle,
    /// Every task, by the slot that the run queue holds (`TABLE-1`).
    pub(crate) tasks: RefCell<Slab<Arc<dyn Runnable>>>,
    /// Names of tasks by their number; most have none.
    pub(crate) names: RefCell<BTreeMap<u32, Box<str>>>,
    /// How many tasks were spawned, modulo 2³².
    pub(crate) spawned: Cell<u32>,
    /// The sockets, and which task waits for which.
    pub(crate) reactor: RefCell<Reactor>,
    /// The deadlines, and which task waits for which.
    pub(crate) timers: RefCell<Timers>,
    /// The time.
    pub(crate) clock: Clock,
    /// The clock's [`tick`](Clock::tick) when the present turn began.
    pub(crate) tick: Cell<u32>,
    /// The observer, and the report of long polls.
    pub(crate) hooks: Hooks,
    /// Reports what the tasks wait for, when nothing known can wake the loop or a signal asks.
    pub(crate) stuck: StuckWatch,
    /// Jobs that run on threads for tasks of this loop.
    pub(crate) jobs: Cell<usize>,
    /// A value of a higher layer that is dropped with the loop: the threads of `aio`.
    pub(crate) attached: RefCell<Option<Rc<dyn Any>>>,
    /// What is left of the running task's [`BUDGET`].
    pub(crate) budget: Cell<u32>,
    /// What the running task said last that it waits for.
    pub(crate) wait: Cell<Wait>,
    /// Is this loop inside `block_on`?
    pub(crate) running: Cell<bool>,
}

impl Core {
    /// Makes a task that is ready.
    pub(crate) fn spawn<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
        name: Option<&str>,
        at: &'static Location<'static>,
    ) -> JoinHandle<T> {
        // A large future is boxed before it is moved into a task, so that it is copied through fewer stack frames.
        if size_of_val(&future) > 16 * 1024 {
            let future: Pin<Box<dyn Future<Output = T>>> = Box::pin(future);
            return self.spawn(future, name, at);
        }
        let slot = self.tasks.borrow_mut().reserve();
        let task = Arc::new(Task::new(self, slot, at, future));
        self.tasks.borrow_mut().put(slot, task.clone());
        let id = task.header().id();
        if let Some(name) = name {
            self.names.borrow_mut().insert(id.number, name.into());
        }
        if !id.is_main() {
            self.hooks.observe(|| Moment::Spawned { task: id, name, at });
        }
        task.header().wake();
        JoinHandle { task }
    }

    /// Runs the task in a slot; tells whether it ended.
    #[expect(clippy::inline_always, reason = "a call a poll less (benches/event_loop.rs)")]
    #[inline(always)]
    pub(crate) fn run_task(&self, slot: u32) -> bool {
        let Some(task) = self.tasks.borrow_mut().take(slot) else {
            // It had ended before its turn came (`TABLE-2`).
            self.tasks.borrow_mut().release(slot);
            return false;
        };
        let is_watched = self.hooks.slow_poll.is_some() || !self.hooks.observers.is_empty();
        let id = is_watched.then(|| task.header().id());
        let waiting = match id {
            Some(id) => self.hooks.watch(id, &self.quoted_name(id), || task.run(self)),
            None => task.run(self),
        };
        let Some(task) = waiting else { return true };
        self.tasks.borrow_mut().put(slot, task);
        false
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
    pub(crate) fn empty_inbox(&self) {
        let came = self.inbox.end_wait(false);
        for task in came.woken.into_iter().filter_map(|id| self.task(id)) {
            // Before the wake, so that a wake that comes now is put into the inbox again. Pairs with the swap in
            // `Inbox::wake`: what a thread wrote before a wake that found the flag set is seen by the next poll.
            task.header().remote_queued.swap(false, Ordering::AcqRel);
            task.header().wake();
        }
        for call in came.calls {
            // A panic stays in the call: the others are made all the same.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
                self.hooks.report(&Panic::new("a call from another thread", payload).to_string());
            }
        }
    }

    /// Returns the task with this id, unless it has ended or runs.
    pub(crate) fn task(&self, id: TaskId) -> Option<Arc<dyn Runnable>> {
        let task = self.tasks.borrow_mut().get_mut(id.slot)?.clone();
        (task.header().id() == id).then_some(task)
    }

    /// Drops the futures of all tasks.
    pub(crate) fn cancel_all(&self) {
        loop {
            // The destructor of a future may spawn another task.
            let left: Vec<_> = self.tasks.borrow().iter().cloned().collect();
            if left.is_empty() {
                break;
            }
            for task in left {
                task.header().cancelled.set(true);
                self.run_task(task.header().slot);
            }
        }
        self.ready.borrow_mut().clear();
        *self.tasks.borrow_mut() = Slab::default();
    }

    /// Returns a task's name as reports show it, if it has one.
    pub(crate) fn quoted_name(&self, task: TaskId) -> String {
        let names = self.names.borrow();
        names.get(&task.number).map_or(String::new(), |name| format!(" \"{name}\""))
    }

    /// Lists every task and what it waits for; not a task that is running.
    pub(crate) fn task_table(&self) -> String {
        let (tasks, tick) = (self.tasks.borrow(), self.clock.tick());
        tasks.iter().map(|task| task.header().standing(tick)).collect::<Vec<_>>().join("\n  ")
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Core")
    }
}
