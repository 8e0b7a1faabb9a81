//! What handles, the pool and its thread share; and the thread, which reads the answers and delivers the results.
//!
//! Problem: a job may be awaited by a thread, by a task, or by nothing at all, and a worker may die at any time. One
//! thread reads all answers and notices, so nothing depends on a caller that waits.
//!
//! ```text
//! submit: lock, queue, fill ─▶ worker's ring          the thread: wait for the bell or the next look
//!                                  worker: run, answer, ring ─▶ lock, pass: answers, deaths, fill
//! join: sleeps at the job's slot ◀───────────────────────────── unlock, deliver each result
//! ```
//!
//! **Invariants**
//! - `SHARED-1`: results are delivered without the lock, and a waker or destructor that panics does not stop the thread.
//! - `SHARED-2`: the thread never sleeps without a time limit while a job is open, so a ring of the bell that is lost delays
//!   an answer and no more. When nothing was open for a while it sleeps until the bell rings, and costs nothing.
//! - `SHARED-3`: should the thread itself fail, the pool breaks, and every handle ends.
//!
//! **Source**: the thread of `concurrent.futures.process`, which moves every result there.

use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::link::Finished;
use super::ring::Bell;
use super::state::{Phase, State};
use crate::os::process::Child;
use crate::os::{PollFd, poll};

/// How long the kernel may take to end a process that was killed.
pub(super) const ENDING: Duration = Duration::from_secs(2);
/// How long the thread stays ready to look at silent workers after the last job.
const REST_AFTER: Duration = Duration::from_millis(100);

/// What handles, the pool and its thread share.
pub(super) struct Shared {
    /// The state. Every statement under the lock leaves it valid, so a poisoned lock is used on.
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

    /// Tells whether this is the pool's own thread.
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

    /// Numbers a job.
    pub(super) fn next_id(&self) -> u64 {
        // Relaxed: the number stands for itself.
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Locks the state.
    pub(super) fn lock(&self) -> MutexGuard<'_, Hub> {
        self.hub.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `is_done`; false when the deadline came first.
    ///
    /// # Blocking
    /// Until then.
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
            // `Duration::MAX` is as good as no deadline.
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
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| self.read_answers()));
        if outcome.is_err() {
            // SHARED-3.
            self.lock().state.break_down("its own thread has panicked".to_owned());
        }
        let finished = mem::take(&mut self.lock().state.finished);
        deliver(finished);
        let mut hub = self.lock();
        hub.delivering = 0;
        self.notify(&hub);
        drop(hub);
        self.wait_for_server();
    }

    /// Reads answers and delivers results until the pool has ended, or is broken.
    fn read_answers(&self) {
        let mut notices = 0;
        let mut is_look = true;
        let mut last_open = Instant::now();
        loop {
            // Before the pass, so that what comes during it keeps the thread from sleeping.
            let (rang, sent) = self.bell.seen();
            let mut hub = self.lock();
            hub.delivering = 0;
            hub.rests = false;
            let next_look = hub.state.pass(is_look, is_look || sent != notices);
            notices = sent;
            self.notify(&hub);
            if hub.state.phase == Phase::Ended || hub.state.broken.is_some() {
                return;
            }
            let finished = mem::take(&mut hub.state.finished);
            if !finished.is_empty() {
                hub.delivering = finished.len();
                drop(hub);
                deliver(finished);
                is_look = false;
                last_open = Instant::now();
                continue;
            }
            let timeout = match next_look {
                None if last_open.elapsed() < REST_AFTER => REST_AFTER,
                None => Duration::MAX,
                Some(span) => span,
            };
            hub.rests = timeout == Duration::MAX;
            drop(hub);
            self.bell.wait(rang, timeout);
            is_look = self.bell.seen().0 == rang;
        }
    }

    /// Waits until the fork server has reaped its workers and left; and reaps it, once.
    pub(super) fn wait_for_server(&self) {
        let server = self.lock().state.take_server();
        server.into_iter().for_each(wait_for);
    }
}

/// Waits until a fork server whose control socket has ended has left, and reaps it.
pub(super) fn wait_for(server: Child) {
    // Its drop kills it, should it not have left by then, and reaps it.
    drop(poll(&mut [PollFd::readable(server.as_fd())], Some(ENDING)));
    drop(server);
}

/// Gives results to their owners (`SHARED-1`).
fn deliver(finished: Vec<Finished>) {
    for (owner, result) in finished {
        owner.finish(result);
    }
}
