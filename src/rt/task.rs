//! A task: a future with the state that wakes it, in one allocation.
//!
//! A future does nothing until it is polled, and must be polled again only when what it waits for has
//! come. The task is what a waker points to: it knows its loop, stands in the run queue at most once,
//! and holds the future until that is done and the result until somebody takes it.
//!
//! **Invariants**
//! - `TASK-1` `local` is touched on the loop's thread only. A waker may be anywhere, but uses `local`
//!   only where the running loop is the task's own; the table and the join handle cannot leave the thread.
//! - `TASK-2` The future is never moved, and is dropped in place, before its result can be joined.
//! - `TASK-3` However often it is woken, it stands in the run queue once: `queued`.
//! - `TASK-4` `queued` is cleared before the poll, so a wake during the poll is kept.
//! - `TASK-5` When done, `queued` stays set: later wakes find nothing to do.
//! - `TASK-6` When the last reference goes, which may be on another thread, the stage is `Empty`: a
//!   future is kept by the table, a result by the join handle, and neither outlives its reference.
//!
//! | stage | poll: pending | poll: ready, or panic | cancelled | result taken, or handle dropped |
//! | --- | --- | --- | --- | --- |
//! | `Future` | `Future` | `Done` | `Done` | `Future`, detached |
//! | `Done` | | | `Done` | `Empty` |
//!
//! **Left out**: moving a task to another thread, and with it tokio's packed atomic state.
//!
//! **Source**: async-task's `raw.rs` and `state.rs`; std's `Wake`.

#![expect(unsafe_code, reason = "one allocation a task: 112 bytes, where safe boxes need 200")]

use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::context::{self, Core};
use super::join::{Cancel, CancelHandle, JoinError, Joinable, Unjoined};
use super::observer::Wait;
use super::remote::Inbox;

/// What a task is called by: its place in the table, and its number in order of spawning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskId {
    /// Place in the task table; used again by later tasks.
    pub(crate) slot: u32,
    /// Number in order of spawning, modulo 2³²; 0 is `block_on`'s own future.
    pub(crate) number: u32,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.number)
    }
}

/// A value that only the loop's thread may look at, inside something that any thread may hold.
struct LoopBound<T>(T);

// SAFETY: `get` is the only way in, and its callers are on the loop's thread (`TASK-1`); a drop elsewhere
// finds nothing that is bound to a thread (`TASK-6`).
unsafe impl<T> Send for LoopBound<T> {}
// SAFETY: as for `Send`.
unsafe impl<T> Sync for LoopBound<T> {}

impl<T> LoopBound<T> {
    /// Returns the value.
    ///
    /// # Safety
    /// The caller is on the thread of the loop that the value belongs to.
    unsafe fn get(&self) -> &T {
        &self.0
    }
}

/// What a waker needs: whom it wakes, and where.
pub(crate) struct WakeState {
    /// Who is woken.
    id: TaskId,
    /// The way in from other threads; its address tells one loop from another.
    inbox: Arc<Inbox>,
    /// In the inbox already (`REMOTE-2`)? Set by wakes from other threads, cleared by the loop.
    remote_queued: AtomicBool,
    /// Shall the next run drop the future? Set by `cancel`, from any thread.
    cancel_requested: AtomicBool,
    /// What only the loop's thread looks at.
    flags: LoopBound<Flags>,
}

/// The part of a wake state that only the loop's thread touches.
#[derive(Default)]
struct Flags {
    /// In the run queue already (`TASK-3`)?
    queued: Cell<bool>,
    /// Does a join handle live?
    has_handle: Cell<bool>,
}

impl WakeState {
    /// Makes the state of a task that nobody has woken.
    pub(crate) fn new(id: TaskId, inbox: Arc<Inbox>) -> Self {
        let (remote_queued, cancel_requested) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { id, inbox, remote_queued, cancel_requested, flags: LoopBound(Flags::default()) }
    }

    /// Returns whom it wakes.
    pub(crate) fn id(&self) -> TaskId {
        self.id
    }

    /// Makes the task ready; from any thread, at any time.
    pub(crate) fn wake(&self) {
        let here = context::on_loop_of(&self.inbox, |core| {
            // SAFETY: the loop of this inbox runs on this thread (`TASK-1`).
            if !unsafe { self.flags.get() }.queued.replace(true) {
                core.make_ready(self.id);
            }
        });
        // Pairs with the store in `wake_from_inbox`.
        if here.is_none() && !self.remote_queued.swap(true, Ordering::AcqRel) {
            self.inbox.wake(self.id);
        }
    }

    /// Makes the task ready after its id came through the inbox; the loop calls it.
    pub(crate) fn wake_from_inbox(&self) {
        // Before the wake, so that a wake that comes now is put into the inbox again.
        // Pairs with the swap in `wake`.
        self.remote_queued.store(false, Ordering::Release);
        self.wake();
    }

    /// Asks for the future to be dropped, and wakes the task for that.
    fn cancel(&self) {
        // Pairs with the load in `run`: the wake that follows carries it over.
        self.cancel_requested.store(true, Ordering::Release);
        self.wake();
    }
}

/// The waker of `block_on`'s own future, which lives on the stack and not in a task.
pub(crate) struct MainWaker(pub(crate) WakeState);

impl MainWaker {
    /// Notes that the loop has taken the future from its run queue (`TASK-4`).
    pub(crate) fn begin_poll(&self) {
        // SAFETY: only `block_on` calls this, on its own thread.
        unsafe { self.0.flags.get() }.queued.set(false);
    }
}

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake();
    }
}

/// A future, its result, and who waits for it.
pub(crate) struct Task<F: Future> {
    /// What its wakers use.
    state: WakeState,
    /// The part for the loop's thread.
    local: LoopBound<Local<F>>,
}

/// The part of a task that only the loop's thread touches.
struct Local<F: Future> {
    /// Where `spawn` was called.
    spawned_at: &'static Location<'static>,
    /// What it waited for when it was last polled.
    wait: Cell<Wait>,
    /// Who waits for the result.
    joiner: Cell<Option<Waker>>,
    /// The future or its result; borrowed while the future runs.
    stage: RefCell<Stage<F>>,
}

/// The future, then its result, then nothing.
enum Stage<F: Future> {
    /// Not done.
    Future(F),
    /// Done; nobody has taken the result.
    Done(Result<F::Output, JoinError>),
    /// Done; the result is gone.
    Empty,
}

/// What a run came to.
pub(crate) enum Ran {
    /// The task waits, and goes back to the table.
    Pending(Arc<dyn Runnable>),
    /// It is done. Woken in its last moments, it may still stand in the run queue.
    Finished {
        /// Whether it does.
        still_queued: bool,
    },
}

/// What the loop does with a task, whatever its future is.
pub(crate) trait Runnable {
    /// The state of its wakers.
    fn state(&self) -> &WakeState;
    /// What a table of tasks tells of it.
    fn describe(&self) -> Description;
    /// Polls the future; drops it instead when it was cancelled or the loop ends.
    fn run(self: Arc<Self>, core: &Core) -> Ran;
}

/// What a table of tasks tells of one.
pub(crate) struct Description {
    /// Its id.
    pub(crate) id: TaskId,
    /// Where it was spawned.
    pub(crate) spawned_at: &'static Location<'static>,
    /// What it waits for.
    pub(crate) wait: Wait,
    /// Does it stand in the run queue?
    pub(crate) queued: bool,
    /// How many references join handles and joiners account for.
    pub(crate) known_references: usize,
    /// Does somebody wait for its result, by a waker kept here?
    pub(crate) has_joiner: bool,
}

impl<F: Future> Task<F> {
    /// Makes a task that has not been polled, with a join handle.
    pub(crate) fn new(state: WakeState, spawned_at: &'static Location<'static>, future: F) -> Self {
        let (wait, joiner) = (Cell::new(Wait::Nothing), Cell::new(None));
        let stage = RefCell::new(Stage::Future(future));
        let task = Self { state, local: LoopBound(Local { spawned_at, wait, joiner, stage }) };
        task.flags().has_handle.set(true);
        task
    }

    /// The part for the loop's thread.
    fn local(&self) -> &Local<F> {
        // SAFETY: `TASK-1`. Only `new`, `Runnable` and `Joinable` call this; their callers, the table
        // and the join handle, are not `Send`.
        unsafe { self.local.get() }
    }

    /// The flags for the loop's thread.
    fn flags(&self) -> &Flags {
        // SAFETY: as in `local`.
        unsafe { self.state.flags.get() }
    }

    /// Polls the future where it lies; `None` when it waits.
    fn poll(self: &Arc<Self>, core: &Core) -> Option<Result<F::Output, JoinError>>
    where
        F: 'static,
        F::Output: 'static,
    {
        // A waker that borrows the reference which the caller holds: most polls need none of their own.
        // SAFETY: `ManuallyDrop` gives the count back that `from_raw` takes.
        let waker = unsafe { Arc::from_raw(Arc::as_ptr(self)) };
        let waker = ManuallyDrop::new(Waker::from(waker));
        let mut stage = self.local().stage.borrow_mut();
        let Stage::Future(future) = &mut *stage else { return None };
        // SAFETY: `TASK-2`; it lies in an `Arc` and is dropped in place.
        let future = unsafe { Pin::new_unchecked(future) };
        match core.poll(future, &waker) {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(output)) => Some(Ok(output)),
            Err(payload) => {
                Some(Err(core.panicked(self.state.id, self.local().spawned_at, payload)))
            }
        }
    }

    /// Takes the result, if there is one: the future is not moved (`TASK-2`).
    fn take_result(&self) -> Option<Result<F::Output, JoinError>> {
        // A task that awaits itself finds its stage borrowed, and has no result yet.
        let mut stage = self.local().stage.try_borrow_mut().ok()?;
        if !matches!(*stage, Stage::Done(_)) {
            return None;
        }
        match std::mem::replace(&mut *stage, Stage::Empty) {
            Stage::Done(result) => Some(result),
            Stage::Future(_) | Stage::Empty => None,
        }
    }

    /// Drops the future, then keeps or drops the result, then wakes whoever waits for it.
    fn finish(&self, core: &Core, mut result: Result<F::Output, JoinError>) -> Ran
    where
        F::Output: 'static,
    {
        let local = self.local();
        let dropped = catch_unwind(AssertUnwindSafe(|| *local.stage.borrow_mut() = Stage::Empty));
        if let (Err(payload), Err(JoinError::Cancelled)) = (dropped, &result) {
            result = Err(core.panicked(self.state.id, local.spawned_at, payload));
        }
        if self.flags().has_handle.get() {
            *local.stage.borrow_mut() = Stage::Done(result);
        } else {
            let (task, spawned_at) = (self.state.id, local.spawned_at);
            core.uncollected(Unjoined { task, spawned_at, result });
        }
        if let Some(joiner) = local.joiner.take() {
            joiner.wake();
        }
        Ran::Finished { still_queued: self.flags().queued.replace(true) }
    }
}

impl<F: Future> Runnable for Task<F>
where
    F: 'static,
    F::Output: 'static,
{
    fn state(&self) -> &WakeState {
        &self.state
    }

    fn describe(&self) -> Description {
        let joiner = self.local().joiner.take();
        let has_joiner = joiner.is_some();
        self.local().joiner.set(joiner);
        Description {
            id: self.state.id,
            spawned_at: self.local().spawned_at,
            wait: self.local().wait.get(),
            queued: self.flags().queued.get(),
            known_references: usize::from(self.flags().has_handle.get()),
            has_joiner,
        }
    }

    fn run(self: Arc<Self>, core: &Core) -> Ran {
        self.flags().queued.set(false);
        // Pairs with the store in `cancel`.
        if core.is_ending() || self.state.cancel_requested.load(Ordering::Acquire) {
            return self.finish(core, Err(JoinError::Cancelled));
        }
        if let Some(result) = self.poll(core) {
            return self.finish(core, result);
        }
        self.local().wait.set(core.last_wait());
        Ran::Pending(self)
    }
}

impl<F: Future> Joinable<F::Output> for Task<F>
where
    F: 'static,
    F::Output: 'static,
{
    fn id(&self) -> TaskId {
        self.state.id
    }

    fn poll_join(&self, cx: &mut Context<'_>) -> Poll<Result<F::Output, JoinError>> {
        match self.take_result() {
            Some(result) => Poll::Ready(result),
            None => {
                self.local().joiner.set(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    fn is_finished(&self) -> bool {
        // Borrowed means that the future is running or being dropped.
        self.local().stage.try_borrow().is_ok_and(|stage| !matches!(*stage, Stage::Future(_)))
    }

    fn cancel(&self) {
        self.state.cancel();
    }

    fn canceller(self: Arc<Self>) -> CancelHandle {
        CancelHandle::new(self)
    }

    fn detach(&self) {
        self.flags().has_handle.set(false);
        drop(self.local().joiner.take());
        if let Some(result) = self.take_result() {
            let (task, spawned_at) = (self.state.id, self.local().spawned_at);
            context::uncollected(Unjoined { task, spawned_at, result });
        }
    }
}

impl<F: Future> Cancel for Task<F> {
    fn cancel(&self) {
        self.state.cancel();
    }
}

impl<F> Wake for Task<F>
where
    F: Future + 'static,
{
    fn wake(self: Arc<Self>) {
        self.state.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.state.wake();
    }
}
