//! Why a job has no value; a panic kept as a value, and the boundary at which a panic stops.
//!
//! Jobs, tasks, wakers and the destructors of their values are foreign code, and any of them may panic. The thread that
//! serves others as well must survive that. If a result can still be delivered, the panic becomes its error
//! ([`Panic`]). If not, it stops at [`contain`], after the panic hook has reported it.
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
//! **Source**: `concurrent.futures`, where a killed worker is the end of the whole pool.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;
use std::{fmt, io, mem};

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
    /// Its pool has given up; the text says why.
    PoolBroken(String),
    /// A worker of the pool would wait for this job, or for a place in the full queue, when all others wait too.
    WouldDeadlock,
    /// The pool was closed before the job began.
    PoolGone,
    /// The pool has no worker, and could not start one.
    NoWorker(Arc<io::Error>),
}

impl JobError {
    /// Makes the error of a job that panicked in this process.
    pub(crate) fn panicked(payload: Payload) -> Self {
        Self::Panicked(Box::new(Panic::new("the job", payload)))
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

/// What `panic!` was given.
type Payload = Box<dyn Any + Send>;

/// The panic of a job or a task.
#[derive(Debug)]
pub struct Panic {
    /// What panicked, in words that begin a sentence.
    who: Cow<'static, str>,
    /// The text that `panic!` was given.
    text: String,
    /// Where it happened, if that is known.
    location: Option<String>,
    /// What `panic!` was given; `None` in a clone, and if the panic happened in another process. The mutex is never
    /// locked: it makes this type `Sync`, which an `io::Error` demands of what it holds.
    payload: Mutex<Option<Payload>>,
}

impl Panic {
    /// Keeps what `catch_unwind` has caught.
    pub(crate) fn new(who: impl Into<Cow<'static, str>>, payload: Payload) -> Self {
        let text = match payload.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => payload.downcast_ref().copied().unwrap_or("a payload without text").to_owned(),
        };
        Self { who: who.into(), text, location: None, payload: Mutex::new(Some(payload)) }
    }

    /// Keeps what another process says about a panic; a payload cannot leave its process. An empty location is unknown.
    pub(crate) fn remote(text: String, location: String) -> Self {
        let location = Some(location).filter(|location| !location.is_empty());
        Self { who: "the job".into(), text, location, payload: Mutex::default() }
    }

    /// Returns the text that `panic!` was given, or says that there was none.
    pub fn message(&self) -> &str {
        &self.text
    }

    /// Returns where it happened, as `file:line:column`, if that was in another process.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Returns what `panic!` was given; the text, if that is all that there is.
    pub fn into_payload(mut self) -> Payload {
        self.take_payload().unwrap_or_else(|| Box::new(mem::take(&mut self.text)))
    }

    /// Continues the panic on this thread.
    ///
    /// # Panics
    /// Always.
    pub fn resume(mut self) -> ! {
        match self.take_payload() {
            Some(payload) => resume_unwind(payload),
            None => panic!("{self}"),
        }
    }

    /// Takes the payload out.
    fn take_payload(&mut self) -> Option<Payload> {
        self.payload.get_mut().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Clone for Panic {
    /// Copies everything but the payload, of which there is one.
    fn clone(&self) -> Self {
        let (who, text, location) = (self.who.clone(), self.text.clone(), self.location.clone());
        Self { who, text, location, payload: Mutex::default() }
    }
}

impl Drop for Panic {
    /// Drops the payload, whose destructor is foreign code too.
    fn drop(&mut self) {
        let payload = self.take_payload();
        contain(move || drop(payload));
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} panicked: {}", self.who, self.text)?;
        self.location.as_ref().map_or(Ok(()), |location| write!(out, " (at {location})"))
    }
}

/// Calls foreign code and stops its panic, which no caller could be told of.
pub(crate) fn contain(foreign: impl FnOnce()) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(foreign)) else { return };
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Its destructor may panic again, without end. One leaked box ends that.
        #[expect(clippy::mem_forget, reason = "the payload of a payload is not dropped")]
        mem::forget(second);
    }
}

/// Wakes with every waker, also after one of them has panicked. Call this when nothing is borrowed or locked.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    wakers.into_iter().for_each(|waker| contain(|| waker.wake()));
}
