//! What a pool, its workers and its jobs' handles share, and a job's way from its submitter to a worker.
//!
//! A monitor: one lock, and a condition variable. A worker that falls asleep while a job arrives misses nothing,
//! because both hold the lock in turn:
//!
//! ```text
//! worker                                   submit
//! lock, queue empty
//! sleeping += 1, wait (releases the lock)
//!                                          lock, push, sleeping > woken: woken += 1, unlock
//!                                          notify one
//! wakes with the lock, woken -= 1
//! queue not empty: sleeping -= 1, pop
//! ```
//! The end: `closing` is set and all sleepers are woken. Each worker leaves when it finds the queue empty. A thread
//! that asks for the end joins them under the lock of `workers`; a second one waits for that lock.
//!
//! Lock order: `workers`, then `state`. `start_worker` reverses it, which is safe because the pool is open there, and
//! all others that lock `workers` have closed it before. A job's slot is locked last.
//!
//! **Left out**: a bound for the queue. A queued job takes some 200 bytes and what its closure holds; who submits
//! without end bounds it with a [`Semaphore`](crate::threads::Semaphore), or uses `map`, which has a window.
//!
//! **Source**: the monitors of Hoare and Brinch Hansen; `ThreadPoolExecutor.shutdown`, which raises "cannot join
//! current thread" in a worker.

use std::fmt;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};

use super::queue::{JobQueue, Position, Queued};
use super::wait_graph::WaitGraph;
use crate::jobs::{Awaited, Counts, JobError};

/// What the pool and its workers share.
pub(super) struct Shared {
    /// The queue and the counts. No statement under the lock leaves them half changed, and no foreign code runs
    /// there (`POOL-4`), so a poisoned lock is used like any other.
    state: Mutex<PoolState>,
    /// Wakes a worker: a job was queued, or the pool closes.
    job_queued: Condvar,
    /// How many jobs have been run. Counted without the lock, which a worker takes only once for each job.
    done: AtomicU64,
    /// The threads, until they are joined or detached.
    workers: Mutex<Vec<JoinHandle<()>>>,
    /// The name of every worker, before its number.
    name: String,
    /// How many workers there may be.
    pub(super) max_workers: usize,
}

/// The queue, and which threads wait.
#[derive(Default)]
struct PoolState {
    /// Jobs that no worker has taken yet.
    queue: JobQueue,
    /// Every worker ever started, by its number.
    started: Vec<ThreadId>,
    /// How many of those have left, after the pool was closed.
    left: usize,
    /// How many workers wait for a job.
    sleeping: usize,
    /// How many of those were woken and did not take the lock yet; at most `sleeping`.
    woken: usize,
    /// The workers that wait for the pool itself.
    wait_graph: WaitGraph,
    /// How many jobs workers have taken.
    taken: u64,
    /// How many jobs were dropped before they began.
    cancelled: u64,
    /// Set once: no job is accepted any more, and a worker that finds the queue empty leaves.
    closing: bool,
}

impl Shared {
    /// Makes a pool without workers.
    pub(super) fn new(name: &str, max_workers: usize) -> Self {
        Self {
            state: Mutex::default(),
            job_queued: Condvar::new(),
            done: AtomicU64::new(0),
            workers: Mutex::default(),
            name: name.to_owned(),
            max_workers,
        }
    }

    /// Queues a job, and makes sure that a worker will take it (`POOL-2`).
    pub(super) fn submit(self: &Arc<Self>, job: Queued) -> Result<(), JobError> {
        let mut state = self.lock();
        // A refused job is not dropped under the lock (POOL-4): the submitter owns it as well.
        if state.closing {
            return Err(JobError::PoolGone);
        }
        if state.sleeping > state.woken {
            state.woken += 1;
            state.queue.push(job);
            drop(state);
            // After the unlock: otherwise the woken worker would at once sleep again, on the lock.
            self.job_queued.notify_one();
            return Ok(());
        }
        if state.started.len() < self.max_workers
            && let Err(error) = self.start_worker(&mut state)
            && state.started.is_empty()
        {
            return Err(JobError::NoWorker(Arc::new(error)));
        }
        // Every worker is busy, or just starting: it will look at the queue without a wake (POOL-6).
        state.queue.push(job);
        Ok(())
    }

    /// Starts every worker.
    pub(super) fn start_all_workers(self: &Arc<Self>) -> io::Result<()> {
        let mut state = self.lock();
        (0..self.max_workers).try_for_each(|_| self.start_worker(&mut state))
    }

    /// Starts one more worker, in a pool that is open.
    fn start_worker(self: &Arc<Self>, state: &mut PoolState) -> io::Result<()> {
        // The thread waits for the lock that is held here, so its id is noted before it takes a job.
        let (shared, number) = (Arc::clone(self), state.started.len());
        let builder = thread::Builder::new().name(format!("{}-{}", self.name, number + 1));
        let (running, runs) = sync_channel::<()>(0);
        let started = builder.spawn(move || {
            drop(running);
            while let Some(job) = shared.next_job(number) {
                job.run();
            }
        });
        let thread = started
            .map_err(|error| io::Error::new(error.kind(), format!("start a thread: {error}")))?;
        // One that is still starting, and finds that the next has taken the last memory, would end the process.
        let _hung_up = runs.recv();
        state.started.push(thread.thread().id());
        self.workers().push(thread);
        Ok(())
    }

    /// Waits for a job and takes it, for a worker; `None` if the pool closes and the queue is empty.
    ///
    /// A worker takes one job at a time: a second one would wait behind a long one while another worker is idle.
    fn next_job(&self, worker: usize) -> Option<Queued> {
        let mut state = self.lock();
        if state.queue.len() == 0 {
            state.sleeping += 1;
            while state.queue.len() == 0 && !state.closing {
                state = self.job_queued.wait(state).unwrap_or_else(PoisonError::into_inner);
                // A spurious wake takes another worker's wake off the count. Then one wake too many is sent later,
                // never one too few.
                state.woken = state.woken.saturating_sub(1);
            }
            state.sleeping -= 1;
        }
        let Some(job) = state.queue.pop() else {
            state.left += 1;
            return None;
        };
        job.position().set_worker(worker);
        state.taken += 1;
        Some(job)
    }

    /// Takes a job out of the queue, if it is there.
    pub(super) fn take_out(&self, position: &Position) -> Option<Queued> {
        let mut state = self.lock();
        let job = state.queue.take_out(position)?;
        state.cancelled += 1;
        Some(job)
    }

    /// Calls `sleep`, which blocks until `awaited` is over. Meanwhile this thread is in the graph of waits, if it is
    /// a worker; refuses if `sleep` would never return.
    pub(super) fn sleep_until(
        &self,
        awaited: Arc<dyn Awaited>,
        sleep: &mut dyn FnMut(),
    ) -> Result<(), JobError> {
        let mut state = self.lock();
        let worker = state.this_worker();
        let workers = state.started.len() - state.left;
        if let Some(worker) = worker
            && !state.wait_graph.begin(worker, awaited, workers)
        {
            return Err(JobError::WouldDeadlock);
        }
        drop(state);
        sleep();
        if let Some(worker) = worker {
            self.lock().wait_graph.end(worker);
        }
        Ok(())
    }

    /// Counts a job that was run.
    pub(super) fn count_done(&self) {
        // Pairs with the load in `counts`; it orders nothing else.
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Accepts no more jobs (`POOL-7`), and wakes every worker that waits for one.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.job_queued.notify_all();
    }

    /// Closes, and drops what is queued, with that error for its handles.
    pub(super) fn close_now(&self, why: &JobError) {
        let mut state = self.lock();
        state.closing = true;
        let mut queue = mem::take(&mut state.queue);
        state.cancelled += queue.len() as u64;
        drop(state);
        self.close();
        while let Some(job) = queue.pop() {
            job.fail(why.clone());
        }
    }

    /// Waits for the end of every worker of a pool that was closed.
    pub(super) fn join_workers(&self) -> Result<(), JobError> {
        if self.lock().this_worker().is_some() {
            return Err(JobError::WouldDeadlock);
        }
        // Locked for as long as it takes: a second thread that asks waits as well (POOL-5).
        let mut workers = self.workers();
        for worker in workers.drain(..) {
            // A worker does not panic (POOL-JOB-2).
            drop(worker.join());
        }
        Ok(())
    }

    /// How many workers wait for a job.
    pub(super) fn idle(&self) -> usize {
        self.lock().sleeping
    }

    /// How many jobs there are, by how far they are.
    pub(super) fn counts(&self) -> Counts {
        let state = self.lock();
        // Pairs with the add in `count_done`. While the lock is held no job is taken, so it is at most `taken`.
        let done = self.done.load(Ordering::Relaxed);
        Counts {
            queued: state.queue.len(),
            running: usize::try_from(state.taken - done).expect("holds because workers are few"),
            done,
            cancelled: state.cancelled,
            workers: state.started.len() - state.left,
        }
    }

    /// Locks the state.
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the threads.
    pub(super) fn workers(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PoolState {
    /// The number of the worker that this thread is, if it is one of this pool.
    fn this_worker(&self) -> Option<usize> {
        // A search through all of them, but only threads that are about to sleep ask for it.
        let this_thread = thread::current().id();
        self.started.iter().position(|&worker| worker == this_thread)
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
