//! Why a job has no value.
//!
//! Problem: "it failed" helps nobody. Whether a job was called off, panicked, or was killed together with its
//! process decides what its owner does next.
//!
//! | error | the job | its pool |
//! | --- | --- | --- |
//! | `Panicked`, `Died`, `TimeLimit`, `Unreadable` | may have done a part of its work | goes on |
//! | `Cancelled`, `PoolGone` | did nothing | goes on; takes no more |
//! | `PoolBroken` | may have done a part of its work | takes no more |
//! | `WouldDeadlock` | is queued or runs, detached | goes on |
//!
//! **Source**: `rt::JoinError`, which is the same for tasks; `concurrent.futures`, where a killed worker is the end
//! of the whole pool.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::resume_unwind;
use std::time::Duration;

use crate::os::process::{Exit, Pid};

/// Why a job has no value.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobError {
    /// It panicked.
    Panicked(Box<JobPanic>),
    /// It was called off before it began.
    Cancelled,
    /// The process that ran it ended in the middle.
    Died {
        /// The process.
        pid: Pid,
        /// How it ended.
        exit: Exit,
    },
    /// It took longer than its limit, and was killed.
    TimeLimit(Duration),
    /// Its argument or its value could not be turned into bytes, or back.
    Unreadable(String),
    /// Its pool gave up, and says why.
    PoolBroken(String),
    /// The worker that waits for it is one that it needs: each worker of the pool waits for another, or for a job
    /// that no worker is left for. The job itself stays where it is.
    WouldDeadlock,
    /// The pool was closed before it began.
    PoolGone,
}

/// The panic of a job.
pub struct JobPanic {
    /// The text that `panic!` was given, if it was a text.
    pub text: String,
    /// Where it happened, as `file:line:column`, where that is known: the panic of a process is told with it, that
    /// of a thread has been printed by the panic hook.
    pub location: Option<String>,
    /// What `panic!` was given; it cannot leave a process.
    pub payload: Option<Box<dyn Any + Send>>,
}

impl JobError {
    /// Makes the error of a job that panicked on this thread, or on another of this process.
    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        let text = match payload.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => payload.downcast_ref().copied().unwrap_or("a payload without text").to_owned(),
        };
        Self::Panicked(Box::new(JobPanic { text, location: None, payload: Some(payload) }))
    }

    /// Tells the same once more, for several jobs that failed together. There is one payload, which stays here.
    pub(crate) fn echo(&self) -> Self {
        match self {
            Self::Panicked(panic) => Self::Panicked(Box::new(JobPanic {
                text: panic.text.clone(),
                location: panic.location.clone(),
                payload: None,
            })),
            Self::Cancelled => Self::Cancelled,
            Self::Died { pid, exit } => Self::Died { pid: *pid, exit: *exit },
            Self::TimeLimit(limit) => Self::TimeLimit(*limit),
            Self::Unreadable(why) => Self::Unreadable(why.clone()),
            Self::PoolBroken(why) => Self::PoolBroken(why.clone()),
            Self::WouldDeadlock => Self::WouldDeadlock,
            Self::PoolGone => Self::PoolGone,
        }
    }

    /// Goes on with the job's panic on this thread.
    ///
    /// # Panics
    /// Always: with the payload of the job, or with the text of this error.
    pub fn resume(self) -> ! {
        match self {
            Self::Panicked(panic) => match *panic {
                JobPanic { payload: Some(payload), .. } => resume_unwind(payload),
                told => panic!("{told}"),
            },
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
                "a worker waits for a job of its own pool, and no worker is left that could run it",
            ),
            Self::PoolGone => out.write_str("the job's pool was closed before it began"),
        }
    }
}

impl Error for JobError {}

impl fmt::Display for JobPanic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the job panicked: {}", self.text)?;
        self.location.as_ref().map_or(Ok(()), |location| write!(out, " (at {location})"))
    }
}

impl fmt::Debug for JobPanic {
    /// Shows what can be printed; the payload need not be.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JobPanic")
            .field("text", &self.text)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}
