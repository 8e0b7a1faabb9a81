//! Why a blocking job has no value.
//!
//! **Source**: `rt::JoinError`, which is the same for tasks.

use std::error::Error;
use std::fmt;
use std::io;
use std::panic::resume_unwind;

use crate::rt::Panic;

/// Why a blocking job has no value.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// It panicked.
    Panicked(Box<Panic>),
    /// No thread could be started, and there was none; the job was dropped.
    NoThread(io::Error),
    /// It had not begun when its loop was dropped, and was dropped with it.
    LoopGone,
}

impl JobError {
    /// Goes on with the job's panic in this task.
    ///
    /// # Panics
    /// Always: with the payload of the job, or saying why it never ran.
    pub fn resume(self) -> ! {
        match self {
            Self::Panicked(panic) => resume_unwind(panic.payload),
            never_ran => panic!("{never_ran}"),
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panic) => write!(f, "{} panicked: {}", panic.who, panic.message()),
            Self::NoThread(error) => write!(f, "no thread for a blocking job: {error}"),
            Self::LoopGone => f.write_str("the event loop of a blocking job went before it began"),
        }
    }
}

impl Error for JobError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoThread(error) => Some(error),
            Self::Panicked(_) | Self::LoopGone => None,
        }
    }
}

impl From<JobError> for io::Error {
    fn from(error: JobError) -> Self {
        match error {
            JobError::NoThread(error) => error,
            other => Self::other(other.to_string()),
        }
    }
}
