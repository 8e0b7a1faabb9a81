//! Why a job has no value, or was not accepted.
//!
//! Problem: what the owner of a job does next depends on whether the job was cancelled, panicked, or died together
//! with its process. `submit` fails with the same error as the handle: a job that was refused has no value either.
//! `try_submit` has one answer more, which gives the job back.
//!
//! | error | the job | its pool |
//! | --- | --- | --- |
//! | `Panicked`, `Died`, `TimeLimit` | may have done a part of its work | continues |
//! | `Unreadable` | did nothing, or its value is lost | continues |
//! | `Cancelled` | did nothing | continues, or is closed |
//! | `PoolGone` | did nothing | is closed |
//! | `PoolBroken` | may have done a part of its work | is closed |
//! | `NoWorker` | was dropped | continues |
//! | `WouldDeadlock` | is queued or runs, detached; or was refused | continues |
//!
//! **Source**: `concurrent.futures`, where a killed worker is the end of the whole pool; `mpsc::TrySendError`.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::panic::Panic;
use crate::os::process::{Exit, Pid};

/// Why a job has no value. In a clone a panic has no payload.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum JobError {
    /// It panicked.
    Panicked(Box<Panic>),
    /// It was cancelled before it began.
    Cancelled,
    /// The process that ran it ended during the job.
    Died {
        /// The process.
        pid: Pid,
        /// How it ended.
        exit: Exit,
    },
    /// It exceeded its time limit and was killed.
    TimeLimit(Duration),
    /// Its argument or its value could not be encoded or decoded.
    Unreadable(String),
    /// Its pool has given up, for this reason.
    PoolBroken(String),
    /// A worker of the pool would wait for this job, or for a place in the full queue, when every other worker waits
    /// too.
    WouldDeadlock,
    /// The pool was closed before the job began.
    PoolGone,
    /// The pool has no worker, and could not start one.
    NoWorker(Arc<io::Error>),
}

/// Why a pool did not accept a job without waiting.
#[derive(Debug)]
pub enum TrySubmitError<J> {
    /// The queue is full; this is the job, or its argument.
    Full(J),
    /// The pool would not accept it later either.
    Refused(JobError),
}

impl JobError {
    /// Makes the error of a job that panicked in this process.
    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        Self::Panicked(Box::new(Panic::new("the job", payload)))
    }

    /// Continues the job's panic on this thread.
    ///
    /// # Panics
    /// Always: with the payload of the job, or with the text of this error.
    pub fn resume(self) -> ! {
        match self {
            Self::Panicked(panic) => panic.resume(),
            other => panic!("{other}"),
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panic) => panic.fmt(out),
            Self::Cancelled => out.write_str("the job was cancelled before it began"),
            Self::Died { pid, exit } => write!(out, "process {pid} ended during the job: {exit}"),
            Self::TimeLimit(limit) => {
                write!(out, "the job was killed after its limit of {limit:?}")
            }
            Self::Unreadable(what) => {
                write!(out, "the job's argument or value is unreadable: {what}")
            }
            Self::PoolBroken(why) => write!(out, "the job's pool is broken: {why}"),
            Self::WouldDeadlock => out.write_str(
                "a worker would wait for its own pool, in which every other worker waits too",
            ),
            Self::PoolGone => out.write_str("the job's pool was closed before the job began"),
            Self::NoWorker(error) => write!(out, "start a worker for the job: {error}"),
        }
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::NoWorker(error) = self { Some(error) } else { None }
    }
}

impl From<JobError> for io::Error {
    fn from(error: JobError) -> Self {
        match error {
            JobError::NoWorker(ref cause) => Self::new(cause.kind(), error),
            other => Self::other(other),
        }
    }
}

impl<J> fmt::Display for TrySubmitError<J> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => out.write_str("submit a job: the queue is full"),
            Self::Refused(error) => error.fmt(out),
        }
    }
}

impl<J: fmt::Debug> Error for TrySubmitError<J> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Refused(error) = self { error.source() } else { None }
    }
}
