//! Work that blocks, on threads beside the loop.
//!
//! A read of a file, a look-up of a name, a long computation: none of them can say "not yet". Called in a
//! task, they hold the whole loop. So they are given to a thread, and the task awaits the result.
//!
//! **Invariants**
//! - `BLOCK-1` A loop has threads of its own, as `job_threads` tells; there is no pool of the whole process.
//! - `BLOCK-2` While a job runs for somebody, the loop's virtual time stands still, and the loop does not
//!   take itself for stuck: `jobs` counts it, until it has ended or nobody wants it any more.
//! - `BLOCK-3` A job that panics leaves its thread alive; the payload is the error of whoever awaits it,
//!   or is reported if nobody does.
//! - `BLOCK-4` Neither `block_on` nor the drop of the loop waits for a job. One that runs for ever holds its
//!   thread until the process ends; one that has not begun when the loop goes is dropped.
//!
//! ```text
//! the task                 the pool's thread                    the loop
//! run_blocking: jobs += 1
//! poll: leaves a waker
//!                          result into the slot, wake
//!                          call_soon(uncount) ───────────────► jobs -= 1
//! poll: takes the result
//! ```
//! A future that is dropped uncounts its job itself; `counted` sees to it that it is done once.
//!
//! **Source**: `asyncio.to_thread`, `loop.run_in_executor`; tokio's `task::spawn_blocking`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use super::job_threads::threads_of;
use crate::jobs::{JobError, Panic};
use crate::rt::core::Core;
use crate::rt::{Remote, Wait, context, poll_budget, waits_for};

/// Runs `job` on a thread beside the loop, beginning now; the future gives its value.
///
/// # Errors
/// [`JobError`]: it panicked, or there is no thread for it.
///
/// # Panics
/// No event loop runs on this thread.
///
/// # Cancellation
/// The job runs on, for a thread cannot be stopped; its value is dropped when it comes.
///
/// # Examples
/// ```
/// use handloom::{aio::run_blocking, rt::block_on};
///
/// let text = block_on(async { run_blocking(|| std::fs::read_to_string("Cargo.toml")).await })??;
/// assert!(text.contains("handloom"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn run_blocking<T, F>(job: F) -> Blocking<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let core = context::current();
    let slot = Arc::new(Slot::new());
    let remote = Remote::new(core.inbox.clone());
    // The handle keeps the loop from taking itself for stuck, and brings the uncount back.
    let mut ticket = Ticket { slot: slot.clone(), remote, has_run: false };
    core.jobs.update(|jobs| jobs + 1);
    let started = threads_of(&core).execute(move || ticket.run(job));
    if let Err(error) = started {
        // The ticket was dropped with the job, and has left another error.
        slot.lock().result = Some(Err(JobError::NoWorker(Arc::new(error))));
    }
    Blocking { slot, core }
}

/// The value of a job on a thread; see [`run_blocking`].
#[must_use = "dropped, the value of the job is lost"]
pub struct Blocking<T> {
    /// Where the job leaves its result.
    slot: Arc<Slot<T>>,
    /// The loop that counts the job.
    core: Rc<Core>,
}

impl<T> Future for Blocking<T> {
    type Output = Result<T, JobError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.slot.lock();
        if state.result.is_none() {
            let displaced = state.waker.replace(cx.waker().clone());
            drop(state);
            drop(displaced);
            waits_for(Wait::Thread);
            return Poll::Pending;
        }
        drop(state);
        // The result is not taken before the budget allows: it would be lost with a `Pending`.
        ready!(poll_budget(cx));
        self.slot.uncount(&self.core);
        let result = self.slot.lock().result.take();
        Poll::Ready(result.expect("holds because nobody else takes the result"))
    }
}

impl<T> Drop for Blocking<T> {
    fn drop(&mut self) {
        self.slot.uncount(&self.core);
        let mut state = self.slot.lock();
        // A job that is still running drops its value itself.
        state.unwanted = true;
        let (result, waker) = (state.result.take(), state.waker.take());
        drop(state);
        drop(waker);
        if let Some(Err(error)) = result {
            report(&self.core, &error);
        }
    }
}

impl<T> fmt::Debug for Blocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").finish_non_exhaustive()
    }
}

/// What a job and its future share.
struct Slot<T> {
    /// Every statement under the lock leaves it valid, so a poisoned lock is used on.
    state: Mutex<State<T>>,
}

/// How far a job is.
struct State<T> {
    /// Its result, from its end until somebody takes it.
    result: Option<Result<T, JobError>>,
    /// Who waits for it.
    waker: Option<Waker>,
    /// Is it among the loop's `jobs` (`BLOCK-2`)? Changed on the loop's thread only.
    counted: bool,
    /// Set when the future is dropped: the result is not kept.
    unwanted: bool,
}

impl<T> Slot<T> {
    /// Makes the slot of a job that is counted.
    fn new() -> Self {
        let state = State { result: None, waker: None, counted: true, unwanted: false };
        Self { state: Mutex::new(state) }
    }

    /// Locks it.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the job off the loop's count, unless that was done.
    fn uncount(&self, core: &Core) {
        if std::mem::take(&mut self.lock().counted) {
            core.jobs.update(|jobs| jobs - 1);
        }
    }

    /// Leaves the result, or gives it back when nobody wants it; wakes whoever waits.
    fn leave(&self, result: Result<T, JobError>) -> Option<Result<T, JobError>> {
        let mut state = self.lock();
        if state.unwanted {
            return Some(result);
        }
        state.result = Some(result);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        None
    }
}

/// What a job carries to its thread; however it ends, the loop hears of it.
struct Ticket<T: Send + 'static> {
    /// Where to leave the result.
    slot: Arc<Slot<T>>,
    /// The way back to the loop.
    remote: Remote,
    /// Set when the job begins; unset, it was dropped by a pool that is no more.
    has_run: bool,
}

impl<T: Send> Ticket<T> {
    /// Runs the job and leaves its result.
    fn run(&mut self, job: impl FnOnce() -> T) {
        self.has_run = true;
        let result = catch_unwind(AssertUnwindSafe(job))
            .map_err(|payload| JobError::Panicked(Box::new(Panic::new("a blocking job", payload))));
        // A value that nobody wants is dropped here, on this thread.
        if let Some(Err(error)) = self.slot.leave(result) {
            let text = move || report(&context::current(), &error);
            // A loop that is gone needs no report.
            let _ = self.remote.call_soon(text);
        }
    }
}

impl<T: Send> Drop for Ticket<T> {
    fn drop(&mut self) {
        if !self.has_run {
            drop(self.slot.leave(Err(JobError::PoolGone)));
        }
        let slot = self.slot.clone();
        // A loop that is gone does not count any more.
        let _ = self.remote.call_soon(move || slot.uncount(&context::current()));
    }
}

/// Reports the panic of a job that nobody awaits (`BLOCK-3`).
fn report(core: &Core, error: &JobError) {
    if let JobError::Panicked(_) = error {
        core.hooks.report(&format!("{error} (nobody awaited it)"));
    }
}
