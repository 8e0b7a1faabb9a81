//! A task: a future with the state that wakes it, in one allocation.
//!
//! A future must be polled again when what it waits for has come. So a waker points to its task, and a task to its loop.
//!
//! **Invariants**
//! - `TASK-1` All but a header's first four fields is used on the loop's thread only: a waker uses the rest only where
//!   the loop that runs is the task's own, and the table and the join handle cannot leave the thread.
//! - `TASK-2` The future is never moved, and is dropped in place, before its result can be joined.
//! - `TASK-3` However often it is woken, it stands in the run queue once: `queued`.
//! - `TASK-4` `queued` is cleared before the poll, so a wake during the poll is kept.
//! - `TASK-5` When the task is done, `queued` stays set: later wakes do nothing.
//! - `TASK-6` When the last reference goes, which may be on another thread, the stage is empty: the table keeps the
//!   future and the join handle the result, and neither outlives its reference. [`run`](Runnable::run) must not panic.
//!
//! **Source**: async-task's `raw.rs` and `state.rs`; std's `Wake`, and `thread::scope` for the main task.

#![expect(unsafe_code, reason = "one allocation a task and no count a poll (benches/memory.rs)")]

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::future::poll_fn;
use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use super::context;
use super::core::{BUDGET, Core};
use super::id::TaskId;
use super::join::{JoinError, failure};
use super::works::observer::{Moment, Wait};
use super::works::remote::Inbox;
use crate::jobs::{Panic, contain, wake_all};

/// The part of a task that does not depend on its future.
pub(crate) struct Header {
    /// The number of the task.
    pub(crate) number: u32,
    /// The way in from other threads; its address tells one loop from another.
    inbox: Arc<Inbox>,
    /// The slot of the task.
    pub(crate) slot: u32,
    /// In the inbox already (`REMOTE-2`)? Set by wakes from other threads, cleared by the loop.
    pub(crate) remote_queued: AtomicBool,
    /// In the run queue already (`TASK-3`)?
    queued: Cell<bool>,
    /// Is the stage lent ([`lend`](Task::lend))?
    lent: Cell<bool>,
    /// Shall the next run drop the future?
    pub(crate) cancelled: Cell<bool>,
    /// Does a join handle live?
    has_handle: Cell<bool>,
    /// Is it done?
    pub(crate) finished: Cell<bool>,
    /// Where it was spawned.
    pub(crate) spawned_at: &'static Location<'static>,
    /// What it waited for when it was last polled.
    wait: Cell<Wait>,
    /// How often it was polled.
    polls: Cell<u32>,
    /// When it was last polled, in ticks of the loop's clock.
    polled_at: Cell<u32>,
    /// The waker of the task that awaits the result.
    pub(crate) joiner: Cell<Option<Waker>>,
}

impl Header {
    /// Returns the id of the task.
    pub(crate) fn id(&self) -> TaskId {
        TaskId { event_loop: self.inbox.event_loop, number: self.number, slot: self.slot }
    }

    /// Makes the task ready; from any thread, at any time.
    #[inline]
    pub(crate) fn wake(&self) {
        let is_here = context::with_current(|core| {
            // Is the loop that runs on this thread this task's (`TASK-1`)?
            let is_here = Arc::ptr_eq(&core.inbox, &self.inbox);
            if is_here && !self.queued.replace(true) {
                core.ready.borrow_mut().push(self.slot);
                core.hooks.observe(|| Moment::Woken { task: self.id() });
            }
            is_here
        });
        if is_here != Some(true) {
            self.inbox.wake(&self.remote_queued, self.id());
        }
    }

    /// Asks for the future to be dropped, which the loop does in its next batch.
    pub(crate) fn cancel(&self) {
        self.cancelled.set(true);
        self.wake();
    }

    /// Names the task and says in a second line, so that each fits a terminal, what it waits for and since when.
    pub(crate) fn standing(&self, tick: u32) -> String {
        let wait = format!("waits {}", self.wait.get());
        let standing = if self.queued.get() { "is ready" } else { &*wait };
        let (waited, polls) = (tick.wrapping_sub(self.polled_at.get()), self.polls.get());
        format!("{}\n    {standing}, for {waited} ms now; polls: {polls}", self.description())
    }

    /// Names the task in a report.
    fn description(&self) -> String {
        let (id, at) = (self.id(), self.spawned_at);
        if id.is_main() {
            return format!("{id} (block_on),");
        }
        let name = context::with_current(|core| core.quoted_name(id)).unwrap_or_default();
        format!("{id}{name}, spawned at {at},")
    }

    /// Makes the error of this task from its panic.
    fn panicked(&self, payload: Box<dyn Any + Send>) -> JoinError {
        JoinError::Panicked(Box::new(Panic::new(self.description(), payload)))
    }

    /// Drops a result that nothing will take, and reports a failure (`JOIN-3`); an error's `Display` is foreign code.
    fn discard<T: 'static>(&self, result: Result<T, JoinError>) {
        let failure = catch_unwind(AssertUnwindSafe(|| match &result {
            Ok(output) => failure(output).map(|it| format!("{} failed: {it}", self.description())),
            Err(JoinError::Cancelled) => None,
            Err(panicked) => Some(panicked.to_string()),
        }));
        let failure = failure.unwrap_or_else(|payload| Some(self.panicked(payload).to_string()));
        contain(|| drop(result));
        if let Some(failure) = failure {
            context::report(&format!("{failure} (nobody awaited it)"));
        }
    }
}

/// A future and its result.
pub(crate) struct Task<F: Future> {
    /// What does not depend on the future.
    header: Header,
    /// The future or its result. A `RefCell` would take 8 bytes more: 16 in a task that sleeps (benches/memory.rs).
    stage: UnsafeCell<Stage<F>>,
}

// SAFETY: what is bound to a thread is used there only (`TASK-1`), and a drop elsewhere finds nothing of it (`TASK-6`).
unsafe impl<F: Future> Send for Task<F> {}
// SAFETY: as for `Send`.
unsafe impl<F: Future> Sync for Task<F> {}

/// A task goes through these in order.
enum Stage<F: Future> {
    /// Not done.
    Future(F),
    /// Done; with the result, until it is taken or dropped.
    Done(Option<Result<F::Output, JoinError>>),
}

/// What the loop does with a task, whatever its future is.
pub(crate) trait Runnable {
    /// Returns what does not depend on the future.
    fn header(&self) -> &Header;
    /// Polls the future, or drops it if the task was cancelled. Never panics. A task that is not done comes back.
    fn run(self: Arc<Self>, core: &Core) -> Option<Arc<dyn Runnable>>;
}

/// What a join handle asks of its task, whatever its future is.
pub(crate) trait Joinable<T>: Runnable {
    /// Takes the result, if there is one.
    fn take_result(&self) -> Option<Result<T, JoinError>>;
    /// Lets it run on alone; drops a result that had already come.
    fn detach(&self);
}

impl<F: Future<Output: 'static> + 'static> Task<F> {
    /// Makes a task that has not been woken, with a join handle.
    pub(crate) fn new(core: &Core, slot: u32, at: &'static Location<'static>, future: F) -> Self {
        let header = Header {
            number: core.spawned.replace(core.spawned.get().wrapping_add(1)),
            inbox: core.inbox.clone(),
            slot,
            remote_queued: AtomicBool::new(false),
            queued: Cell::new(false),
            lent: Cell::new(false),
            cancelled: Cell::new(false),
            has_handle: Cell::new(true),
            finished: Cell::new(false),
            spawned_at: at,
            wait: Cell::new(Wait::Nothing),
            polls: Cell::new(0),
            polled_at: Cell::new(core.tick.get()),
            joiner: Cell::new(None),
        };
        Self { header, stage: UnsafeCell::new(Stage::Future(future)) }
    }

    /// Lends the stage to `function`. An error is a panic of `function`; or the stage is lent: a task awaits itself.
    fn lend<T>(&self, function: impl FnOnce(&mut Stage<F>) -> T) -> thread::Result<T> {
        if self.header.lent.replace(true) {
            return Err(Box::new(()));
        }
        // SAFETY: the caller runs on the loop's thread (`TASK-1`), where `lent` admits one reference at a time.
        let stage = unsafe { &mut *self.stage.get() };
        let outcome = catch_unwind(AssertUnwindSafe(|| function(stage)));
        self.header.lent.set(false);
        outcome
    }

    /// Polls the future where it lies; a panic is the error of its task.
    fn poll(self: &Arc<Self>, core: &Core) -> Poll<Result<F::Output, JoinError>> {
        core.budget.set(BUDGET);
        core.wait.set(Wait::Nothing);
        // A waker that borrows the reference which the caller holds: most polls need none of their own.
        // SAFETY: the pointer is an `Arc`'s, and `ManuallyDrop` gives the count back.
        let waker = unsafe { Arc::from_raw(Arc::as_ptr(self)) };
        let waker = ManuallyDrop::new(Waker::from(waker));
        let polled = self.lend(|stage| {
            let Stage::Future(future) = stage else { return Poll::Pending };
            // SAFETY: `TASK-2`; it lies in an `Arc` and is dropped in place.
            let future = unsafe { Pin::new_unchecked(future) };
            future.poll(&mut Context::from_waker(&waker)).map(Ok)
        });
        polled.unwrap_or_else(|payload| Poll::Ready(Err(self.header.panicked(payload))))
    }

    /// Drops the future, then keeps or drops the result, then wakes the joiner (`JOIN-1`). Never panics (`TASK-6`).
    fn finish(&self, mut result: Result<F::Output, JoinError>) {
        let header = &self.header;
        if let Err(payload) = self.lend(|stage| *stage = Stage::Done(None)) {
            let panicked = header.panicked(payload);
            match &mut result {
                Err(error @ JoinError::Cancelled) => *error = panicked,
                // The result stands, and so the panic of the destructors can only be reported.
                _ => header.discard::<()>(Err(panicked)),
            }
        }
        drop(self.lend(|stage| *stage = Stage::Done(Some(result))));
        header.finished.set(true);
        if !header.has_handle.get() {
            self.detach();
        }
        wake_all(header.joiner.take());
    }
}

impl<F: Future<Output: 'static> + 'static> Runnable for Task<F> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn run(self: Arc<Self>, core: &Core) -> Option<Arc<dyn Runnable>> {
        let header = &self.header;
        core.stuck.poll_begins(|| (header.id().shown(), header.spawned_at));
        header.queued.set(false);
        if header.cancelled.get() {
            self.finish(Err(JoinError::Cancelled));
        } else if let Poll::Ready(result) = self.poll(core) {
            self.finish(result);
        } else {
            header.wait.set(core.wait.get());
            header.polls.update(|polls| polls.wrapping_add(1));
            header.polled_at.set(core.tick.get());
            return Some(self);
        }
        core.names.borrow_mut().remove(&header.number);
        // A task that was woken in its last moments still stands in the run queue (`TABLE-2`). The main task's slot is
        // its mark, which no task that a destructor spawns at the end may get.
        if !header.queued.replace(true) && !header.id().is_main() {
            core.tasks.borrow_mut().release(header.slot);
        }
        None
    }
}

impl<F: Future<Output: 'static> + 'static> Joinable<F::Output> for Task<F> {
    fn take_result(&self) -> Option<Result<F::Output, JoinError>> {
        self.lend(|stage| if let Stage::Done(result) = stage { result.take() } else { None })
            .ok()?
    }

    fn detach(&self) {
        self.header.has_handle.set(false);
        // A waker is foreign code. A panic in it must not keep the result here (`TASK-6`).
        contain(|| drop(self.header.joiner.take()));
        if let Some(result) = self.take_result() {
            self.header.discard(result);
        }
    }
}

impl<F: Future + 'static> Wake for Task<F> {
    fn wake(self: Arc<Self>) {
        self.header.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.header.wake();
    }
}

/// Runs a future that may borrow from the caller as the main task, by `turns`, which waits for its end; then drops the
/// tasks that are left over (`END-1`). Returns its value, or the panic of the future or of `turns`.
pub(crate) fn run_main<T>(
    core: &Core,
    future: impl Future<Output = T>,
    turns: impl FnOnce(),
) -> thread::Result<T> {
    let mut value = None;
    let keeps_value = &mut value;
    let mut future = Box::pin(future);
    // No `async` block: that would drop the future during its panic, and a second panic aborts.
    let future: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(poll_fn(move |cx| {
        future.as_mut().poll(cx).map(|value| *keeps_value = Some(value))
    }));
    // SAFETY: the task drops it in `cancel_all` at the latest, while `value` and what it borrows live (`TASK-6`).
    let future: Pin<Box<dyn Future<Output = ()>>> = unsafe { mem::transmute(future) };
    let main = core.spawn(future, None, Location::caller());
    let turned = catch_unwind(AssertUnwindSafe(turns));
    // After a panic nothing takes the result. The handle goes before the tasks do: its report may spawn another one.
    let main = turned.map(|()| main);
    core.cancel_all();
    match main?.task.take_result() {
        Some(Err(JoinError::Panicked(panic))) => Err(panic.into_payload()),
        _ => Ok(value.expect("holds because the main task has ended without a panic")),
    }
}
