//! What handles, the pool and its thread share; and that thread, which watches the workers and wakes owners.
//!
//! Problem: a job may be awaited by a thread, by a task, or not at all, and a worker may die at any time. A caller that
//! joins reads the answers itself, which is faster than any wake-up. The pool's thread reads what no caller does.
//!
//! **Invariants**
//! - `PSHARED-1`: results are left under the lock. Wakers, which are foreign code, are called without it: by the pool's
//!   thread, or by the caller that cancels the job. A panic in one does not stop the thread.
//! - `PSHARED-2`: while a job is open, the thread looks at the workers by itself: a millisecond after a result that it saw,
//!   then less and less often, down to ten times a second. So an answer that it was not told of is late, but not lost.
//!   When no job was open for a while it sleeps until there is an event.
//! - If the thread itself panics, the pool breaks, and every handle ends.

use std::mem;
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::ring::{EventCount, YIELDS};
use super::state::State;
use crate::jobs::{Cancel, JobError, Outcome, Slot};
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
        mut state: MutexGuard<'a, State>,
        timeout: Duration,
        is_done: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        state.waiters += 1;
        self.results.set_urgent(true);
        let waited = self.changed.wait_timeout_while(state, timeout, |state| !is_done(state));
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.waiters -= 1;
        state
    }

    /// The life of the pool's thread.
    pub(super) fn run_thread(&self) {
        if panic::catch_unwind(AssertUnwindSafe(|| self.read_answers())).is_err() {
            self.lock().break_down("its own thread has panicked".to_owned());
        }
        self.deliver(self.lock());
        self.wait_for_end();
    }

    /// Watches the workers until the pool has ended, or is broken.
    fn read_answers(&self) {
        let (mut look, mut last_look, mut done) = (FIRST_LOOK, Instant::now(), 0);
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
            if state.done > done {
                (look, done) = (FIRST_LOOK, state.done);
            }
            state.rests = look == LAST_LOOK && state.open() == 0;
            let timeout = if state.rests { Duration::MAX } else { look.min(limit) };
            self.deliver(state);
            self.results.wait(seen, timeout);
        }
    }

    /// Wakes tasks and callers, and frees memory, without the lock (`PSHARED-1`).
    fn deliver(&self, mut state: MutexGuard<'_, State>) {
        let finished = mem::take(&mut state.finished);
        drop(state);
        for job in finished {
            (*job.owner).as_ref().wake();
        }
        self.changed.notify_all();
    }

    /// Reads what has come, for a caller that joins a job. False if no job has ended.
    fn read(&self) -> bool {
        let mut state = self.lock();
        let (needed, has_read) = (state.needs_thread(), state.read(false));
        if state.needs_thread() && (has_read || !needed) {
            self.results.advance();
        } else if has_read {
            self.results.set_urgent(false);
        }
        has_read
    }

    /// Waits until the last task was woken, and the pool's thread and the fork server have ended; a second caller too.
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

/// A job as its handle sees it. The slot has the value as bytes; the handle's owner runs the foreign code that decodes it.
pub(super) struct Pending<T> {
    /// Where the result is left.
    pub(super) slot: Slot<Vec<u8>>,
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

impl<T> AsRef<Slot<Vec<u8>>> for Pending<T> {
    fn as_ref(&self) -> &Slot<Vec<u8>> {
        &self.slot
    }
}

impl<T> Outcome<T> for Pending<T> {
    fn wait(self: Arc<Self>, deadline: Option<Instant>) -> Option<Result<T, JobError>> {
        let mut yields = 0;
        while !self.slot.is_finished() {
            if yields == YIELDS || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                // The pool's thread reads now, and wakes this one.
                self.shared.results.set_urgent(true);
                break;
            }
            if !self.shared.read() {
                yields += 1;
                thread::yield_now();
            }
        }
        self.slot.wait(deadline).map(|result| self.decode(result))
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, JobError>> {
        let polled = self.slot.poll(cx).map(|result| self.decode(result));
        if polled.is_pending() {
            self.shared.results.set_urgent(true);
        }
        polled
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
