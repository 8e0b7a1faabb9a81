//! The choices for a pool of threads.
//!
//! Problem: a queue without a bound takes a job faster than any worker runs one, until the memory is gone; a queue
//! with one makes its submitters wait. Which is right, only the pool's owner knows.
//!
//! **Source**: `std::thread::Builder`, for the shape.

use std::io;
use std::sync::Arc;
use std::thread;

use super::shared::Shared;
use super::thread_pool::ThreadPool;

/// The choices for a pool of threads; made by [`ThreadPool::builder`].
#[derive(Clone, Debug)]
pub struct PoolBuilder {
    /// The name of every worker, before its number.
    name: String,
    /// How many workers; as many as there are processors, unless told otherwise.
    workers: usize,
    /// How many jobs may be queued.
    capacity: usize,
}

impl PoolBuilder {
    /// Begins with a worker for each processor, and a queue without a bound.
    pub(super) fn new(name: &str) -> Self {
        // Where that cannot be told, one is a safe guess.
        let workers = thread::available_parallelism().map_or(1, usize::from);
        Self { name: name.to_owned(), workers, capacity: usize::MAX }
    }

    /// Sets the number of workers; by default there is one for each processor.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Sets how many jobs may be queued, beside those that run; by default there is no bound, and each queued job
    /// takes some 200 bytes and what its closure holds.
    #[must_use]
    pub fn queue_capacity(mut self, jobs: usize) -> Self {
        self.capacity = jobs;
        self
    }

    /// Starts the pool; every worker runs from now on.
    ///
    /// # Errors
    /// `InvalidInput`: no workers, or no place in the queue. Or a thread cannot be started; those that could are
    /// ended first.
    pub fn start(self) -> io::Result<ThreadPool> {
        for (count, what) in [(self.workers, "workers"), (self.capacity, "places in its queue")] {
            if count == 0 {
                let text = format!("start thread pool {}: it has no {what}", self.name);
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
        }
        let shared = Arc::new(Shared::new(&self.name, self.workers, self.capacity));
        // From here on the drop of the pool ends what was started.
        let pool = ThreadPool { shared };
        pool.shared.start_all_workers()?;
        Ok(pool)
    }
}
