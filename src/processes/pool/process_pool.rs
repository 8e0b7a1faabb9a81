//! A pool of worker processes: how it is made, how it takes jobs, and how it ends.
//!
//! Problem: a pool of threads cannot stop a job that never returns, and does not survive one that aborts. A pool of
//! processes can and does. For that, arguments and values have to be sent, and the function has to be known before there
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
//! use handloom::processes::ProcessPool;
//!
//! let pool = ProcessPool::builder().workers(2).start(|n: u64| n * n)?;
//! assert_eq!(pool.submit(12)?.join()?, 144);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::fork_server;
use super::link::{Job, Owner, Task};
use super::message::{Message, Unreadable};
use super::ring::Bell;
use super::shared::{Decode, ENDING, Hub, Pending, Shared};
use super::state::{Phase, State};
use super::work::{JobKind, read_chunk, read_one, work};
use crate::jobs::{Counts, JobError, JobHandle, Map, TrySubmitError};
use crate::os::process::Pid;

/// The most workers. Each takes a descriptor of the fork server, of the usual 1,024.
const MOST_WORKERS: usize = 1_000;
/// How many chunks each worker may have under way in a map.
const CHUNKS_AHEAD: usize = 4;

/// How a pool shall be. Made by [`ProcessPool::builder`].
#[derive(Clone, Debug)]
pub struct ProcessPoolBuilder {
    /// How many workers.
    workers: usize,
    /// How many jobs a worker runs before it is replaced.
    max_tasks_per_worker: u64,
    /// How long a job may run.
    time_limit: Option<Duration>,
    /// How many jobs may be queued.
    queue_capacity: usize,
    /// How long a job may run on while its pool is dropped.
    grace: Duration,
    /// How many deaths in a row break the pool.
    max_deaths: u32,
    /// Descriptors that workers shall have.
    keep: Vec<RawFd>,
}

impl ProcessPoolBuilder {
    /// Sets how many workers there shall be: 1 to 1,000. As many as processors by default.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Has each worker replaced after it has run so many jobs: for functions that leak. Never, by default.
    #[must_use]
    pub fn max_tasks_per_worker(mut self, jobs: u64) -> Self {
        self.max_tasks_per_worker = jobs;
        self
    }

    /// Sets how long each job may run, from its begin; its process is killed then (`TimeLimit`). Forever by default.
    ///
    /// A job with a limit has its worker for itself, so it costs a wake-up of the worker.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Sets how many jobs may be queued before a submit waits; 65,536 by default.
    #[must_use]
    pub fn queue_capacity(mut self, jobs: usize) -> Self {
        self.queue_capacity = jobs;
        self
    }

    /// Sets how long a job may run on, with no other one ending, when its pool is dropped; 5 s by default.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets how many workers may die in a row, with no job finished in between, before the pool gives up; 100 by
    /// default, and one more for each worker.
    #[must_use]
    pub fn max_deaths_in_a_row(mut self, deaths: u32) -> Self {
        self.max_deaths = deaths;
        self
    }

    /// Lets the workers have this descriptor too. Every other descriptor that the function has captured is closed in
    /// them (`PWORKER-1`).
    #[must_use]
    pub fn keep_descriptor(mut self, fd: BorrowedFd<'_>) -> Self {
        self.keep.push(fd.as_raw_fd());
        self
    }

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
            let text = format!(
                "process pool: {} workers of {} jobs each; expected 1 to {MOST_WORKERS} of at least one",
                self.workers, self.max_tasks_per_worker
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        // A closed standard output is no reason to have no pool.
        drop(io::stdout().flush());
        let bell = Bell::new()?;
        let server = fork_server::start(&work(function), &bell, &self.keep)?;
        let most_deaths = self.max_deaths.saturating_add(u32::try_from(self.workers).unwrap_or(0));
        let mut state = State::new(server, self.workers, most_deaths, self.max_tasks_per_worker);
        let started = state.start_all().and_then(|()| bell.keep_from_children());
        let shared = Arc::new(Shared::new(state, bell));
        if let Err(error) = started {
            shared.lock().state.end_processes();
            shared.wait_for_server();
            return Err(error);
        }
        Ok(ProcessPool { shared, ending: Mutex::new(()), builder: self, types: PhantomData })
    }
}

/// A pool of worker processes that run one function on arguments.
///
/// Dropping it finishes what was submitted, as [`shutdown`](Self::shutdown) does; but when no job has ended for the
/// grace, those that run are killed, and those that wait are cancelled.
pub struct ProcessPool<A, R> {
    /// What handles and the pool's thread have too.
    shared: Arc<Shared>,
    /// Held by the caller that ends the pool: a second one waits for it. Taken before the lock of `shared`.
    ending: Mutex<()>,
    /// How the pool shall be.
    builder: ProcessPoolBuilder,
    /// What goes in and out.
    types: PhantomData<fn(A) -> R>,
}

impl ProcessPool<(), ()> {
    /// Begins a pool; `start` says of what.
    pub fn builder() -> ProcessPoolBuilder {
        ProcessPoolBuilder {
            workers: thread::available_parallelism().map_or(1, usize::from),
            max_tasks_per_worker: u64::MAX,
            time_limit: None,
            queue_capacity: 65_536,
            grace: Duration::from_secs(5),
            max_deaths: 100,
            keep: Vec::new(),
        }
    }
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
        self.submit_task(self.task(argument.into_bytes()?), read_one)
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
        let task = Task { limit: Some(limit), ..self.task(argument.into_bytes()?) };
        self.submit_task(task, read_one)
    }

    /// As [`submit`](Self::submit), with memory for the value's bytes. A value that is a `Vec<u8>` or a `String` then
    /// lies there: fresh memory for a long one costs more than the copy, since the kernel must find its pages.
    ///
    /// # Errors
    /// As `submit`, which tells when it blocks, too.
    pub fn submit_into(&self, argument: A, buffer: Vec<u8>) -> Result<JobHandle<R>, JobError> {
        let task = Task { buffer, ..self.task(argument.into_bytes()?) };
        self.submit_task(task, read_one)
    }

    /// As [`submit`](Self::submit), but never waits.
    ///
    /// # Errors
    /// The queue is full: here is the argument again. Or as for `submit`.
    pub fn try_submit(&self, argument: A) -> Result<JobHandle<R>, TrySubmitError<A>> {
        let refused = |error: Unreadable| TrySubmitError::Refused(error.into());
        let mut bytes = argument.as_bytes().unwrap_or_default().to_vec();
        if argument.as_bytes().is_none() {
            argument.encode(&mut bytes).map_err(refused)?;
        }
        let entered = self.enter(self.task(bytes), read_one, false);
        entered.map_err(TrySubmitError::Refused)?.ok_or(TrySubmitError::Full(argument))
    }

    /// Runs the function on every item, `chunk` of them in a job, and gives the values in the order of the items.
    pub fn map<'a, I>(&'a self, items: I, chunk: usize) -> Map<'a, A, R>
    where
        I: IntoIterator<Item = A, IntoIter: 'a>,
    {
        let window = self.builder.workers * CHUNKS_AHEAD;
        Map::new(items, chunk, window, |items| {
            // Not `into_bytes`: bytes in a chunk have their length before them, as other items do.
            let mut bytes = Vec::new();
            items.encode(&mut bytes)?;
            let task = Task { kind: JobKind::Chunk, ..self.task(bytes) };
            self.submit_task(task, read_chunk)
        })
    }
}

impl<A, R> ProcessPool<A, R> {
    /// A job with one argument, as the builder says.
    fn task(&self, argument: Vec<u8>) -> Task {
        Task { kind: JobKind::One, argument, limit: self.builder.time_limit, buffer: Vec::new() }
    }

    /// Queues a job, waiting for room.
    fn submit_task<T: 'static>(
        &self,
        task: Task,
        decode: Decode<T>,
    ) -> Result<JobHandle<T>, JobError> {
        self.enter(task, decode, true)?.ok_or(JobError::WouldDeadlock)
    }

    /// Queues a job; `None` when the queue is full, and it must not be waited for.
    fn enter<T: 'static>(
        &self,
        task: Task,
        decode: Decode<T>,
        waits: bool,
    ) -> Result<Option<JobHandle<T>>, JobError> {
        let pending = Arc::new(Pending::new(&self.shared, decode));
        let capacity = self.builder.queue_capacity.max(1);
        let hub = self.shared.lock();
        // The pool's own thread, in a waker, is the one that makes room.
        let deadline = (!waits || hub.is_own_thread()).then(Instant::now);
        let (mut hub, is_free) = self.shared.wait_until(hub, deadline, |Hub { state, .. }| {
            let is_closed = state.phase != Phase::Open || state.broken.is_some();
            is_closed || state.open < capacity || state.waiting() < capacity
        });
        match &hub.state.broken {
            Some(why) => return Err(JobError::PoolBroken(why.clone())),
            None if hub.state.phase != Phase::Open => return Err(JobError::PoolGone),
            None if !is_free => return Ok(None),
            None => {}
        }
        let started = hub.start_thread(&self.shared);
        started.map_err(|error| JobError::NoWorker(Arc::new(error)))?;
        let owner = Arc::clone(&pending) as Arc<dyn Owner>;
        let must_ring = hub.rests || task.limit.is_some();
        hub.state.push(Job { id: pending.id, owner, task });
        drop(hub);
        if must_ring {
            self.shared.bell.ring();
        }
        Ok(Some(JobHandle::new(pending)))
    }

    /// Tells how many jobs there are, and where.
    pub fn counts(&self) -> Counts {
        self.shared.lock().state.counts()
    }

    /// The numbers of the living workers.
    pub fn worker_pids(&self) -> Vec<Pid> {
        self.shared.lock().state.pids()
    }

    /// Takes no more jobs, waits for those that were submitted, and ends the workers. A second call waits for the first.
    ///
    /// # Blocking
    /// Until every job is over; a job that never returns keeps it forever, unless it has a time limit.
    pub fn shutdown(&self) {
        let hub = self.close();
        let (hub, _) = self.wait_idle(hub, None);
        self.end(hub);
    }

    /// Takes no more jobs, cancels those that have not begun, gives the others the grace, kills those that are
    /// left, and ends the workers.
    ///
    /// # Blocking
    /// For the grace, and the time the kernel needs to end a process.
    pub fn shutdown_now(&self) {
        let mut hub = self.close();
        hub.state.cancel_waiting();
        self.shared.bell.ring();
        let deadline = Instant::now().checked_add(self.builder.grace);
        let (hub, is_idle) = self.wait_idle(hub, deadline);
        let hub = if is_idle { hub } else { self.kill(hub) };
        self.end(hub);
    }

    /// Takes no more jobs.
    fn close(&self) -> MutexGuard<'_, Hub> {
        let mut hub = self.shared.lock();
        if hub.state.phase == Phase::Open {
            hub.state.phase = Phase::Closing;
        }
        if hub.is_own_thread() {
            // A waker or destructor ends the pool on the thread that would have to deliver the rest.
            hub.state.break_down("its own thread has ended it".to_owned());
        }
        // Callers that wait for room learn that there will be none.
        self.shared.notify(&hub);
        hub
    }

    /// Waits until every result is delivered; false when the deadline came first. The pool's own thread, which would
    /// deliver them, does not wait.
    fn wait_idle<'a>(
        &'a self,
        hub: MutexGuard<'a, Hub>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, Hub>, bool) {
        self.shared.wait_until(hub, deadline, |hub| hub.is_idle() || hub.is_own_thread())
    }

    /// Cancels what has not begun, and kills what runs.
    fn kill<'a>(&'a self, mut hub: MutexGuard<'a, Hub>) -> MutexGuard<'a, Hub> {
        hub.state.cancel_waiting();
        hub.state.kill_running();
        self.shared.bell.ring();
        let deadline = Instant::now() + ENDING;
        let (mut hub, is_idle) = self.wait_idle(hub, Some(deadline));
        if !is_idle {
            hub.state.break_down("a worker that was killed does not end".to_owned());
        }
        hub
    }

    /// Ends every process and the pool's thread (`PPOOL-3`).
    fn end(&self, mut hub: MutexGuard<'_, Hub>) {
        hub.state.phase = Phase::Ended;
        hub.state.end_processes();
        drop(hub);
        self.shared.bell.ring();
        let ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = self.shared.lock().take_thread();
        if let Some(thread) = thread {
            // It has caught its panics.
            drop(thread.join());
        }
        self.shared.wait_for_server();
        drop(ending);
    }
}

impl<A, R> Drop for ProcessPool<A, R> {
    /// As [`shutdown`](Self::shutdown), within the grace.
    fn drop(&mut self) {
        let mut hub = self.close();
        loop {
            let done = hub.state.counts().done;
            let deadline = Instant::now().checked_add(self.builder.grace);
            let (next, is_idle) = self.wait_idle(hub, deadline);
            hub = next;
            if is_idle {
                break;
            }
            if hub.state.counts().done == done {
                hub = self.kill(hub);
                break;
            }
        }
        self.end(hub);
    }
}

impl<A, R> fmt::Debug for ProcessPool<A, R> {
    /// Shows the counts.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ProcessPool").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
