//! Why a pool did not take a job.
//!
//! Problem: a submit may fail before there is a handle that could tell. And a full queue is no failure for whoever
//! only tried: it wants its job back, to run it itself or to try again.
//!
//! So there are two errors: the one of `submit`, whose job is gone, and the one of `try_submit`, which knows one
//! answer more.
//!
//! **Source**: `std::sync::mpsc::TrySendError`, which gives the value back as well.

use std::error::Error;
use std::fmt;
use std::io;

use super::error::JobError;

/// Why a pool did not take a job, which it has dropped.
#[derive(Debug)]
#[non_exhaustive]
pub enum SubmitError {
    /// The pool was shut down.
    ShutDown,
    /// The queue is full, and it is one of the pool's own workers that would have to wait for a place, when all
    /// the others wait as well.
    WouldDeadlock,
    /// The pool gave up before, and says why.
    Broken(String),
    /// There is no worker, and none could be started.
    Worker(io::Error),
    /// The argument could not be turned into bytes.
    Unreadable(String),
}

/// Why a pool did not take a job without waiting.
#[derive(Debug)]
pub enum TrySubmitError<J> {
    /// The queue is full; here is the job, or its argument.
    Full(J),
    /// It would not be taken later either.
    Refused(SubmitError),
}

impl From<SubmitError> for JobError {
    /// For a job that was to be submitted on its owner's behalf.
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::ShutDown => Self::PoolGone,
            SubmitError::WouldDeadlock => Self::WouldDeadlock,
            SubmitError::Broken(why) => Self::PoolBroken(why),
            SubmitError::Worker(_) => Self::PoolBroken(error.to_string()),
            SubmitError::Unreadable(what) => Self::Unreadable(what),
        }
    }
}

impl From<SubmitError> for io::Error {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Worker(error) => error,
            other => Self::other(other),
        }
    }
}

impl fmt::Display for SubmitError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShutDown => out.write_str("submit a job: the pool is shut down"),
            Self::WouldDeadlock => out.write_str(
                "submit a job: the queue is full, and every worker waits, this one for a place in it",
            ),
            Self::Broken(why) => write!(out, "submit a job: the pool is broken: {why}"),
            Self::Worker(_) => out.write_str("submit a job: no worker, and none can be started"),
            Self::Unreadable(what) => write!(out, "submit a job: its argument is unreadable: {what}"),
        }
    }
}

impl Error for SubmitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Worker(error) = self { Some(error) } else { None }
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
