//! What handles, the pool and its thread share; and that thread, which reads the answers and delivers the results.
//!
//! Problem: a job may be awaited by a thread, by a task, or by nothing at all, and a worker may die at any time. One
//! thread reads all answers and notices, so nothing depends on a caller that waits.
//!
//! **Invariants**
//! - `PSHARED-1`: results are delivered without the lock, and a waker that panics does not stop the thread.
//! - `PSHARED-2`: while a job is open, the thread looks at the workers by itself: a millisecond after the last result, then
//!   less and less often, down to ten times a second. So a wake-up that was lost delays an answer and no more. When no job
//!   was open for a while it sleeps until there is an event.
//! - If the thread itself panics, the pool breaks, and every handle ends.

use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::link::ResultSlot;
use super::ring::EventCount;
use super::state::State;
use crate::jobs::{Cancel, JobError, Outcome};
use crate::os::signal::Signal;
use crate::os::{PollFd, poll};

/// How soon after a result the thread looks by itself.
const FIRST_LOOK: Duration = Duration::from_millis(1);
/// The longest time between two looks.
const LAST_LOOK: Duration = Duration::from_millis(100);
/// How long the fork server may take to reap a thousand workers. It is killed then.
const SERVER_ENDING: Duration = Duration::from_secs(10);

/// What handles, the pool and its thread share.
pub(super) struct Shared {
    /// Jobs and workers. No statement under the lock leaves half of a change, so a poisoned lock is used on.
    pub(super) state: Mutex<State>,
    /// Wakes callers that wait for the pool itself: there is room, nothing is open, it is over.
    pub(super) changed: Condvar,
    /// The thread sleeps here.
    pub(super) results: EventCount,
}

impl Shared {
    /// Locks the state.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `is_done`, or the time is up.
    pub(super) fn wait_until<'a>(
        &self,
        state: MutexGuard<'a, State>,
        timeout: Duration,
        is_done: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout_while(state, timeout, |state| !is_done(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// The life of the pool's thread.
    pub(super) fn run_thread(&self) {
        if panic::catch_unwind(AssertUnwindSafe(|| self.read_answers())).is_err() {
            self.lock().break_down("its own thread has panicked".to_owned());
        }
        self.deliver(self.lock());
        self.wait_for_end();
    }

    /// Reads answers and delivers results until the pool has ended, or is broken.
    fn read_answers(&self) {
        let (mut look, mut last_look) = (FIRST_LOOK, Instant::now());
        loop {
            // Before the pass, so that an event during it keeps the thread from sleeping.
            let seen = self.results.count();
            let now = Instant::now();
            let is_look = now - last_look >= look;
            if is_look {
                (look, last_look) = ((look * 2).min(LAST_LOOK), now);
            }
            let mut state = self.lock();
            let limit = state.pass(is_look, now);
            if state.control.is_none() {
                return;
            }
            if !state.finished.is_empty() {
                look = FIRST_LOOK;
            }
            state.rests = look == LAST_LOOK && state.open() == 0;
            let timeout = if state.rests { Duration::MAX } else { look.min(limit) };
            self.deliver(state);
            self.results.wait(seen, timeout);
        }
    }

    /// Gives results to their handles (`PSHARED-1`). The arguments are freed afterwards: of a long one that takes a while.
    fn deliver(&self, mut state: MutexGuard<'_, State>) {
        let finished = std::mem::take(&mut state.finished);
        drop(state);
        for (job, result) in finished {
            job.slot.finish(result);
        }
        self.changed.notify_all();
    }

    /// Waits until the pool's thread has delivered the last result and has ended, and the fork server too. A second caller
    /// waits for the first.
    pub(super) fn wait_for_end(&self) {
        self.results.wake();
        let mut state = self.lock();
        // The pool's thread reaps the fork server as its last act. A pool without a job has no thread.
        let reaps = state.thread.is_none() || state.is_own_thread();
        if reaps && let Some(server) = state.server.take() {
            drop(state);
            // A job may have stopped it. Its drop kills it, if it has not left by then, and reaps it.
            drop(server.kill(Signal::Continue));
            drop(poll(&mut [PollFd::readable(server.as_fd())], Some(SERVER_ENDING)));
            drop(server);
            state = self.lock();
            state.is_over = true;
            self.changed.notify_all();
        }
        state = self.wait_until(state, Duration::MAX, |state| state.is_over);
        let ended = if reaps { None } else { state.thread.take() };
        drop(state);
        // It has caught its panics.
        drop(ended.map(JoinHandle::join));
    }
}

/// A job as its handle sees it. The slot has the value as bytes: the pool's thread must not run the foreign code that
/// decodes a value. The thread of the handle's owner does.
pub(super) struct Pending<T> {
    /// Where the result is left.
    pub(super) slot: ResultSlot,
    /// The job's number.
    pub(super) id: u64,
    /// The pool.
    pub(super) shared: Arc<Shared>,
    /// Makes the value of its bytes.
    pub(super) decode: fn(Vec<u8>) -> Result<T, String>,
}

impl<T> Pending<T> {
    /// Decodes the value; its panic fails the job (`WORK-1`).
    fn decode(&self, result: Result<Vec<u8>, JobError>) -> Result<T, JobError> {
        let value = result?;
        panic::catch_unwind(AssertUnwindSafe(|| (self.decode)(value)))
            .map_err(JobError::panicked)?
            .map_err(JobError::Unreadable)
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
