//! A pool of worker processes: how it is made, how it takes jobs, and how it ends.
//!
//! Problem: a pool of threads can neither stop a job that never returns nor survive one that aborts; a pool of processes can.
//! The price: values are sent as bytes, and a pool has one function, from before the fork. For several, take an enum.
//!
//! | asked by | jobs in the queue | jobs that run |
//! | --- | --- | --- |
//! | `shutdown` | are run | end by themselves |
//! | the drop | are run, as long as one ends within each grace; else cancelled | the same; else killed |
//! | `shutdown_now` | are cancelled | have the grace, then are killed |
//!
//! **Invariants**
//! - `PPOOL-1`: a job that was accepted gets a result: a value, or the reason why there is none. It begins at most once.
//! - `PPOOL-2`: a pool is made while its process has one thread, or refused (`PROCESS-1`). The first job starts its thread.
//! - `PPOOL-3`: when a shutdown or the drop returns, every worker has ended and the fork server was reaped.
//! - `PPOOL-4`: there are never more jobs in the queue than was allowed: a submit waits.
//! - `PPOOL-5`: a start that fails leaves no process.
//! - A job with `unsafe` code can damage the values of jobs that its own worker has at the time, and of no others.

use std::fmt;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use super::fork_server;
use super::link::Job;
use super::ring::{CHANNEL_BYTES, EventCount};
use super::shared::{Pending, Shared};
use super::state::State;
use super::worker::work;
use crate::jobs::{Counts, JobError, JobHandle, Map, Slot};
use crate::os::SharedMemory;
use crate::os::process::Pid;
use crate::processes::message::Message;

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
    /// After how many jobs a worker is replaced. It keeps the memory that they used, and leaked. Never, by default.
    pub max_tasks_per_worker: u64,
    /// How long a job may run, counted from when a worker gets it; then the worker is killed. `Duration::MAX`, the default,
    /// is no limit. A job with a limit has its worker for itself, so it costs a wake-up of the worker.
    pub time_limit: Duration,
    /// How many jobs may be queued before a submit waits; 65,536 by default.
    pub queue_capacity: usize,
    /// How long the drop waits for a running job to end before it kills those that are left; 5 s by default.
    pub grace: Duration,
}

impl Default for ProcessPoolOptions {
    fn default() -> Self {
        Self {
            workers: thread::available_parallelism().map_or(1, usize::from),
            max_tasks_per_worker: u64::MAX,
            time_limit: Duration::MAX,
            queue_capacity: 65_536,
            grace: Duration::from_secs(5),
        }
    }
}

impl ProcessPoolOptions {
    /// Forks the workers. Each job runs `function` on its argument, in one of them.
    ///
    /// # Errors
    /// A second thread runs, which is named (`PPOOL-2`); no workers, or more than 1,000, are asked for; out of
    /// processes, memory or descriptors. No process is left then.
    ///
    /// # Examples
    /// ```no_run
    /// use handloom::processes::ProcessPoolOptions;
    ///
    /// let options = ProcessPoolOptions { workers: 2, ..ProcessPoolOptions::default() };
    /// let pool = options.start(|n: u64| n * n)?;
    /// assert_eq!(pool.submit(12)?.join()?, 144);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start<A: Message, R: Message>(
        self,
        function: impl Fn(A) -> R + 'static,
    ) -> io::Result<ProcessPool<A, R>> {
        if self.workers == 0 || self.workers > MOST_WORKERS || self.max_tasks_per_worker == 0 {
            let text = format!("process pool: expected 1 to {MOST_WORKERS} workers, {self:?}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        // The workers would print its buffer too. A closed standard output is no reason to have no pool.
        drop(io::stdout().flush());
        let results = EventCount::new()?;
        let channels = (0..self.workers).map(|_| SharedMemory::new(CHANNEL_BYTES).map(Arc::new));
        let channels = channels.collect::<io::Result<Vec<_>>>()?;
        let most_jobs = self.max_tasks_per_worker;
        let server = fork_server::start(&work(function), most_jobs, &channels, &results)?;
        channels.iter().try_for_each(|channel| channel.share_with_children(false))?;
        results.memory.share_with_children(false)?;
        let mut state = State::new(server, &channels);
        let started = state.start_workers();
        let shared =
            Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), results });
        let pool = ProcessPool { shared, options: self, types: PhantomData };
        // After an error the drop ends what was started.
        started.map(|()| pool)
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

impl<A: Message, R: Message> ProcessPool<A, R> {
    /// Queues a job: the pool's function on this argument.
    ///
    /// # Errors
    /// The pool is shut down or broken; its thread cannot be started; the input has no form in bytes.
    /// [`JobError::WouldDeadlock`]: the queue is full, and the caller is a waker on the thread that would make room.
    ///
    /// # Blocking
    /// While the queue is full.
    pub fn submit(&self, input: A) -> Result<JobHandle<R>, JobError> {
        self.submit_with_limit(input, self.options.time_limit)
    }

    /// As [`submit`](Self::submit), with a time limit for this job alone.
    ///
    /// # Errors
    /// As `submit`, which tells when it blocks, too.
    pub fn submit_with_limit(&self, input: A, limit: Duration) -> Result<JobHandle<R>, JobError> {
        self.enter(input, limit, R::from_bytes)
    }

    /// Runs the function on every item, each a job, and gives the values in order. At most four chunks a worker are ahead.
    pub fn map<'a>(
        &'a self,
        items: impl IntoIterator<Item = A, IntoIter: 'a>,
        chunk: usize,
    ) -> Map<'a, R> {
        let window = (self.options.workers * CHUNKS_AHEAD).saturating_mul(chunk.max(1));
        Map::new(items, 1, window, |mut items| {
            let (item, limit) = (items.swap_remove(0), self.options.time_limit);
            self.enter(item, limit, |value| Ok(vec![Ok(R::from_bytes(value)?)]))
        })
    }

    /// Queues a job, and waits for room.
    fn enter<T: 'static>(
        &self,
        input: A,
        limit: Duration,
        decode: fn(Vec<u8>) -> Result<T, String>,
    ) -> Result<JobHandle<T>, JobError> {
        let argument = input.into_bytes().map_err(JobError::Unreadable)?;
        let shared = &self.shared;
        let capacity = self.options.queue_capacity.max(1);
        let goes_on = |state: &State| state.closed.is_some() || state.waiting() < capacity;
        let mut state = shared.lock();
        if !goes_on(&state) && !state.is_own_thread() {
            state = shared.wait_until(state, Duration::MAX, goes_on);
        }
        match &state.closed {
            Some(error) => return Err(error.clone()),
            None if !goes_on(&state) => return Err(JobError::WouldDeadlock),
            None => {}
        }
        if state.thread.is_none() {
            let (shared, builder) = (Arc::clone(shared), thread::Builder::new());
            let started = builder.name("process-pool".into()).spawn(move || shared.run_thread());
            state.thread = Some(started.map_err(|error| JobError::NoWorker(Arc::new(error)))?);
        }
        let (id, slot) = (state.next_id, Slot::new());
        state.next_id += 1;
        let pending = Arc::new(Pending { slot, id, shared: Arc::clone(shared), decode });
        let job = Job { id, owner: Arc::clone(&pending) as _, argument, limit };
        state.push(job);
        // Otherwise the thread looks by itself, the worker tells it of the answer, or a caller that joins reads the answer.
        if state.rests || limit < Duration::MAX {
            shared.results.advance();
        }
        drop(state);
        Ok(JobHandle::new(pending))
    }
}

impl<A, R> ProcessPool<A, R> {
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

    /// Takes no more jobs, cancels those that have not begun, and kills those that do not end within the grace.
    ///
    /// # Blocking
    /// For the grace, and the time the kernel needs to end a process.
    pub fn shutdown_now(&self) {
        self.finish(true, self.options.grace);
    }

    /// Ends the pool (`PPOOL-3`). When no job has ended for the grace, those that run are killed and the others cancelled.
    fn finish(&self, cancels: bool, grace: Duration) {
        let shared = &self.shared;
        let mut state = shared.lock();
        state.closed.get_or_insert(JobError::PoolGone);
        if state.is_own_thread() {
            // A waker or destructor ends the pool on the thread that would have to deliver the rest.
            state.break_down("its own thread has ended it".to_owned());
        }
        if cancels {
            state.cancel_waiting();
        }
        // Callers that wait for room learn that there will be none, and the thread that something was cancelled.
        shared.changed.notify_all();
        shared.results.advance();
        let mut has_killed = false;
        while state.open() > 0 {
            let (done, span) = (state.done, if has_killed { ENDING } else { grace });
            state = shared.wait_until(state, span, |state| state.open() == 0);
            // Jobs that have ended in time, which the pool's thread has not noticed.
            state.read(false);
            if has_killed && state.open() > 0 {
                state.break_down("a worker that was killed does not end".to_owned());
            } else if cancels || state.done == done {
                state.cancel_waiting();
                state.kill_running();
                has_killed = true;
            }
        }
        state.end_processes();
        drop(state);
        shared.wait_for_end();
    }
}

impl<A, R> Drop for ProcessPool<A, R> {
    fn drop(&mut self) {
        self.finish(false, self.options.grace);
    }
}

impl<A, R> fmt::Debug for ProcessPool<A, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ProcessPool").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
