//! A pool of worker processes.
//!
//! Problem: a pool of threads cannot stop a job that never returns, and does not survive one that aborts. A pool of
//! processes can and does; for that, arguments and values have to be sent, and the function has to be known before
//! there are workers.
//!
//! **Invariants**
//! - `PPOOL-1`: a job that was accepted gets a result: a value, or the reason why there is none. It begins at most
//!   once.
//! - `PPOOL-2`: a pool is made while its process has one thread, and refused with the names of the others else
//!   (`PROCESS-1`). Its own thread is started by the first job.
//! - `PPOOL-3`: when a shutdown or the drop returns, every worker has ended and the fork server was reaped.
//! - `PPOOL-4`: of the queue there is never more than was allowed: a submit waits, and as it waits it reads (`LEAD-1`).
//!
//! A job cannot submit to its own pool: its process has a copy of the parent from before there was a pool. It may
//! make a pool of its own.
//!
//! **Left out**: a function per job, which Rust cannot send: make the argument an enum.
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
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::cell::{Decode, Deliver, Pending};
use super::fork_server;
use super::frame::Kind;
use super::leader::{Guard, Shared, Watcher};
use super::link::Job;
use super::message::{Message, Unreadable};
use super::payload::Payload;
use super::server_line::{Notice, Request};
use super::state::{Phase, State};
use super::work::{read_chunk, read_one, work};
use crate::jobs::{AsCompleted, Chunks, Counts, JobHandle, Map, SubmitError, TrySubmitError};
use crate::os::process::Pid;
use crate::os::{PollFd, poll};

/// The most workers. Taste: each takes a descriptor here and one in the fork server, of the usual 1,024.
const MOST_WORKERS: usize = 1_000;
/// How many jobs may be queued, unless told otherwise. Taste: some megabytes of short ones.
const QUEUE_CAPACITY: usize = 65_536;
/// At how many deaths without an answer between them the pool breaks, beside one for each worker. Taste.
const MOST_DEATHS: u32 = 100;
/// How long a job may run on while its pool is dropped, unless told otherwise. Taste.
const GRACE: Duration = Duration::from_secs(5);
/// How long the kernel may take to end a process that was killed.
const ENDING: Duration = Duration::from_secs(2);
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

    /// Sets how long each job may run, from its begin; its process is killed then (`TimeLimit`). By default, for ever.
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

    /// Lets the workers have this descriptor too. Whatever else the function has captured is closed in them
    /// (`LIFE-1`).
    #[must_use]
    pub fn keep_descriptor(mut self, fd: BorrowedFd<'_>) -> Self {
        self.keep.push(fd.as_raw_fd());
        self
    }

    /// Forks the workers. Each job runs `function` on its argument, in one of them.
    ///
    /// Standard output is flushed before, so that what waits there is not printed by the workers too.
    ///
    /// # Errors
    /// A second thread runs, which is named (`PPOOL-2`); no workers, or more than 1,000, are asked for; out of
    /// processes, memory or descriptors. Nothing is left running then.
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
        let work = work(function);
        let (server, control) = fork_server::start(&work, &self.keep)?;
        let most_deaths = self.max_deaths.saturating_add(u32::try_from(self.workers).unwrap_or(0));
        let mut state =
            State::new(server, control, self.workers, most_deaths, self.max_tasks_per_worker);
        // One after another: the first that fails is the last that was asked for.
        for place in (0..).take(self.workers) {
            state.ask(&Request::Start(place));
            first_notice(&mut state)?;
        }
        let shared = Arc::new(Shared::new(state)?);
        Ok(ProcessPool { shared, watcher: Mutex::new(None), builder: self, types: PhantomData })
    }
}

/// Waits for the fork server's word on a worker that is to be its place's first.
fn first_notice(state: &mut State) -> io::Result<()> {
    let control = state.control.clone().ok_or(io::ErrorKind::BrokenPipe)?;
    match Notice::receive(control.as_fd(), true)? {
        Some(Notice::Failed { error, .. }) => Err(error),
        Some(notice @ Notice::Started { .. }) => {
            state.take_notice(notice);
            state.broken.take().map_or(Ok(()), |why| Err(io::Error::other(why)))
        }
        // A worker before this one has died already: the pool will see to it.
        Some(notice) => {
            state.take_notice(notice);
            first_notice(state)
        }
        None => Ok(()),
    }
}

/// A pool of worker processes that run one function on arguments.
///
/// Dropping it finishes what was submitted, as [`shutdown`](Self::shutdown) does; but when no job has ended for the
/// grace, those that run are killed, and those that wait are cancelled.
pub struct ProcessPool<A, R> {
    /// What handles and the pool's thread have too.
    shared: Arc<Shared>,
    /// The pool's thread. Locked for as long as the pool is being ended, so that a second caller waits for the first.
    /// A poisoned lock is used on: what it guards is either there or not.
    watcher: Mutex<Option<JoinHandle<()>>>,
    /// How the pool shall be.
    builder: ProcessPoolBuilder,
    /// What goes in and out.
    types: PhantomData<fn(A) -> R>,
}

/// How a job is run, and its answer read.
struct How<T> {
    /// [`Kind::Job`] or [`Kind::Chunk`].
    kind: Kind,
    /// How long it may run.
    limit: Option<Duration>,
    /// Memory for a long value.
    buffer: Option<Vec<u8>>,
    /// Makes the value of the answer.
    decode: Decode<T>,
}

impl ProcessPool<(), ()> {
    /// Begins a pool; `start` says of what.
    pub fn builder() -> ProcessPoolBuilder {
        ProcessPoolBuilder {
            workers: thread::available_parallelism().map_or(1, usize::from),
            max_tasks_per_worker: u64::MAX,
            time_limit: None,
            queue_capacity: QUEUE_CAPACITY,
            grace: GRACE,
            max_deaths: MOST_DEATHS,
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
    pub fn submit(&self, argument: A) -> Result<JobHandle<R>, SubmitError> {
        self.submit_as(argument, self.builder.time_limit, None)
    }

    /// As [`submit`](Self::submit), with a time limit for this job alone.
    ///
    /// # Errors
    /// As `submit`.
    ///
    /// # Blocking
    /// While the queue is full.
    pub fn submit_with_limit(
        &self,
        argument: A,
        limit: Duration,
    ) -> Result<JobHandle<R>, SubmitError> {
        self.submit_as(argument, Some(limit), None)
    }

    /// As [`submit`](Self::submit), with memory for the value's bytes, if they are many. A value that is a `Vec<u8>` or
    /// a `String` then lies there, and no page has to be found for it.
    ///
    /// # Errors
    /// As `submit`.
    ///
    /// # Blocking
    /// While the queue is full.
    pub fn submit_into(&self, argument: A, buffer: Vec<u8>) -> Result<JobHandle<R>, SubmitError> {
        self.submit_as(argument, self.builder.time_limit, Some(buffer))
    }

    /// As [`submit`](Self::submit), but never waits.
    ///
    /// # Errors
    /// The queue is full: here is the argument again. Or as for `submit`.
    pub fn try_submit(&self, argument: A) -> Result<JobHandle<R>, TrySubmitError<A>> {
        match self.admit(false) {
            // Kept while the argument is encoded, which is foreign code and needs the lock to be free.
            Ok(Some(mut hall)) => hall.state.reserved += 1,
            Ok(None) => return Err(TrySubmitError::Full(argument)),
            Err(error) => return Err(TrySubmitError::Refused(error)),
        }
        self.enter(Payload::of(argument), self.one(self.builder.time_limit, None), true)
            .map_err(TrySubmitError::Refused)
    }

    /// Runs the function on every item, `chunk` of them in a job, and gives the values in the order of the items.
    pub fn map<'a, I>(&'a self, items: I, chunk: usize) -> Map<'a, A, R>
    where
        I: IntoIterator<Item = A, IntoIter: 'a>,
    {
        Map::new(self.chunks(items, chunk))
    }

    /// As [`map`](Self::map), with the values as they come, each with its item's number.
    pub fn map_as_completed<'a, I>(&'a self, items: I, chunk: usize) -> AsCompleted<'a, A, R>
    where
        I: IntoIterator<Item = A, IntoIter: 'a>,
    {
        AsCompleted::new(self.chunks(items, chunk))
    }

    /// Cuts items into chunks, each of which is submitted as a job.
    fn chunks<'a, I>(&'a self, items: I, chunk: usize) -> Chunks<'a, A, R>
    where
        I: IntoIterator<Item = A, IntoIter: 'a>,
    {
        let window = self.builder.workers * CHUNKS_AHEAD;
        Chunks::new(items, chunk, window, |items| {
            // Not `into_bytes`: bytes in a chunk have their length before them, as other items do.
            let mut bytes = Vec::new();
            let encoded = items.encode(&mut bytes).map(|()| Payload::from_vec(bytes));
            let limit = self.builder.time_limit;
            let how = How { kind: Kind::Chunk, limit, buffer: None, decode: read_chunk };
            self.enter(encoded, how, false)
        })
    }

    /// Queues a job.
    fn submit_as(
        &self,
        argument: A,
        limit: Option<Duration>,
        buffer: Option<Vec<u8>>,
    ) -> Result<JobHandle<R>, SubmitError> {
        self.enter(Payload::of(argument), self.one(limit, buffer), false)
    }

    /// How one argument is run.
    #[expect(clippy::unused_self, reason = "it has the pool's type of values")]
    fn one(&self, limit: Option<Duration>, buffer: Option<Vec<u8>>) -> How<R> {
        How { kind: Kind::Job, limit, buffer, decode: read_one }
    }
}

impl<A, R> ProcessPool<A, R> {
    /// Takes the lock when there is room for a job; `None` when there is none, and `waits` is false.
    fn admit(&self, waits: bool) -> Result<Option<Guard<'_>>, SubmitError> {
        let capacity = self.builder.queue_capacity.max(1);
        let has_room = |state: &State| {
            state.queued() < capacity || state.phase != Phase::Open || state.broken.is_some()
        };
        let mut hall = self.shared.lock();
        if !has_room(&hall.state) {
            if !waits {
                return Ok(None);
            }
            hall = self.shared.wait_until(hall, None, &|hall| has_room(&hall.state)).0;
        }
        refuse_if_closed(&hall.state)?;
        Ok(Some(hall))
    }

    /// Puts a job into the queue, or into the place that was `reserved` for it.
    fn enter<T: 'static>(
        &self,
        argument: Result<Payload, Unreadable>,
        how: How<T>,
        reserved: bool,
    ) -> Result<JobHandle<T>, SubmitError> {
        let How { kind, limit, buffer, decode } = how;
        let cell = Arc::new(Pending::new(Arc::clone(&self.shared), decode));
        let mut hall = if reserved {
            let mut hall = self.shared.lock();
            hall.state.reserved -= 1;
            refuse_if_closed(&hall.state)?;
            hall
        } else {
            self.admit(true)?.expect("holds because it has waited for room")
        };
        let argument = argument.map_err(|Unreadable(why)| SubmitError::Unreadable(why))?;
        if hall.thread == Watcher::None {
            self.start_watcher(&mut hall)?;
        }
        let owner = Arc::clone(&cell) as Arc<dyn Deliver>;
        hall.state.push(Job { cell: owner, kind, limit, argument, buffer });
        self.shared.announce(&mut hall);
        Ok(JobHandle::new(cell))
    }

    /// Starts the pool's thread.
    fn start_watcher(&self, hall: &mut Guard<'_>) -> Result<(), SubmitError> {
        let shared = Arc::clone(&self.shared);
        let builder = thread::Builder::new().name("process-pool".to_owned());
        let watcher = builder.spawn(move || shared.watch()).map_err(SubmitError::Worker)?;
        hall.thread = Watcher::Awake;
        *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher);
        Ok(())
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
    /// Until every job is over; a job that never returns keeps it for ever, unless it has a time limit.
    pub fn shutdown(&self) {
        let hall = self.close();
        let (hall, _) = self.shared.wait_until(hall, None, &|hall| hall.state.open == 0);
        self.end(hall);
    }

    /// Takes no more jobs, cancels those that have not begun, gives the others the grace, kills those that are
    /// left, and ends the workers.
    ///
    /// # Blocking
    /// For the grace, and the time the kernel needs to end a process.
    pub fn shutdown_now(&self) {
        let mut hall = self.close();
        hall.state.cancel_waiting();
        let deadline = Instant::now().checked_add(self.builder.grace);
        let (hall, idle) = self.shared.wait_until(hall, deadline, &|hall| hall.state.open == 0);
        let hall = if idle { hall } else { self.kill(hall) };
        self.end(hall);
    }

    /// Takes no more jobs.
    fn close(&self) -> Guard<'_> {
        let mut hall = self.shared.lock();
        if hall.state.phase == Phase::Open {
            hall.state.phase = Phase::Closing;
        }
        // Who waits for room is told that there will be none.
        self.shared.wake_all();
        hall
    }

    /// Cancels what has not begun, and kills what runs.
    fn kill<'a>(&'a self, mut hall: Guard<'a>) -> Guard<'a> {
        hall.state.cancel_waiting();
        hall.state.kill_running();
        let deadline = Instant::now() + ENDING;
        let (mut hall, idle) =
            self.shared.wait_until(hall, Some(deadline), &|hall| hall.state.open == 0);
        if !idle {
            hall.state.break_down("a worker that was killed does not end".to_owned());
        }
        hall
    }

    /// Ends every process and the pool's thread (`PPOOL-3`).
    fn end(&self, hall: Guard<'_>) {
        let mut hall = self.shared.deliver(hall);
        hall.state.phase = Phase::Ended;
        hall.state.end_processes();
        drop(hall);
        self.shared.wake_all();
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.wait_for_server();
        if let Some(thread) = watcher.take()
            // The pool may be dropped by a waker, on its own thread, which then ends when it is back in its loop.
            && thread.thread().id() != thread::current().id()
        {
            // It has no foreign code but wakers; the panic of one has been printed.
            drop(thread.join());
        }
    }
}

/// Tells why a pool takes no more jobs, if it does not.
fn refuse_if_closed(state: &State) -> Result<(), SubmitError> {
    match &state.broken {
        Some(why) => Err(SubmitError::Broken(why.clone())),
        None if state.phase != Phase::Open => Err(SubmitError::ShutDown),
        None => Ok(()),
    }
}

impl Shared {
    /// Waits until the fork server has reaped its workers and left; and reaps it, once.
    pub(super) fn wait_for_server(&self) {
        let server = self.lock().state.take_server();
        if let Some(server) = server {
            // Its drop reaps it; and kills it, should it not have left by then.
            drop(poll(&mut [PollFd::readable(server.as_fd())], Some(ENDING)));
            drop(server);
        }
    }
}

impl<A, R> Drop for ProcessPool<A, R> {
    /// As [`shutdown`](Self::shutdown), within the grace.
    fn drop(&mut self) {
        let mut hall = self.close();
        let mut done = hall.state.counts().done;
        loop {
            let deadline = Instant::now().checked_add(self.builder.grace);
            let (guard, idle) =
                self.shared.wait_until(hall, deadline, &|hall| hall.state.open == 0);
            hall = guard;
            let before = mem::replace(&mut done, hall.state.counts().done);
            if idle {
                break;
            }
            if before == done {
                hall = self.kill(hall);
                break;
            }
        }
        self.end(hall);
    }
}

impl<A, R> fmt::Debug for ProcessPool<A, R> {
    /// Shows the counts.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ProcessPool").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
