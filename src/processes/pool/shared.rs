//! What handles, the pool and its thread share; and that thread, which reads the answers and delivers the results.
//!
//! Problem: a job may be awaited by a thread, by a task, or by nothing at all, and a worker may die at any time. One
//! thread reads all answers and notices, so nothing depends on a caller that waits.
//!
//! ```text
//! submit: lock, queue, fill ─▶ worker's ring          the thread: wait for the bell or the next look
//!                                 worker: run, answer, ring ─▶ lock, pass: answers, deaths, fill
//! join: sleeps at the job's slot ◀──────────────────────────── unlock, deliver each result
//! ```
//!
//! **Invariants**
//! - `PSHARED-1`: results are delivered without the lock, and a waker that panics does not stop the thread.
//! - `PSHARED-2`: while a job is open, the thread looks at the workers ten times a second, so a ring that was lost delays an
//!   answer and no more. When none was open for a while it sleeps until the bell rings.
//! - `PSHARED-3`: should the thread itself panic, the pool breaks, and every handle ends.
//!
//! **Source**: the thread of `concurrent.futures.process`.

use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, mem};

use super::link::{Owner, SILENT_LOOK};
use super::ring::Bell;
use super::state::{Phase, State};
use super::work::Answer;
use crate::jobs::{Cancel, JobError, Outcome, Slot};
use crate::os::{PollFd, poll};

/// How long the kernel may take to end a process that was killed.
pub(super) const ENDING: Duration = Duration::from_secs(2);
/// How long the fork server may take to reap a thousand workers. One that was stopped is killed then.
const SERVER_ENDING: Duration = Duration::from_secs(10);

/// What handles, the pool and its thread share.
pub(super) struct Shared {
    /// Jobs and workers. Every statement under the lock leaves them valid, so a poisoned lock is used on.
    hub: Mutex<Hub>,
    /// Wakes callers that wait for the pool itself: there is room, or nothing is open.
    changed: Condvar,
    /// Wakes the thread.
    pub(super) bell: Bell,
    /// The number of the next job.
    next_id: AtomicU64,
}

/// What the lock guards.
pub(super) struct Hub {
    /// The jobs and the workers.
    pub(super) state: State,
    /// How many results are being delivered.
    delivering: usize,
    /// How many callers sleep at `changed`.
    waiting: usize,
    /// Whether the thread sleeps until the bell rings.
    pub(super) rests: bool,
    /// The thread, from the first job to the end.
    thread: Option<JoinHandle<()>>,
}

impl Hub {
    /// Tells whether every job is over and its result delivered.
    pub(super) fn is_idle(&self) -> bool {
        self.state.open == 0 && self.state.finished.is_empty() && self.delivering == 0
    }

    /// Tells whether this is the pool's own thread, in a waker.
    pub(super) fn is_own_thread(&self) -> bool {
        self.thread.as_ref().is_some_and(|own| own.thread().id() == thread::current().id())
    }

    /// Starts the pool's thread, unless it runs.
    ///
    /// # Errors
    /// Out of threads or memory.
    pub(super) fn start_thread(&mut self, shared: &Arc<Shared>) -> io::Result<()> {
        if self.thread.is_none() {
            let shared = Arc::clone(shared);
            let builder = thread::Builder::new().name("process-pool".to_owned());
            self.thread = Some(builder.spawn(move || shared.run_thread())?);
        }
        Ok(())
    }

    /// The thread, to be joined without the lock; `None` on the thread itself.
    pub(super) fn take_thread(&mut self) -> Option<JoinHandle<()>> {
        if self.is_own_thread() { None } else { self.thread.take() }
    }
}

impl Shared {
    /// Shares the state of a pool whose workers run.
    pub(super) fn new(state: State, bell: Bell) -> Self {
        let hub = Hub { state, delivering: 0, waiting: 0, rests: false, thread: None };
        Self { hub: Mutex::new(hub), changed: Condvar::new(), bell, next_id: AtomicU64::new(0) }
    }

    /// Locks the state.
    pub(super) fn lock(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `is_done`; false when the deadline came first.
    pub(super) fn wait_until<'a>(
        &self,
        mut hub: MutexGuard<'a, Hub>,
        deadline: Option<Instant>,
        is_done: impl Fn(&mut Hub) -> bool,
    ) -> (MutexGuard<'a, Hub>, bool) {
        while !is_done(&mut hub) {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return (hub, false);
            }
            hub.waiting += 1;
            let woken = self.changed.wait_timeout(hub, left.unwrap_or(Duration::MAX));
            hub = woken.unwrap_or_else(PoisonError::into_inner).0;
            hub.waiting -= 1;
        }
        (hub, true)
    }

    /// Wakes callers that wait for the pool itself. Each checks its condition again.
    pub(super) fn notify(&self, hub: &Hub) {
        if hub.waiting > 0 {
            self.changed.notify_all();
        }
    }

    /// The life of the pool's thread.
    fn run_thread(&self) {
        if panic::catch_unwind(AssertUnwindSafe(|| self.read_answers())).is_err() {
            self.lock().state.break_down("its own thread has panicked".to_owned());
        }
        Self::deliver(self.lock());
        let mut hub = self.lock();
        hub.delivering = 0;
        self.notify(&hub);
        drop(hub);
        self.wait_for_server();
    }

    /// Reads answers and delivers results until the pool has ended, or is broken.
    fn read_answers(&self) {
        let (mut is_look, mut last_result) = (true, Instant::now());
        loop {
            // Before the pass, so that what comes during it keeps the thread from sleeping.
            let rang = self.bell.rang();
            let mut hub = self.lock();
            hub.delivering = 0;
            hub.rests = false;
            let next_look = hub.state.pass(is_look);
            self.notify(&hub);
            if hub.state.phase == Phase::Ended || hub.state.broken.is_some() {
                return;
            }
            if !hub.state.finished.is_empty() {
                Self::deliver(hub);
                (is_look, last_result) = (false, Instant::now());
                continue;
            }
            let is_busy = last_result.elapsed() < SILENT_LOOK;
            let timeout = next_look.or(is_busy.then_some(SILENT_LOOK));
            hub.rests = timeout.is_none();
            drop(hub);
            self.bell.wait(rang, timeout.unwrap_or(Duration::MAX));
            is_look = self.bell.rang() == rang;
        }
    }

    /// Gives results to their owners (`PSHARED-1`).
    fn deliver(mut hub: MutexGuard<'_, Hub>) {
        let finished = mem::take(&mut hub.state.finished);
        hub.delivering = finished.len();
        drop(hub);
        for (owner, result) in finished {
            owner.finish(result);
        }
    }

    /// Waits until the fork server has reaped its workers and left, and reaps it.
    pub(super) fn wait_for_server(&self) {
        let server = self.lock().state.server.take();
        if let Some(server) = server {
            // Its drop kills it, if it has not left by then, and reaps it.
            drop(poll(&mut [PollFd::readable(server.as_fd())], Some(SERVER_ENDING)));
        }
    }
}

/// Makes a job's result of its answer.
pub(super) type Decode<T> = fn(Answer) -> Result<T, JobError>;

/// A job as its handle sees it. The slot has the answer as bytes: the thread knows no types, and must not run the foreign
/// code that decodes a value. The owner's thread does.
pub(super) struct Pending<T> {
    /// Where the result is left. There is nothing to run on this side.
    slot: Slot<(), Answer>,
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
        Self { slot: Slot::new(()), id, shared: Arc::clone(shared), decode }
    }

    /// Decodes the value; its panic fails the job (`WORK-1`).
    fn decode(&self, result: Result<Answer, JobError>) -> Result<T, JobError> {
        let answer = result?;
        panic::catch_unwind(AssertUnwindSafe(|| (self.decode)(answer)))
            .unwrap_or_else(|payload| Err(JobError::panicked(payload)))
    }
}

impl<T> Owner for Pending<T> {
    fn finish(&self, result: Result<Answer, JobError>) {
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
        let mut hub = self.shared.lock();
        let cancelled = hub.state.cancel(self.id);
        self.shared.notify(&hub);
        drop(hub);
        if cancelled == Cancel::Cancelled {
            self.slot.finish(Err(JobError::Cancelled));
        }
        cancelled
    }
}
