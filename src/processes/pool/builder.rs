//! The choices for a pool of processes, and its start.
//!
//! Problem: how many workers, how long a job may run, how much may be queued: only the pool's owner knows. And when the
//! fifth of eight workers cannot be forked, the first four must not be left behind.
//!
//! **Invariants**
//! - `PSTART-1`: a start that fails leaves no process: it returns when the fork server has reaped the workers that there
//!   were, and was reaped itself.
//!
//! **Source**: `std::thread::Builder`, for the shape.

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::ending::wait_for;
use super::fork_server;
use super::leader::Shared;
use super::message::Message;
use super::process_pool::ProcessPool;
use super::server_line::{Notice, Request};
use super::state::State;
use super::work::work;

/// The most workers. Taste: each takes a descriptor here and one in the fork server, of the usual 1,024.
const MOST_WORKERS: usize = 1_000;
/// How many jobs may be queued, unless told otherwise. Taste: some megabytes of short ones.
const QUEUE_CAPACITY: usize = 65_536;
/// At how many deaths without an answer between them the pool breaks, beside one for each worker. Taste.
const MOST_DEATHS: u32 = 100;
/// How long a job may run on while its pool is dropped, unless told otherwise. Taste.
const GRACE: Duration = Duration::from_secs(5);

/// How a pool shall be. Made by [`ProcessPool::builder`].
#[derive(Clone, Debug)]
pub struct ProcessPoolBuilder {
    /// How many workers.
    pub(super) workers: usize,
    /// How many jobs a worker runs before it is replaced.
    max_tasks_per_worker: u64,
    /// How long a job may run.
    pub(super) time_limit: Option<Duration>,
    /// How many jobs may be queued.
    pub(super) queue_capacity: usize,
    /// How long a job may run on while its pool is dropped.
    pub(super) grace: Duration,
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
        if let Err(error) = fork_workers(&mut state, self.workers) {
            state.end_processes();
            state.take_server().into_iter().for_each(wait_for);
            return Err(error);
        }
        let shared = Arc::new(Shared::new(state)?);
        Ok(ProcessPool::new(shared, self))
    }
}

/// Has a worker forked for each place, one after another: the first that fails is the last that was asked for.
fn fork_workers(state: &mut State, workers: usize) -> io::Result<()> {
    (0..).take(workers).try_for_each(|place| {
        state.ask(&Request::Start(place));
        first_notice(state)
    })
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
