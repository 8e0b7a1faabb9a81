//! Work that blocks, on threads beside the loop.
//!
//! A read of a file, a name lookup, a long computation: none of them can answer "not yet". Called in a task, they hold
//! the whole loop. So a thread runs them, and the task awaits the result.
//!
//! **Invariants**
//! - `BLOCK-1` A loop has at most [`MAX_THREADS`] threads of its own, started when a job finds none free.
//! - `BLOCK-2` While a job runs, the loop's virtual time stands still, and the loop does not report that it is stuck:
//!   it counts the job in `jobs`, until the job has ended or its future was dropped.
//! - `BLOCK-3` A job that panics leaves its thread alive. The payload is the error of the task that awaits the job, or
//!   is reported if no task does.
//! - `BLOCK-4` Neither `block_on` nor the drop of the loop waits for a job. A job that runs forever holds its thread
//!   until the process ends; one that has not begun when the loop is dropped is dropped too.
//!
//! ```text
//! the task                 the pool's thread                    the loop
//! run_blocking: jobs += 1
//! poll: leaves a waker
//!                          result into the slot, wake
//!                          call_soon(uncount) ───────────────► jobs -= 1
//! poll: takes the result
//! ```
//! A future that is dropped uncounts its job at once.
//!
//! **Source**: `asyncio.to_thread`, whose executor belongs to its loop too; tokio's `task::spawn_blocking`.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};

use crate::jobs::{JobError, Panic, Slot};
use crate::rt::core::Core;
use crate::rt::{Remote, Wait, context, poll_budget, waits_for};
use crate::threads::ThreadPool;

/// The most threads of one loop. Jobs wait more than they compute, so there may be more of them than processors.
const MAX_THREADS: usize = 64;

/// Runs `job` on a thread beside the loop, beginning now; the future gives its value.
///
/// # Errors
/// [`JobError`]: the job panicked, or no thread could be started for it.
///
/// # Panics
/// No event loop runs on this thread.
///
/// # Cancellation
/// The job runs on, because a thread cannot be stopped; its value is dropped when it comes.
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
    let shared = Arc::new(BlockingJob { slot: Slot::new(), counted: AtomicBool::new(true) });
    core.jobs.update(|jobs| jobs + 1);
    let runner = Runner { shared: shared.clone(), remote: Remote::new(core.inbox.clone()) };
    let threads = threads_of(&core);
    let pool = threads.0.as_ref().expect("holds because only the drop takes it");
    // The runner tells the loop of the job's end, so the pool's own handle is not needed.
    let refused = pool.submit(move || runner.run(job)).map(drop).err();
    Blocking { shared, core, refused, has_ended: false }
}

/// The value of a job on a thread; see [`run_blocking`].
#[must_use = "dropped, the value of the job is lost"]
pub struct Blocking<T> {
    /// The job.
    shared: Arc<BlockingJob<T>>,
    /// The loop that counts it.
    core: Rc<Core>,
    /// Why no thread took it.
    refused: Option<JobError>,
    /// Set when the result was taken.
    has_ended: bool,
}

/// What a job and its future share.
struct BlockingJob<T> {
    /// Where the job leaves its result.
    slot: Slot<T>,
    /// Set while the loop's `jobs` count it (`BLOCK-2`). Only the loop's thread uses this.
    counted: AtomicBool,
}

impl<T> BlockingJob<T> {
    /// Takes the job off the loop's count, once.
    fn uncount(&self, core: &Core) {
        if self.counted.swap(false, Ordering::Relaxed) {
            core.jobs.update(|jobs| jobs - 1);
        }
    }
}

impl<T> Future for Blocking<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.shared.slot.is_finished() {
            // Before the result is taken: a `Pending` would lose it.
            ready!(poll_budget(cx));
        }
        let Poll::Ready(result) = self.shared.slot.poll(cx) else {
            waits_for(Wait::Thread);
            return Poll::Pending;
        };
        self.has_ended = true;
        self.shared.uncount(&self.core);
        Poll::Ready(self.refused.take().map_or(result, Err))
    }
}

impl<T> Drop for Blocking<T> {
    fn drop(&mut self) {
        self.shared.uncount(&self.core);
        self.shared.slot.forget_waker();
        // If the job has not ended yet, it finds this result there and drops its own.
        if self.has_ended || self.shared.slot.finish(Err(JobError::Cancelled)) {
            return;
        }
        let result = self.shared.slot.poll(&Context::from_waker(Waker::noop()));
        if let Poll::Ready(Err(error)) = result {
            report(&self.core, &error);
        }
    }
}

impl<T> fmt::Debug for Blocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finished = self.shared.slot.is_finished();
        f.debug_struct("Blocking").field("finished", &finished).finish_non_exhaustive()
    }
}

/// What a job carries to its thread; however it ends, the loop hears of it.
struct Runner<T: Send + 'static> {
    /// The job.
    shared: Arc<BlockingJob<T>>,
    /// The way back to the loop, which does not report that it is stuck while this lives.
    remote: Remote,
}

impl<T: Send> Runner<T> {
    /// Runs the job and leaves its result.
    fn run(self, job: impl FnOnce() -> T) {
        let result = catch_unwind(AssertUnwindSafe(job))
            .map_err(|payload| JobError::Panicked(Box::new(Panic::new("a blocking job", payload))));
        let error = result.as_ref().err().cloned();
        if !self.shared.slot.finish(result)
            && let Some(error) = error
        {
            // A loop that was dropped needs no report.
            let _ = self.remote.call_soon(move || report(&context::current(), &error));
        }
    }
}

impl<T: Send> Drop for Runner<T> {
    fn drop(&mut self) {
        // Unless the job has run, its pool was dropped before it began.
        self.shared.slot.finish(Err(JobError::PoolGone));
        let shared = self.shared.clone();
        // A loop that was dropped does not count any more.
        let _ = self.remote.call_soon(move || shared.uncount(&context::current()));
    }
}

/// Reports the panic of a job that no task awaits (`BLOCK-3`).
fn report(core: &Core, error: &JobError) {
    if let JobError::Panicked(_) = error {
        core.hooks.report(&format!("{error} (nobody awaited it)"));
    }
}

/// The threads of one loop; `None` only during the drop. The loop keeps them as a value of unknown type, because `rt`
/// cannot import `threads`.
struct LoopThreads(Option<ThreadPool>);

impl Drop for LoopThreads {
    fn drop(&mut self) {
        if let Some(pool) = self.0.take() {
            // BLOCK-4: the drop of a pool would wait.
            pool.abandon();
        }
    }
}

/// Returns the threads of a loop, which are made at the first call.
fn threads_of(core: &Core) -> Rc<LoopThreads> {
    let mut attached = core.attached.borrow_mut();
    let threads = attached.get_or_insert_with(|| {
        Rc::new(LoopThreads(Some(ThreadPool::on_demand("blocking", MAX_THREADS))))
    });
    threads.clone().downcast().expect("holds because nothing else is attached to a loop")
}
