//! The work: what a worker does with the bytes of a job, and what comes back.
//!
//! Problem: a closure cannot be sent to another process. It can only be there already, from before the fork. So a pool
//! has one function, given to it before there were workers, and a job is an argument.
//!
//! | what panics | the job's result |
//! | --- | --- |
//! | the argument's decoding, the function, the value's encoding | `Panicked`, with text and place |
//! | one item's function in a chunk | the same, for this item |
//! | the value's decoding, on the thread of the handle's owner | `Panicked`, with the payload |
//!
//! **Invariants**
//! - `WORK-1`: foreign code (the function, a codec, a destructor of either's values) runs under `catch_unwind`. Its panic
//!   fails the job, or only the one item of a chunk.
//!
//! **Source**: `std::panic::set_hook`; `concurrent.futures.process._process_worker`.

use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::jobs::{JobError, Panic, contain};
use crate::processes::message::{Message, Unreadable};

/// Why there is no value, as it is sent: whether the job panicked, the text, and the place of the panic.
pub(super) type Failure = (bool, String, String);

/// A pool's function without its types: makes an answer of a job's bytes, which are a chunk or one argument. The flag tells
/// whether the answer is a value or a [`Failure`].
pub(super) type Work = dyn Fn(&PanicRecorder, bool, Vec<u8>) -> (bool, Vec<u8>);

/// Takes the types off a pool's function.
pub(super) fn work<A: Message, R: Message>(function: impl Fn(A) -> R + 'static) -> Box<Work> {
    Box::new(move |recorder, is_chunk, body| {
        let attempted = recorder.attempt(|| {
            if is_chunk {
                run_chunk(recorder, &function, &body)
            } else {
                function(A::from_bytes(body)?).into_bytes()
            }
        });
        match attempted {
            Ok(value) => (true, value),
            // Text always has a form in bytes.
            Err(failure) => (false, failure.into_bytes().unwrap_or_default()),
        }
    })
}

/// Runs the function on each argument of a chunk, and encodes a result for each.
fn run_chunk<A: Message, R: Message>(
    recorder: &PanicRecorder,
    function: &impl Fn(A) -> R,
    mut body: &[u8],
) -> Result<Vec<u8>, Unreadable> {
    let arguments = Vec::<A>::decode(&mut body)?;
    let mut out = Vec::new();
    arguments.len().encode(&mut out)?;
    for argument in arguments {
        let start = out.len();
        let encode = || Result::<R, Failure>::Ok(function(argument)).encode(&mut out);
        if let Err(failure) = recorder.attempt(encode) {
            // Nothing may be left of a value that was encoded in part.
            out.truncate(start);
            Result::<(), Failure>::Err(failure).encode(&mut out)?;
        }
    }
    Ok(out)
}

/// Decodes the value of a job with one argument.
pub(super) fn read_one<R: Message>(value: Vec<u8>) -> Result<R, JobError> {
    Ok(R::from_bytes(value)?)
}

/// Decodes the results of a chunk.
pub(super) fn read_chunk<R: Message>(value: Vec<u8>) -> Result<Vec<Result<R, JobError>>, JobError> {
    let items = Vec::<Result<R, Failure>>::from_bytes(value)?;
    Ok(items.into_iter().map(|item| item.map_err(failed)).collect())
}

/// The error of a job that failed in a worker.
pub(super) fn failed((has_panicked, text, place): Failure) -> JobError {
    if has_panicked {
        JobError::Panicked(Box::new(Panic::remote(text, place)))
    } else {
        JobError::Unreadable(text)
    }
}

impl From<Unreadable> for JobError {
    fn from(Unreadable(why): Unreadable) -> Self {
        Self::Unreadable(why)
    }
}

/// Catches the panics of jobs, with text and place.
pub(super) struct PanicRecorder {
    /// The last panic of the jobs' thread. Every statement under the lock leaves it valid, so a poisoned lock is used on.
    last: Arc<Mutex<Option<Failure>>>,
}

impl PanicRecorder {
    /// Records the panics of this thread instead of printing them, from now on. Those of threads that jobs start go to the
    /// hook that was there before.
    pub(super) fn install() -> Self {
        let last = Arc::new(Mutex::new(None));
        let (record, jobs_thread) = (Arc::clone(&last), thread::current().id());
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == jobs_thread {
                *record.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure_of(info));
            } else {
                before(info);
            }
        }));
        Self { last }
    }

    /// Runs foreign code (`WORK-1`).
    fn attempt<T>(&self, code: impl FnOnce() -> Result<T, Unreadable>) -> Result<T, Failure> {
        match panic::catch_unwind(AssertUnwindSafe(code)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Unreadable(why))) => Err((false, why, String::new())),
            Err(payload) => {
                let recorded = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
                contain(move || drop(payload));
                let unseen = || (true, "a panic that no hook saw".to_owned(), String::new());
                Err(recorded.unwrap_or_else(unseen))
            }
        }
    }
}

/// The text that `panic!` was given, if it was a text, and where.
fn failure_of(info: &PanicHookInfo<'_>) -> Failure {
    let text = info.payload_as_str().unwrap_or("a payload without text").to_owned();
    (true, text, info.location().map_or_else(String::new, ToString::to_string))
}
