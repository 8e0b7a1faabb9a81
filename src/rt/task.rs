//! A task: a future with the state that wakes it, in one allocation.
//!
//! A future does nothing until it is polled, and must be polled again when what it waits for has come. A waker
//! points to the task. The task knows its loop, stands in the run queue at most once, and holds the future until
//! that is done, then the result until the join handle takes it.
//!
//! **Invariants**
//! - `TASK-1` `local` is used on the loop's thread only. A waker may be on any thread, but uses `local` only
//!   where the loop that runs is the task's own; the table and the join handle cannot leave the thread.
//! - `TASK-2` The future is never moved, and is dropped in place, before its result can be joined.
//! - `TASK-3` However often it is woken, it stands in the run queue once: `queued`.
//! - `TASK-4` `queued` is cleared before the poll, so a wake during the poll is kept.
//! - `TASK-5` When the task is done, `queued` stays set: later wakes do nothing.
//! - `TASK-6` When the last reference goes, which may be on another thread, the stage is `Empty`: the table keeps
//!   the future and the join handle keeps the result, and neither outlives its reference. So no panic of foreign
//!   code may end [`run`](Runnable::run) early.
//!
//! | stage | poll: pending | poll: ready, or panic | cancelled | result taken, or handle dropped |
//! | --- | --- | --- | --- | --- |
//! | `Future` | `Future` | `Done` | `Done` | `Future`, detached |
//! | `Done` | | | `Done` | `Empty` |
//!
//! **Source**: async-task's `raw.rs` and `state.rs`; std's `Wake`.

#![expect(unsafe_code, reason = "one allocation a task and no count a poll (benches/memory.rs)")]

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Wake, Waker};

use super::core::{self, Core};
use super::id::TaskId;
use super::join::JoinError;
use super::works::observer::Wait;
use super::works::remote::Inbox;

/// A value that only the loop's thread uses, inside something that any thread may hold.
struct LoopBound<T>(T);

// SAFETY: every use is on the loop's thread (`TASK-1`); a drop elsewhere finds nothing that is bound to a
// thread (`TASK-6`).
unsafe impl<T> Send for LoopBound<T> {}
// SAFETY: as for `Send`.
unsafe impl<T> Sync for LoopBound<T> {}

/// What a waker needs: which task it wakes, and in which loop.
pub(crate) struct WakeState {
    /// The number of the task.
    number: u64,
    /// The way in from other threads; its address tells one loop from another.
    inbox: Arc<Inbox>,
    /// The slot of the task.
    slot: u32,
    /// In the inbox already (`REMOTE-2`)? Set by wakes from other threads, cleared by the loop.
    remote_queued: AtomicBool,
    /// What only the loop's thread uses.
    flags: LoopBound<Flags>,
}

/// The part of a wake state that only the loop's thread uses.
#[derive(Default)]
pub(crate) struct Flags {
    /// In the run queue already (`TASK-3`)?
    queued: Cell<bool>,
    /// Shall the next run drop the future?
    pub(crate) cancelled: Cell<bool>,
    /// Does a join handle live?
    pub(crate) has_handle: Cell<bool>,
}

impl WakeState {
    /// Makes the state of a task that has not been woken.
    pub(crate) fn new(number: u64, slot: u32, inbox: Arc<Inbox>) -> Self {
        let flags = LoopBound(Flags::default());
        Self { number, inbox, slot, remote_queued: AtomicBool::new(false), flags }
    }

    /// Returns the id of the task.
    pub(crate) fn id(&self) -> TaskId {
        TaskId { event_loop: self.inbox.event_loop, number: self.number, slot: self.slot }
    }

    /// Makes the task ready; from any thread, at any time.
    pub(crate) fn wake(&self) {
        let here = core::with_loop_of(&self.inbox, |core| {
            // The loop of this inbox runs on this thread (`TASK-1`).
            if !self.flags.0.queued.replace(true) {
                core.make_ready(self);
            }
        });
        // Pairs with the store in `wake_from_inbox`.
        if here.is_none() && !self.remote_queued.swap(true, Ordering::AcqRel) {
            self.inbox.wake(self.id());
        }
    }

    /// Makes the task ready after its id came through the inbox; the loop calls it.
    pub(crate) fn wake_from_inbox(&self) {
        // Before the wake, so that a wake that comes now is put into the inbox again.
        // Pairs with the swap in `wake`.
        self.remote_queued.store(false, Ordering::Release);
        self.wake();
    }

    /// Returns the slot of the task.
    pub(crate) fn slot(&self) -> u32 {
        self.slot
    }

    /// Notes that the loop has taken the task from its run queue (`TASK-4`).
    pub(crate) fn begin_poll(&self) {
        self.flags.0.queued.set(false);
    }

    /// Notes that the task is done: no later wake puts it into the run queue (`TASK-5`). Tells whether it stands
    /// there now.
    pub(crate) fn end(&self) -> bool {
        self.flags.0.queued.replace(true)
    }
}

/// The waker of `block_on`'s own future, which lives on the stack and not in a task.
pub(crate) struct MainWaker(pub(crate) WakeState);

impl Wake for MainWaker {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.wake();
    }
}

/// A future, its result, and the waker of the task that joins it.
pub(crate) struct Task<F: Future> {
    /// What its wakers use.
    state: WakeState,
    /// The part for the loop's thread.
    local: LoopBound<Local<F>>,
}

/// The part of a task that only the loop's thread uses.
pub(crate) struct Local<F: Future> {
    /// Where `spawn` was called.
    pub(crate) spawned_at: &'static Location<'static>,
    /// What it waited for when it was last polled.
    wait: Cell<Wait>,
    /// The waker of the task that awaits the result.
    pub(crate) joiner: Cell<Option<Waker>>,
    /// The future or its result; borrowed while the future runs.
    pub(crate) stage: RefCell<Stage<F>>,
}

/// The future, then its result, then nothing.
pub(crate) enum Stage<F: Future> {
    /// Not done.
    Future(F),
    /// Done; the result has not been taken.
    Done(Result<F::Output, JoinError>),
    /// Done; the result is gone.
    Empty,
}

/// How a run ended.
pub(crate) enum Ran {
    /// The task waits, and goes back to the table.
    Pending(Arc<dyn Runnable>),
    /// It is done. Woken in its last moments, it may still stand in the run queue.
    Finished {
        /// Tells whether it does.
        still_queued: bool,
    },
}

/// What the loop does with a task, whatever its future is.
pub(crate) trait Runnable {
    /// Returns the state of its wakers.
    fn state(&self) -> &WakeState;
    /// Returns the flags that only the loop's thread uses.
    fn flags(&self) -> &Flags;
    /// Returns where it was spawned.
    fn spawned_at(&self) -> &'static Location<'static>;
    /// Says in words what it does at present.
    fn standing(&self) -> String;
    /// Polls the future; drops it instead if it was cancelled or the loop ends. Never panics.
    fn run(self: Arc<Self>, core: &Core) -> Ran;
}

impl<F: Future> Task<F> {
    /// Makes a task that has not been polled, with a join handle.
    pub(crate) fn new(state: WakeState, spawned_at: &'static Location<'static>, future: F) -> Self {
        state.flags.0.has_handle.set(true);
        let local = Local {
            spawned_at,
            wait: Cell::new(Wait::Nothing),
            joiner: Cell::new(None),
            stage: RefCell::new(Stage::Future(future)),
        };
        Self { state, local: LoopBound(local) }
    }

    /// Returns the part for the loop's thread. The callers are methods of `Runnable` and `Joinable`; the table and
    /// the join handle, which call those, cannot leave the thread (`TASK-1`).
    pub(crate) fn local(&self) -> &Local<F> {
        &self.local.0
    }

    /// Polls the future where it lies; `None` when it waits.
    fn poll(self: &Arc<Self>, core: &Core) -> Option<Result<F::Output, JoinError>>
    where
        F: 'static,
        F::Output: 'static,
    {
        // A waker that borrows the reference which the caller holds: most polls need none of their own.
        // SAFETY: the pointer is an `Arc`'s, and `ManuallyDrop` gives the count back.
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
                Some(Err(core.panicked(self.state.id(), self.local().spawned_at, payload)))
            }
        }
    }
}

impl<F> Runnable for Task<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn state(&self) -> &WakeState {
        &self.state
    }

    fn flags(&self) -> &Flags {
        &self.state.flags.0
    }

    fn spawned_at(&self) -> &'static Location<'static> {
        self.local().spawned_at
    }

    fn standing(&self) -> String {
        if self.flags().queued.get() {
            return "is ready".into();
        }
        format!("waits {}", self.local().wait.get())
    }

    fn run(self: Arc<Self>, core: &Core) -> Ran {
        self.state.begin_poll();
        let result = if core.ending.get() || self.flags().cancelled.get() {
            Err(JoinError::Cancelled)
        } else if let Some(result) = self.poll(core) {
            result
        } else {
            self.local().wait.set(core.wait.get());
            return Ran::Pending(self);
        };
        self.finish(core, result);
        Ran::Finished { still_queued: self.state.end() }
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
