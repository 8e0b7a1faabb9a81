//! What a pool, its workers and its jobs' handles share: the queue, who sleeps, and the counts.
//!
//! Here are the fields and what looks at them; `handing` is a job's way through them, `ending` their end.
//!
//! **Invariants**
//! - `LOCKS-1`: `workers` is locked before `state` or without it, but for the start of a worker, which needs an open
//!   pool, while all others who lock `workers` have closed it. A job's slot is locked last, alone or under `state`.
//! - `LOCKS-2`: no atomic orders anything: what two threads must agree on is under `state`, and `done` is a number.
//!
//! **Source**: the monitors of Hoare and Brinch Hansen: one lock, and a condition variable for each reason to wait.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};

use super::blocked::{Blocked, Wish};
use super::queue::JobQueue;
use super::worker;
use crate::jobs::{Awaited, Counts, JobError};

/// What the pool and its workers share.
pub(super) struct Shared {
    /// The queue and the counts. Never poisoned in earnest: no statement under the lock leaves it half
    /// changed, and no foreign code runs there (`POOL-4`); so a poisoned lock is taken over as it is.
    pub(super) state: Mutex<State>,
    /// Wakes a worker: a job was queued, or the pool closes.
    pub(super) work_came: Condvar,
    /// Wakes a submitter: a place is free, or the pool closes.
    pub(super) place_came: Condvar,
    /// How many jobs have been run. Counted without the lock, which a worker takes only once for each job.
    done: AtomicU64,
    /// The threads, until somebody waits for their end or gives that up. Pushes and takes leave it valid.
    workers: Mutex<Vec<JoinHandle<()>>>,
    /// The name of every worker, before its number.
    name: String,
    /// How many workers there may be.
    pub(super) max_workers: usize,
    /// How many jobs may be queued.
    pub(super) capacity: usize,
}

/// The queue, and who waits.
#[derive(Default)]
pub(super) struct State {
    /// Jobs that no worker has taken yet.
    pub(super) queue: JobQueue,
    /// Every worker ever started, by its number.
    pub(super) started: Vec<ThreadId>,
    /// How many of those have left, after the pool was closed.
    pub(super) left: usize,
    /// How many workers wait for work.
    pub(super) sleeping: usize,
    /// How many of those were woken and have not come to the lock yet; at most `sleeping`.
    pub(super) woken: usize,
    /// How many submitters wait for a place.
    pub(super) wanting_place: usize,
    /// The workers that wait for the pool itself.
    pub(super) blocked: Blocked,
    /// How many jobs workers have taken.
    pub(super) taken: u64,
    /// How many jobs were taken out by others, and dropped.
    pub(super) cancelled: u64,
    /// Set once: no job is taken any more, and a worker that finds the queue empty leaves.
    pub(super) closing: bool,
}

impl Shared {
    /// Makes a pool without workers.
    pub(super) fn new(name: &str, max_workers: usize, capacity: usize) -> Self {
        Self {
            state: Mutex::default(),
            work_came: Condvar::new(),
            place_came: Condvar::new(),
            done: AtomicU64::new(0),
            workers: Mutex::default(),
            name: name.to_owned(),
            max_workers,
            capacity,
        }
    }

    /// Starts every worker.
    pub(super) fn start_all_workers(self: &Arc<Self>) -> io::Result<()> {
        let mut state = self.lock();
        (0..self.max_workers).try_for_each(|_| self.start_worker(&mut state))
    }

    /// Starts one more worker, which the caller knows to be wanted, in a pool that is not closing (`LOCKS-1`).
    pub(super) fn start_worker(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        // The thread waits for the lock that is held here, so its id is noted before it takes a job.
        let (shared, number) = (Arc::clone(self), state.started.len());
        let builder = thread::Builder::new().name(format!("{}-{}", self.name, number + 1));
        let thread = builder.spawn(move || worker::work(&shared, number))?;
        state.started.push(thread.thread().id());
        self.workers().push(thread);
        Ok(())
    }

    /// Counts a job that was run.
    pub(super) fn count_done(&self) {
        // Pairs with the load in `counts`, and with nothing else.
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Sleeps until `awaited` is over; noted meanwhile, if this thread is a worker.
    pub(super) fn sleep_until(
        &self,
        awaited: Arc<dyn Awaited>,
        sleep: &mut dyn FnMut(),
    ) -> Result<(), JobError> {
        let mut state = self.lock();
        let Some(worker) = state.this_worker() else {
            drop(state);
            sleep();
            return Ok(());
        };
        let has_place = state.queue.len() < self.capacity;
        if !state.begin_wait(worker, Wish::Job(awaited), has_place) {
            return Err(JobError::WouldDeadlock);
        }
        drop(state);
        sleep();
        self.lock().blocked.end(worker);
        Ok(())
    }

    /// How many workers wait for work.
    pub(super) fn idle(&self) -> usize {
        self.lock().sleeping
    }

    /// How many jobs there are, by how far they are.
    pub(super) fn counts(&self) -> Counts {
        let state = self.lock();
        // Pairs with the count in `count_done`. While the lock is held no job is taken, so it is at most `taken`.
        let done = self.done.load(Ordering::Relaxed);
        Counts {
            queued: state.queue.len(),
            running: usize::try_from(state.taken - done).expect("holds because workers are few"),
            done,
            cancelled: state.cancelled,
            workers: state.started.len() - state.left,
        }
    }

    /// Takes the lock; see the field for why poison is no matter.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the threads.
    pub(super) fn workers(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The number of the worker that this thread is, if it is one of this pool.
    pub(super) fn this_worker(&self) -> Option<usize> {
        // A look through all of them; it is asked for only by threads that are about to sleep.
        let this_thread = thread::current().id();
        self.started.iter().position(|&worker| worker == this_thread)
    }

    /// Notes that a worker waits; false when it would be for ever.
    pub(super) fn begin_wait(&mut self, worker: usize, wish: Wish, has_place: bool) -> bool {
        self.blocked.begin(worker, wish, self.started.len() - self.left, has_place)
    }
}

impl fmt::Debug for Shared {
    /// Shows the name and the counts.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ThreadPool")
            .field("name", &self.name)
            .field("max_workers", &self.max_workers)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
