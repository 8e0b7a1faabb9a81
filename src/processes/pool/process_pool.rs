//! A pool of worker processes: how it is made, how it takes jobs, and how it ends.
//!
//! Problem: a pool of threads cannot stop a job that never returns, and does not survive one that aborts. A pool of
//! processes can and does. The price: arguments and values are sent as bytes, and the function must be known before there
//! are workers.
//!
//! | asked by | jobs in the queue | jobs that run |
//! | --- | --- | --- |
//! | `shutdown` | are run | end by themselves |
//! | the drop | are run, as long as one ends within each grace; else cancelled | the same; else killed |
//! | `shutdown_now` | are cancelled | have the grace, then are killed |
//!
//! **Invariants**
//! - `PPOOL-1`: a job that was accepted gets a result: a value, or the reason why there is none. It begins at most once.
//! - `PPOOL-2`: a pool is made while its process has one thread, and refused with the names of the others otherwise
//!   (`PROCESS-1`). Its own thread is started by the first job.
//! - `PPOOL-3`: when a shutdown or the drop returns, every worker has ended and the fork server was reaped.
//! - `PPOOL-4`: there are never more jobs in the queue than was allowed: a submit waits.
//! - `PPOOL-5`: a start that fails leaves no process.
//!
//! A job cannot submit to its own pool: its process has a copy of the parent from before there was a pool. It may make a
//! pool of its own.
//!
//! **Left out**: a function per job, which Rust cannot send. Make the argument an enum.
//!
//! **Source**: `concurrent.futures.ProcessPoolExecutor`.
//!
//! # Examples
//! ```no_run
//! use handloom::processes::ProcessPoolOptions;
//!
//! let options = ProcessPoolOptions { workers: 2, ..ProcessPoolOptions::default() };
//! let pool = options.start(|n: u64| n * n)?;
//! assert_eq!(pool.submit(12)?.join()?, 144);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::sync::{Arc, MutexGuard};
use std::thread;
use std::time::Duration;

use super::fork_server;
use super::link::{Job, Owner};
use super::ring::{CHANNEL_BYTES, EventCount};
use super::shared::{Decode, Pending, Shared};
use super::state::{Phase, State};
use super::work::{read_chunk, read_one, work};
use crate::jobs::{Counts, JobError, JobHandle, Map, TrySubmitError};
use crate::os::SharedMemory;
use crate::os::process::Pid;
use crate::processes::message::{Message, to_bytes};

/// The most workers. Each takes a descriptor of the fork server, of the usual 1,024.
const MOST_WORKERS: usize = 1_000;
/// How many chunks each worker may have under way in a map.
const CHUNKS_AHEAD: usize = 4;
/// How long the kernel may take to end a process that was killed.
const ENDING: Duration = Duration::from_secs(2);

/// How a pool is made.
#[derive(Clone, Debug)]
pub struct ProcessPoolOptions {
    /// How many workers there are: 1 to 1,000. As many as processors by default.
    pub workers: usize,
    /// After how many jobs a worker is replaced: for functions that leak. Never, by default.
    pub max_tasks_per_worker: u64,
    /// How long a job may run, counted from when a worker gets it; then the worker is killed. Forever by default. A job
    /// with a limit has its worker for itself, so it costs a wake-up of the worker.
    pub time_limit: Option<Duration>,
    /// How many jobs may be queued before a submit waits; 65,536 by default.
    pub queue_capacity: usize,
    /// How long the drop waits for a running job to end before it kills those that are left; 5 s by default.
    pub grace: Duration,
    /// How many workers may die in a row, with no job finished in between, before the pool gives up; 100 by default, and
    /// one more for each worker.
    pub max_deaths_in_a_row: u32,
}

impl Default for ProcessPoolOptions {
    fn default() -> Self {
        Self {
            workers: thread::available_parallelism().map_or(1, usize::from),
            max_tasks_per_worker: u64::MAX,
            time_limit: None,
            queue_capacity: 65_536,
            grace: Duration::from_secs(5),
            max_deaths_in_a_row: 100,
        }
    }
}

impl ProcessPoolOptions {
    /// Forks the workers. Each job runs `function` on its argument, in one of them.
    ///
    /// Standard output is flushed before, so that its buffer is not printed by the workers too.
    ///
    /// # Errors
    /// A second thread runs, which is named (`PPOOL-2`); no workers, or more than 1,000, are asked for; out of
    /// processes, memory or descriptors. No process is left then.
    ///
    /// # Blocking
    /// Until every worker was forked.
    pub fn start<A, R, F>(self, function: F) -> io::Result<ProcessPool<A, R>>
    where
        A: Message,
        R: Message + 'static,
        F: Fn(A) -> R + 'static,
    {
        if self.workers == 0 || self.workers > MOST_WORKERS || self.max_tasks_per_worker == 0 {
            let text = format!("process pool: expected 1 to {MOST_WORKERS} workers, {self:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        // A closed standard output is no reason to have no pool.
        drop(io::stdout().flush());
        let results = EventCount::new()?;
        let channels = (0..self.workers).map(|_| SharedMemory::new(CHANNEL_BYTES).map(Arc::new));
        let channels = channels.collect::<io::Result<Vec<_>>>()?;
        let server = fork_server::start(&work(function), &channels, &results)?;
        channels.iter().try_for_each(|channel| channel.share_with_children(false))?;
        results.keep_from_children()?;
        let most_deaths =
            self.max_deaths_in_a_row.saturating_add(u32::try_from(self.workers).unwrap_or(0));
        let mut state = State::new(server, channels, most_deaths, self.max_tasks_per_worker);
        let started = state.start_workers();
        let shared = Arc::new(Shared::new(state, results));
        if let Err(error) = started {
            shared.lock().end_processes(Phase::Ended);
            shared.wait_for_end();
            return Err(error);
        }
        Ok(ProcessPool { shared, options: self, types: PhantomData })
    }
}

/// A pool of worker processes that run one function on arguments.
///
/// Dropping it finishes what was submitted, as [`shutdown`](Self::shutdown) does; but when no job has ended for the
/// grace, those that run are killed, and those that wait are cancelled.
pub struct ProcessPool<A, R> {
    /// What handles and the pool's thread have too.
    shared: Arc<Shared>,
    /// How the pool was made.
    options: ProcessPoolOptions,
    /// What goes in and out.
    types: PhantomData<fn(A) -> R>,
}

impl<A: Message, R: Message + 'static> ProcessPool<A, R> {
    /// Queues a job: the pool's function on this argument.
    ///
    /// # Errors
    /// The pool is shut down or broken; its thread cannot be started; the argument has no form in bytes.
    ///
    /// # Blocking
    /// While the queue is full.
    pub fn submit(&self, argument: A) -> Result<JobHandle<R>, JobError> {
        self.enter_one(argument, self.options.time_limit)
    }

    /// As [`submit`](Self::submit), with a time limit for this job alone.
    ///
    /// # Errors
    /// As `submit`, which tells when it blocks, too.
    pub fn submit_with_limit(
        &self,
        argument: A,
        limit: Duration,
    ) -> Result<JobHandle<R>, JobError> {
        self.enter_one(argument, Some(limit))
    }

    /// Queues a job with one argument.
    fn enter_one(&self, argument: A, limit: Option<Duration>) -> Result<JobHandle<R>, JobError> {
        let bytes = to_bytes(&argument)?;
        // Its memory is free before this waits for room.
        drop(argument);
        self.enter_waiting((bytes, false), limit, read_one)
    }

    /// As [`submit`](Self::submit), but never waits.
    ///
    /// # Errors
    /// The queue is full: here is the argument again. Or as for `submit`.
    pub fn try_submit(&self, argument: A) -> Result<JobHandle<R>, TrySubmitError<A>> {
        let bytes = to_bytes(&argument).map_err(|error| TrySubmitError::Refused(error.into()))?;
        let limit = self.options.time_limit;
        let entered = self.enter((bytes, false), limit, read_one, Duration::ZERO);
        entered.map_err(TrySubmitError::Refused)?.ok_or(TrySubmitError::Full(argument))
    }

    /// Runs the function on every item, `chunk` of them in a job, and gives the values in the order of the items.
    pub fn map<'a, I>(&'a self, items: I, chunk: usize) -> Map<'a, R>
    where
        I: IntoIterator<Item = A, IntoIter: 'a>,
    {
        let window = self.options.workers * CHUNKS_AHEAD;
        Map::new(items, chunk, window, |items| {
            // Not `to_bytes`: bytes in a chunk have their length before them, as other items do.
            let mut bytes = Vec::new();
            items.encode(&mut bytes)?;
            self.enter_waiting((bytes, true), self.options.time_limit, read_chunk)
        })
    }
}

impl<A, R> ProcessPool<A, R> {
    /// Queues a job; `None` when the queue is full for longer than `timeout`.
    fn enter<T: 'static>(
        &self,
        (argument, is_chunk): (Vec<u8>, bool),
        limit: Option<Duration>,
        decode: Decode<T>,
        timeout: Duration,
    ) -> Result<Option<JobHandle<T>>, JobError> {
        let pending = Arc::new(Pending::new(&self.shared, decode));
        let owner = Arc::clone(&pending) as Arc<dyn Owner>;
        let job = Job { id: pending.id, owner, is_chunk, argument, limit };
        let started = self.shared.start_thread();
        started.map_err(|error| JobError::NoWorker(Arc::new(error)))?;
        // The pool's own thread, in a waker, is the one that makes room.
        let timeout = if self.shared.is_own_thread() { Duration::ZERO } else { timeout };
        let capacity = self.options.queue_capacity.max(1);
        let (mut state, is_free) = self.shared.wait_until(self.shared.lock(), timeout, |state| {
            state.phase != Phase::Open || state.open < capacity || state.waiting() < capacity
        });
        match &state.phase {
            Phase::Broken(why) => return Err(JobError::PoolBroken(why.clone())),
            Phase::Closing | Phase::Ended => return Err(JobError::PoolGone),
            Phase::Open if !is_free => return Ok(None),
            Phase::Open => {}
        }
        // Otherwise the thread looks by itself, or the worker wakes it with the answer.
        let must_wake = state.rests || limit.is_some();
        state.push(job);
        drop(state);
        if must_wake {
            self.shared.results.advance();
        }
        Ok(Some(JobHandle::new(pending)))
    }

    /// Queues a job, and waits for room.
    fn enter_waiting<T: 'static>(
        &self,
        argument: (Vec<u8>, bool),
        limit: Option<Duration>,
        decode: Decode<T>,
    ) -> Result<JobHandle<T>, JobError> {
        self.enter(argument, limit, decode, Duration::MAX)?.ok_or(JobError::WouldDeadlock)
    }

    /// Tells how many jobs there are, and where.
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts()
    }

    /// The numbers of the living workers.
    pub fn worker_pids(&self) -> Vec<Pid> {
        self.shared.lock().pids()
    }

    /// Takes no more jobs, waits for those that were submitted, and ends the workers. A second call waits for the first.
    ///
    /// # Blocking
    /// Until every job is over; a job that never returns keeps it forever, unless it has a time limit.
    pub fn shutdown(&self) {
        self.finish(false, Duration::MAX);
    }

    /// Takes no more jobs, cancels those that have not begun, gives the others the grace, kills those that are
    /// left, and ends the workers.
    ///
    /// # Blocking
    /// For the grace, and the time the kernel needs to end a process.
    pub fn shutdown_now(&self) {
        self.finish(true, self.options.grace);
    }

    /// Ends the pool (`PPOOL-3`). When no job has ended for the grace, those that run are killed and the others cancelled.
    fn finish(&self, cancels: bool, grace: Duration) {
        let mut state = self.shared.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing;
        }
        if self.shared.is_own_thread() {
            // A waker or destructor ends the pool on the thread that would have to deliver the rest.
            state.break_down("its own thread has ended it".to_owned());
        } else {
            state = self.drain(state, cancels, grace);
        }
        state.end_processes(Phase::Ended);
        drop(state);
        self.shared.wait_for_end();
    }

    /// Waits until every result is delivered, and kills what takes too long.
    fn drain<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        cancels: bool,
        grace: Duration,
    ) -> MutexGuard<'a, State> {
        let wait = |mut state: MutexGuard<'a, State>, timeout| {
            // Callers that wait for room learn that there will be none, and the thread that something was cancelled.
            self.shared.notify();
            self.shared.results.advance();
            state.rests = false;
            self.shared.wait_until(state, timeout, |state| state.is_idle())
        };
        if cancels {
            state.cancel_waiting();
        }
        loop {
            let done = state.done;
            let is_idle;
            (state, is_idle) = wait(state, grace);
            if is_idle {
                return state;
            }
            if cancels || state.done == done {
                break;
            }
        }
        state.cancel_waiting();
        state.kill_running();
        let (mut state, is_idle) = wait(state, ENDING);
        if !is_idle {
            state.break_down("a worker that was killed does not end".to_owned());
        }
        state
    }
}

impl<A, R> Drop for ProcessPool<A, R> {
    /// As [`shutdown`](Self::shutdown), as long as a job ends within each grace.
    fn drop(&mut self) {
        self.finish(false, self.options.grace);
    }
}

impl<A, R> fmt::Debug for ProcessPool<A, R> {
    /// Shows the counts.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ProcessPool").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
