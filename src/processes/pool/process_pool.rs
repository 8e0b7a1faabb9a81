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
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::builder::ProcessPoolBuilder;
use super::entry::{How, encoded};
use super::frame::Kind;
use super::leader::Shared;
use super::message::Message;
use super::payload::Payload;
use super::work::{read_chunk, read_one};
use crate::jobs::{AsCompleted, Chunks, Counts, JobError, JobHandle, Map, TrySubmitError};
use crate::os::process::Pid;

/// How many chunks each worker may have under way in a map.
const CHUNKS_AHEAD: usize = 4;

/// A pool of worker processes that run one function on arguments.
///
/// Dropping it finishes what was submitted, as [`shutdown`](Self::shutdown) does; but when no job has ended for the
/// grace, those that run are killed, and those that wait are cancelled.
pub struct ProcessPool<A, R> {
    /// What handles and the pool's thread have too.
    pub(super) shared: Arc<Shared>,
    /// The pool's thread. Locked for as long as the pool is being ended, so that a second caller waits for the first.
    /// A poisoned lock is used on: what it guards is either there or not.
    pub(super) watcher: Mutex<Option<JoinHandle<()>>>,
    /// How the pool shall be.
    pub(super) builder: ProcessPoolBuilder,
    /// What goes in and out.
    types: PhantomData<fn(A) -> R>,
}

impl<A: Message, R: Message + 'static> ProcessPool<A, R> {
    /// Queues a job: the pool's function on this argument.
    ///
    /// When the last jobs took a few microseconds each, it may stay here for two milliseconds, to be sent together
    /// with others; unless its handle is joined, or enough others follow.
    ///
    /// # Errors
    /// The pool is shut down or broken; its thread cannot be started; the argument has no form in bytes.
    ///
    /// # Blocking
    /// While the queue is full.
    pub fn submit(&self, argument: A) -> Result<JobHandle<R>, JobError> {
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
    ) -> Result<JobHandle<R>, JobError> {
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
    pub fn submit_into(&self, argument: A, buffer: Vec<u8>) -> Result<JobHandle<R>, JobError> {
        self.submit_as(argument, self.builder.time_limit, Some(buffer))
    }

    /// As [`submit`](Self::submit), but never waits.
    ///
    /// # Errors
    /// The queue is full: here is the argument again. Or as for `submit`.
    pub fn try_submit(&self, argument: A) -> Result<JobHandle<R>, TrySubmitError<A>> {
        // Kept while the argument is encoded, which is foreign code and needs the lock to be free.
        let Some(place) = self.reserve().map_err(TrySubmitError::Refused)? else {
            return Err(TrySubmitError::Full(argument));
        };
        let argument = encoded(Payload::of(argument)).map_err(TrySubmitError::Refused)?;
        self.enter(argument, self.one(self.builder.time_limit, None), Some(place))
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
            let items = items.encode(&mut bytes).map(|()| Payload::from_vec(bytes));
            let limit = self.builder.time_limit;
            let how = How { kind: Kind::Chunk, limit, buffer: None, decode: read_chunk };
            self.enter(encoded(items)?, how, None)
        })
    }

    /// Queues a job.
    fn submit_as(
        &self,
        argument: A,
        limit: Option<Duration>,
        buffer: Option<Vec<u8>>,
    ) -> Result<JobHandle<R>, JobError> {
        self.enter(encoded(Payload::of(argument))?, self.one(limit, buffer), None)
    }

    /// How one argument is run.
    #[expect(clippy::unused_self, reason = "it has the pool's type of values")]
    fn one(&self, limit: Option<Duration>, buffer: Option<Vec<u8>>) -> How<R> {
        How { kind: Kind::Job, limit, buffer, decode: read_one }
    }
}

impl<A, R> ProcessPool<A, R> {
    /// The pool whose workers `shared` has.
    pub(super) fn new(shared: Arc<Shared>, builder: ProcessPoolBuilder) -> Self {
        Self { shared, watcher: Mutex::new(None), builder, types: PhantomData }
    }

    /// Tells how many jobs there are, and where.
    pub fn counts(&self) -> Counts {
        self.shared.lock().state.counts()
    }

    /// The numbers of the living workers.
    pub fn worker_pids(&self) -> Vec<Pid> {
        self.shared.lock().state.pids()
    }
}

impl<A, R> fmt::Debug for ProcessPool<A, R> {
    /// Shows the counts.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ProcessPool").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
