//! A pool of worker threads and one queue of jobs.
//!
//! Problem: see the module. Here the number of threads has a bound, a thread outlives its job, and a job
//! that finds no free worker waits its turn.
//!
//! **Invariants**
//! - `POOL-1`: a job that was accepted is run, once, in the order of acceptance (they may end in another),
//!   unless the pool is abandoned.
//! - `POOL-2`: while a job is queued, a worker is busy and will look at the queue when it is done, or
//!   a sleeping one was woken for it. So no wake-up is lost.
//! - `POOL-3`: a job that panics leaves its worker alive; the panic hook has told of it.
//! - `POOL-4`: no job runs, and none is dropped, while the lock is held.
//! - `POOL-5`: dropping the pool runs what is queued, and returns when every worker has ended.
//! - `POOL-6`: nobody asks the kernel to wake a thread unless one sleeps that was not woken yet.
//!
//! How `POOL-2` holds when a worker falls asleep while a job arrives; both hold the lock in turn:
//!
//! ```text
//! worker                                   execute
//! lock, queue empty
//! sleeping += 1, wait (gives up the lock)
//!                                          lock, push, sleeping > woken: woken += 1, unlock
//!                                          wake one
//! wakes with the lock, woken -= 1
//! queue not empty: sleeping -= 1, pop
//! ```
//! Had `execute` come first, the worker would have found the job before it slept.
//!
//! **Left out**: handles for results; workers that leave when idle for long; a queue per worker with
//! stealing, which pays when jobs are shorter than a lock's hand-over.
//!
//! **Source**: the Rust Book, chapter 21; its pool dies by a worker with each panic.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// What a worker runs.
type Job = Box<dyn FnOnce() + Send>;

/// A pool of worker threads and one queue of jobs.
pub struct ThreadPool {
    /// What the workers see too.
    shared: Arc<Shared>,
    /// The name of every worker, before its number.
    name: String,
    /// How many workers there may be.
    max_workers: usize,
}

/// What the pool and its workers share.
struct Shared {
    /// The queue and the counts. Never poisoned in earnest: no statement under the lock leaves it half
    /// changed, and no foreign code runs there (`POOL-4`); so a poisoned lock is taken over as it is.
    state: Mutex<State>,
    /// Wakes a worker: a job was queued, or the pool closes.
    work_came: Condvar,
}

/// The queue and the counts of the workers.
struct State {
    /// Jobs that no worker has taken yet.
    queue: VecDeque<Job>,
    /// Every worker ever started; emptied when the pool is dropped.
    workers: Vec<JoinHandle<()>>,
    /// How many workers wait for work.
    sleeping: usize,
    /// How many of those were woken and have not come to the lock yet; at most `sleeping`.
    woken: usize,
    /// Set when the pool is dropped: a worker that finds the queue empty leaves.
    closing: bool,
}

impl ThreadPool {
    /// Starts a pool whose `workers` threads all run from now on; at least one.
    ///
    /// # Errors
    /// A thread cannot be started. Those that could are ended first.
    pub fn fixed(name: &str, workers: usize) -> io::Result<Self> {
        let pool = Self::on_demand(name, workers);
        for _ in 0..pool.max_workers {
            let mut state = pool.shared.lock();
            pool.start_worker(&mut state)?;
        }
        Ok(pool)
    }

    /// Makes a pool that starts a thread when a job finds no free one, up to `max_workers`; at least one.
    pub fn on_demand(name: &str, max_workers: usize) -> Self {
        let state = State {
            queue: VecDeque::new(),
            workers: Vec::new(),
            sleeping: 0,
            woken: 0,
            closing: false,
        };
        let shared = Shared { state: Mutex::new(state), work_came: Condvar::new() };
        Self { shared: Arc::new(shared), name: name.to_owned(), max_workers: max_workers.max(1) }
    }

    /// Queues a job for the next free worker.
    ///
    /// # Errors
    /// There is no worker at all, and none can be started; then the job is dropped. Should a further
    /// worker fail to start, the job waits for those that exist.
    ///
    /// # Blocking
    /// For the lock only, and for the start of a thread.
    pub fn execute(&self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let job: Job = Box::new(job);
        let mut state = self.shared.lock();
        if state.has_free_sleeper() {
            state.queue.push_back(job);
            state.woken += 1;
            drop(state);
            // After the unlock, else the woken worker would at once sleep again, for the lock.
            self.shared.work_came.notify_one();
            return Ok(());
        }
        if state.workers.len() < self.max_workers
            && let Err(error) = self.start_worker(&mut state)
            && state.workers.is_empty()
        {
            // POOL-4: the lock goes first, since the job's drop may run code of its owner.
            drop(state);
            drop(job);
            return Err(error);
        }
        // Every worker is busy, or just starting: it will look at the queue (POOL-2), unasked (POOL-6).
        state.queue.push_back(job);
        Ok(())
    }

    /// Ends the pool without waiting for it: what is queued is dropped, and each worker leaves when it is
    /// done with its job. For an owner that cannot wait for a job which may never end.
    pub fn abandon(self) {
        let mut state = self.shared.lock();
        state.closing = true;
        let (queue, workers) =
            (std::mem::take(&mut state.queue), std::mem::take(&mut state.workers));
        drop(state);
        self.shared.work_came.notify_all();
        // Without their handles the threads are on their own. The jobs are dropped unlocked (POOL-4).
        drop((workers, queue));
    }

    /// How many jobs wait for a worker.
    pub fn queued(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// How many workers wait for a job.
    pub fn idle(&self) -> usize {
        self.shared.lock().sleeping
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.shared.lock().workers.len()
    }

    /// Starts one more worker.
    fn start_worker(&self, state: &mut State) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let name = format!("{}-{}", self.name, state.workers.len() + 1);
        let worker = thread::Builder::new().name(name).spawn(move || shared.work())?;
        state.workers.push(worker);
        Ok(())
    }
}

impl fmt::Debug for ThreadPool {
    /// Shows the counts.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        out.debug_struct("ThreadPool")
            .field("name", &self.name)
            .field("workers", &state.workers.len())
            .field("max_workers", &self.max_workers)
            .field("queued", &state.queue.len())
            .field("idle", &state.sleeping)
            .finish_non_exhaustive()
    }
}

impl Drop for ThreadPool {
    /// Runs what is queued, and waits for every worker to end (`POOL-5`).
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closing = true;
        let workers = std::mem::take(&mut state.workers);
        drop(state);
        self.shared.work_came.notify_all();
        for worker in workers {
            // The last owner may be a job: its worker cannot wait for itself, and leaves after it.
            if worker.thread().id() != thread::current().id() {
                // A worker does not panic (POOL-3), and a destructor has nobody to tell.
                drop(worker.join());
            }
        }
    }
}

impl State {
    /// Tells whether a worker sleeps that was not woken yet (`POOL-6`).
    fn has_free_sleeper(&self) -> bool {
        self.sleeping > self.woken
    }
}

impl Shared {
    /// Takes the lock; see the field for why poison is no matter.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker's life: one job after another, until the pool closes.
    fn work(&self) {
        while let Some(job) = self.next_job() {
            // POOL-3. The job is consumed either way, so nobody can see it half done.
            if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(job)) {
                // The payload is a value of the job's, and its drop may panic as well.
                drop(panic::catch_unwind(AssertUnwindSafe(|| drop(payload))));
            }
        }
    }

    /// Waits for a job; `None` when the pool closes and the queue is empty.
    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        if state.queue.is_empty() {
            state.sleeping += 1;
            while state.queue.is_empty() && !state.closing {
                state = self.work_came.wait(state).unwrap_or_else(PoisonError::into_inner);
                // Without a wake of its own (condition variables may do that) it takes another's
                // off the count; then one wake too many is sent later, never one too few.
                state.woken = state.woken.saturating_sub(1);
            }
            state.sleeping -= 1;
        }
        state.queue.pop_front()
    }
}
