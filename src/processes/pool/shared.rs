//! What handles, the pool and its thread share; and that thread, which reads the answers and delivers the results.
//!
//! Problem: a job may be awaited by a thread, by a task, or by nothing at all, and a worker may die at any time. One
//! thread reads all answers and notices, so nothing depends on a caller that waits.
//!
//! ```text
//! submit: lock, push ─▶ worker's ring                     the thread: wait for an event or the next look
//!                            worker: run, answer ──────▶ lock, pass: answers, deaths, fill
//! join: sleeps at the job's slot ◀─────────────────────── unlock, deliver each result
//! ```
//!
//! **Invariants**
//! - `PSHARED-1`: results are delivered without the lock, and a waker that panics does not stop the thread.
//! - `PSHARED-2`: while a job is open, the thread looks at the workers by itself: a millisecond after the last result, then
//!   less and less often, down to ten times a second. So a wake-up that was lost delays an answer and no more. When no job
//!   was open for a while it sleeps until there is an event.
//! - `PSHARED-3`: if the thread itself panics, the pool breaks, and every handle ends.
//!
//! **Source**: the thread of `concurrent.futures.process`.

use std::io;
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use super::link::Owner;
use super::ring::EventCount;
use super::state::State;
use crate::jobs::{Cancel, JobError, Outcome, Slot};
use crate::os::process::Child;
use crate::os::signal::Signal;
use crate::os::{PollFd, poll};

/// How soon after a result the thread looks by itself.
const FIRST_LOOK: Duration = Duration::from_millis(1);
/// The longest time between two looks.
const LAST_LOOK: Duration = Duration::from_millis(100);
/// How long the fork server may take to reap a thousand workers. It is killed then.
const SERVER_ENDING: Duration = Duration::from_secs(10);

/// What handles, the pool and its thread share. No statement under a lock leaves half of a change, so a poisoned lock is
/// used on.
pub(super) struct Shared {
    /// Jobs and workers.
    state: Mutex<State>,
    /// Wakes callers that wait for the pool itself: there is room, or nothing is open.
    pub(super) changed: Condvar,
    /// The thread sleeps here.
    pub(super) results: EventCount,
    /// The fork server, until it is reaped.
    server: Mutex<Option<Child>>,
    /// The thread, from the first job to the end. Locked before the others.
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Which thread that is.
    thread_id: OnceLock<ThreadId>,
    /// The number of the next job.
    next_id: AtomicU64,
}

/// Locks, whether poisoned or not.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Shares the state of a pool.
    pub(super) fn new(state: State, results: EventCount, server: Child) -> Self {
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            results,
            server: Mutex::new(Some(server)),
            thread: Mutex::new(None),
            thread_id: OnceLock::new(),
            next_id: AtomicU64::new(0),
        }
    }

    /// Locks the state.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Waits until `is_done`; false when the time was up first.
    pub(super) fn wait_until<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        timeout: Duration,
        is_done: impl Fn(&State) -> bool,
    ) -> (MutexGuard<'a, State>, bool) {
        state.callers += 1;
        let waited = self.changed.wait_timeout_while(state, timeout, |state| !is_done(state));
        let (mut state, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        state.callers -= 1;
        (state, !timed_out.timed_out())
    }

    /// Tells whether this is the pool's own thread, in a waker or a destructor.
    pub(super) fn is_own_thread(&self) -> bool {
        self.thread_id.get() == Some(&thread::current().id())
    }

    /// Starts the pool's thread, unless it was started before or the pool is closed.
    ///
    /// # Errors
    /// Out of threads or memory.
    pub(super) fn start_thread(self: &Arc<Self>) -> io::Result<()> {
        if self.thread_id.get().is_some() || self.lock().closed.is_some() {
            return Ok(());
        }
        let mut thread = lock(&self.thread);
        if self.thread_id.get().is_none() {
            let shared = Arc::clone(self);
            let builder = thread::Builder::new().name("process-pool".to_owned());
            let started = builder.spawn(move || shared.run_thread())?;
            self.thread_id.get_or_init(|| started.thread().id());
            *thread = Some(started);
        }
        Ok(())
    }

    /// The life of the pool's thread.
    fn run_thread(&self) {
        if panic::catch_unwind(AssertUnwindSafe(|| self.read_answers())).is_err() {
            self.lock().break_down("its own thread has panicked".to_owned());
        }
        self.deliver(self.lock());
        self.wait_for_server();
    }

    /// Reads answers and delivers results until the pool has ended, or is broken.
    fn read_answers(&self) {
        let (mut look, mut last_look) = (FIRST_LOOK, Instant::now());
        loop {
            // Before the pass, so that an event during it keeps the thread from sleeping.
            let seen = self.results.count();
            let is_look = last_look.elapsed() >= look;
            if is_look {
                (look, last_look) = ((look * 2).min(LAST_LOOK), Instant::now());
                if let Some(server) = lock(&self.server).as_ref() {
                    // STATE-5. It does nothing to a process that runs.
                    drop(server.kill(Signal::Continue));
                }
            }
            let mut state = self.lock();
            state.rests = false;
            state.take_notices();
            let first_limit = state.pass(is_look);
            if state.has_ended() {
                return;
            }
            if !state.finished.is_empty() {
                look = FIRST_LOOK;
            }
            state.rests = look == LAST_LOOK && state.is_at_rest();
            let left = first_limit.map(|at| at.saturating_duration_since(Instant::now()));
            let timeout = if state.rests { Duration::MAX } else { left.unwrap_or(look).min(look) };
            self.deliver(state);
            // Also after results: the workers wake this thread when there are enough for another pass (`PWORKER-5`).
            self.results.wait(seen, timeout);
        }
    }

    /// Gives results to their owners (`PSHARED-1`).
    fn deliver(&self, mut state: MutexGuard<'_, State>) {
        let finished = std::mem::take(&mut state.finished);
        // A caller that comes later finds the state as it is now. The notice costs a system call.
        let has_callers = state.callers > 0;
        drop(state);
        for (owner, result) in finished {
            owner.finish(result);
        }
        if has_callers {
            self.changed.notify_all();
        }
    }

    /// Waits until the pool's thread has delivered the last result and has ended, and the fork server too. A second caller
    /// waits for the first.
    pub(super) fn wait_for_end(&self) {
        self.results.wake();
        if !self.is_own_thread() {
            let mut thread = lock(&self.thread);
            if let Some(thread) = thread.take() {
                // It has caught its panics.
                drop(thread.join());
            }
        }
        self.wait_for_server();
    }

    /// Waits until the fork server has reaped its workers and left, and reaps it.
    fn wait_for_server(&self) {
        let mut server = lock(&self.server);
        if let Some(server) = server.take() {
            // A job may have stopped it. Its drop kills it, if it has not left by then, and reaps it.
            drop(server.kill(Signal::Continue));
            drop(poll(&mut [PollFd::readable(server.as_fd())], Some(SERVER_ENDING)));
        }
    }
}

/// Makes a job's value of its bytes.
pub(super) type Decode<T> = fn(Vec<u8>) -> Result<T, JobError>;

/// A job as its handle sees it. The slot has the value as bytes: the thread knows no types, and must not run the foreign
/// code that decodes a value. The owner's thread does.
pub(super) struct Pending<T> {
    /// Where the result is left.
    slot: Slot<Vec<u8>>,
    /// The job's number.
    pub(super) id: u64,
    /// The pool.
    shared: Arc<Shared>,
    /// Decodes the value.
    decode: Decode<T>,
}

impl<T> Pending<T> {
    /// A job that is about to be submitted.
    pub(super) fn new(shared: &Arc<Shared>, decode: Decode<T>) -> Self {
        // Relaxed: the number stands for itself.
        let id = shared.next_id.fetch_add(1, Ordering::Relaxed);
        Self { slot: Slot::new(), id, shared: Arc::clone(shared), decode }
    }

    /// Decodes the value; its panic fails the job (`WORK-1`).
    fn decode(&self, result: Result<Vec<u8>, JobError>) -> Result<T, JobError> {
        let value = result?;
        panic::catch_unwind(AssertUnwindSafe(|| (self.decode)(value)))
            .unwrap_or_else(|payload| Err(JobError::panicked(payload)))
    }
}

impl<T> Owner for Pending<T> {
    fn finish(&self, result: Result<Vec<u8>, JobError>) {
        self.slot.finish(result);
    }
}

impl<T> Outcome<T> for Pending<T> {
    fn wait(self: Arc<Self>, deadline: Option<Instant>) -> Option<Result<T, JobError>> {
        self.slot.wait(deadline).map(|result| self.decode(result))
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, JobError>> {
        self.slot.poll(cx).map(|result| self.decode(result))
    }

    fn forget_waker(&self) {
        self.slot.forget_waker();
    }

    fn is_finished(&self) -> bool {
        self.slot.is_finished()
    }

    fn cancel(&self) -> Cancel {
        if self.slot.is_finished() {
            return Cancel::Finished;
        }
        let cancelled = self.shared.lock().cancel(self.id);
        if cancelled == Cancel::Cancelled {
            self.shared.changed.notify_all();
            self.slot.finish(Err(JobError::Cancelled));
        }
        cancelled
    }
}
