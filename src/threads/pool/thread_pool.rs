//! A pool of worker threads with one queue of jobs.
//!
//! Problem: see the module. Here the number of threads has a bound, a thread outlives its job, and a job that finds no
//! free worker waits its turn.
//!
//! **Invariants**
//! - `POOL-1`: a job that was accepted is run, once, in the order of acceptance, unless it is cancelled, or dropped by
//!   `shutdown_now` or `abandon`. Its handle tells in any case.
//! - `POOL-2`: while a job is queued, a worker is busy and will look at the queue afterwards, or a sleeping worker was
//!   woken for it. So no wake-up is lost.
//! - `POOL-3`: a job that panics leaves its worker alive; its handle has the payload.
//! - `POOL-4`: no job runs, and none is dropped, while the pool's lock is held.
//! - `POOL-5`: a shutdown returns when every worker has ended, however many threads ask for it; so does the drop of
//!   the pool. Within a job of the pool both only close it: a worker cannot wait for its own end.
//! - `POOL-6`: no system call wakes a thread unless one sleeps that was not woken yet.
//! - `POOL-7`: a closed pool accepts no job.
//!
//! **Left out**: workers that leave when idle for long; priorities; a queue per worker with work stealing, which pays
//! when jobs are shorter than a lock's hand-over.
//!
//! **Source**: the Rust Book, chapter 21, whose pool loses a worker with each panic; `ThreadPoolExecutor`.

use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use super::job::Job;
use super::shared::Shared;
use crate::jobs::{ChunkHandle, Counts, JobError, JobHandle, Map};

/// How many chunks of a [`map`](ThreadPool::map) are under way for each worker: one that is run, and others that are
/// ready when it is done.
const CHUNKS_PER_WORKER: usize = 4;

/// A pool of worker threads and one queue of jobs.
///
/// # Examples
/// ```
/// use handloom::threads::ThreadPool;
///
/// let pool = ThreadPool::fixed("adder", 2)?;
/// let sum = pool.submit(|| 5 + 7)?;
/// assert_eq!(sum.join()?, 12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ThreadPool {
    /// What the workers and the jobs' handles use too.
    shared: Arc<Shared>,
}

impl ThreadPool {
    /// Starts a pool whose `workers` threads all run from now on.
    ///
    /// # Errors
    /// `InvalidInput`: no workers. Or a thread cannot be started; those that could are ended first.
    pub fn fixed(name: &str, workers: usize) -> io::Result<Self> {
        if workers == 0 {
            let text = format!("start thread pool {name}: it has no workers");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let pool = Self { shared: Arc::new(Shared::new(name, workers)) };
        // If a thread cannot be started, the drop of the pool ends the others.
        pool.shared.start_all_workers()?;
        Ok(pool)
    }

    /// Makes a pool that starts a thread when a job finds no free one, up to `max_workers`; at least one.
    pub fn on_demand(name: &str, max_workers: usize) -> Self {
        Self { shared: Arc::new(Shared::new(name, max_workers.max(1))) }
    }

    /// Queues a job for the next free worker. The queue has no bound: a queued job takes some 200 bytes and what its
    /// closure holds.
    ///
    /// # Errors
    /// The job was dropped. [`JobError::PoolGone`]: the pool is shut down. [`JobError::NoWorker`]: there is no worker,
    /// and none can be started (if a further one cannot be started, the job waits for those that exist).
    ///
    /// # Blocking
    /// While a thread is started.
    pub fn submit<F, T>(&self, job: F) -> Result<JobHandle<T>, JobError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let job = Job::new(&self.shared, job);
        self.shared.submit(job.clone())?;
        Ok(JobHandle::new(job))
    }

    /// Calls `function` on every item, `chunk` items to a job, and gives the values in the items' order.
    ///
    /// Items are taken and submitted as the values are asked for, a few chunks ahead. A panic is the error of its
    /// own item only.
    pub fn map<'a, A, T, F>(
        &'a self,
        items: impl IntoIterator<Item = A, IntoIter: 'a>,
        chunk: usize,
        function: F,
    ) -> Map<'a, T>
    where
        A: Send + 'static,
        T: Send + 'static,
        F: Fn(A) -> T + Send + Sync + 'static,
    {
        let function = Arc::new(function);
        let submit = move |items: Vec<A>| -> Result<ChunkHandle<T>, JobError> {
            let function = Arc::clone(&function);
            self.submit(move || items.into_iter().map(|item| caught(&*function, item)).collect())
        };
        let window = self.shared.max_workers.saturating_mul(CHUNKS_PER_WORKER);
        Map::new(items, chunk, window, submit)
    }

    /// Accepts no more jobs, runs what is queued, and returns when every worker has ended. Several threads may call
    /// it, also repeatedly; each of them waits.
    ///
    /// # Errors
    /// [`JobError::WouldDeadlock`], to a job of this pool: the pool is closed, and ends when its jobs are over.
    ///
    /// # Blocking
    /// Until every job is over.
    pub fn shutdown(&self) -> Result<(), JobError> {
        self.shared.close();
        self.shared.join_workers()
    }

    /// Accepts no more jobs, drops what is queued, and returns when every worker has ended. The handles of the dropped
    /// jobs give [`JobError::Cancelled`].
    ///
    /// # Errors
    /// As [`shutdown`](Self::shutdown).
    ///
    /// # Blocking
    /// Until the jobs that run are over.
    pub fn shutdown_now(&self) -> Result<(), JobError> {
        self.shared.close_now(&JobError::Cancelled);
        self.shared.join_workers()
    }

    /// Ends the pool without waiting for it: what is queued is dropped, and each worker leaves when its job is over.
    /// This is for an owner that cannot wait for a job which may never end. The handles of the dropped jobs give
    /// [`JobError::PoolGone`].
    pub fn abandon(self) {
        self.shared.close_now(&JobError::PoolGone);
        // This detaches them: the drop finds no thread to wait for.
        self.shared.workers().clear();
    }

    /// How many jobs the pool has, by how far they are.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// How many workers wait for a job.
    pub fn idle(&self) -> usize {
        self.shared.idle()
    }
}

/// Calls a function on an item of a map; a panic is the error of that item.
fn caught<A, T>(function: &impl Fn(A) -> T, item: A) -> Result<T, JobError> {
    // The item is consumed, and a function that breaks its own state is responsible for it.
    panic::catch_unwind(AssertUnwindSafe(|| function(item))).map_err(JobError::panicked)
}

impl fmt::Debug for ThreadPool {
    /// Shows the counts.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(out)
    }
}

impl Drop for ThreadPool {
    /// Runs what is queued, and waits for every worker to end (`POOL-5`).
    fn drop(&mut self) {
        // The error is that of a job that drops its own pool; the pool is closed at least.
        drop(self.shutdown());
    }
}
