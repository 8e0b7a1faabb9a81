//! The work: what a worker does with a job's bytes, and what the owner makes of the answer's.
//!
//! Problem: a closure cannot be sent to another process. It can only be there already, from before the fork. So a pool
//! has one function, given to it before there were workers, and a job is an argument.
//!
//! | what panics | the job's result |
//! | --- | --- |
//! | the argument's decoding, the function, the value's encoding | `Panicked`, with text and place |
//! | one item's function in a chunk | the same, for this item |
//! | the value's decoding, which the owner's thread does | `Panicked`, with the payload |
//!
//! **Invariants**
//! - `WORK-1`: foreign code (the function, a codec, a destructor of either's values) runs under `catch_unwind`. Its panic
//!   fails the job, or of a chunk the one item.
//!
//! **Source**: `std::panic::set_hook`; `concurrent.futures.process._process_worker`.

use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::message::{Message, Unreadable};
use crate::jobs::{JobError, Panic, contain};

/// The text and the place of a panic.
type PanicText = (String, String);
/// An item of a chunk's answer: its value, the text of its panic, or why it could not be converted.
type Item<R> = Result<R, Result<PanicText, String>>;

/// What a job's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobKind {
    /// One argument.
    One,
    /// A vector of arguments.
    Chunk,
}

/// What an answer's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerKind {
    /// The job's value.
    Value,
    /// The text and place of its panic.
    Panicked,
    /// Why its argument or value could not be converted.
    Unreadable,
}

/// The answer to a job.
#[derive(Debug)]
pub(super) struct Answer {
    /// What the bytes are.
    pub(super) kind: AnswerKind,
    /// The bytes.
    pub(super) bytes: Vec<u8>,
}

/// A pool's function without its types. It sends the answer, once.
pub(super) type Work = dyn Fn(&PanicRecorder, JobKind, Vec<u8>, &mut dyn FnMut(AnswerKind, &[u8]));

/// Takes the types off a pool's function.
pub(super) fn work<A: Message, R: Message>(function: impl Fn(A) -> R + 'static) -> Box<Work> {
    Box::new(move |recorder, kind, body, send| {
        let mut is_sent = false;
        let mut send_once = |kind, bytes: &[u8]| {
            // A destructor may panic after the value was sent.
            if !std::mem::replace(&mut is_sent, true) {
                send(kind, bytes);
            }
        };
        let caught = recorder.catch(|| {
            if kind == JobKind::Chunk {
                send_once(AnswerKind::Value, &run_chunk(recorder, &function, &body)?);
                return Ok(());
            }
            let value = function(A::from_bytes(body)?);
            match value.as_bytes() {
                Some(bytes) => send_once(AnswerKind::Value, bytes),
                None => send_once(AnswerKind::Value, &value.into_bytes()?),
            }
            Ok(())
        });
        match caught {
            Ok(Ok(())) => {}
            Ok(Err(Unreadable(why))) => send_once(AnswerKind::Unreadable, why.as_bytes()),
            Err(panic) => {
                send_once(AnswerKind::Panicked, &panic.into_bytes().unwrap_or_default());
            }
        }
    })
}

/// Runs the function on each argument of a chunk.
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
        let caught = recorder.catch(|| Item::Ok(function(argument)).encode(&mut out));
        let error = match caught {
            Ok(Ok(())) => continue,
            Ok(Err(Unreadable(why))) => Err(why),
            Err(panic) => Ok(panic),
        };
        // Nothing may be left of a value that was encoded in part.
        out.truncate(start);
        Item::<()>::Err(error).encode(&mut out)?;
    }
    Ok(out)
}

/// Makes a job's result of its answer.
pub(super) fn read_one<R: Message>(Answer { kind, bytes }: Answer) -> Result<R, JobError> {
    match kind {
        AnswerKind::Value => Ok(R::from_bytes(bytes)?),
        AnswerKind::Panicked => Err(panicked(PanicText::from_bytes(bytes)?)),
        AnswerKind::Unreadable => {
            Err(JobError::Unreadable(String::from_utf8_lossy(&bytes).into_owned()))
        }
    }
}

/// Makes a chunk's results of its answer.
pub(super) fn read_chunk<R: Message>(answer: Answer) -> Result<Vec<Result<R, JobError>>, JobError> {
    let items = read_one::<Vec<Item<R>>>(answer)?;
    let read =
        |item: Item<R>| item.map_err(|error| error.map_or_else(JobError::Unreadable, panicked));
    Ok(items.into_iter().map(read).collect())
}

/// The error of a job that panicked in a worker.
fn panicked((text, place): PanicText) -> JobError {
    JobError::Panicked(Box::new(Panic::remote(text, place)))
}

impl From<Unreadable> for JobError {
    fn from(Unreadable(why): Unreadable) -> Self {
        Self::Unreadable(why)
    }
}

/// Catches the panics of jobs, with text and place.
pub(super) struct PanicRecorder {
    /// The last panic of the jobs' thread. Every statement under the lock leaves it valid, so a poisoned lock is used on.
    last: Arc<Mutex<Option<PanicText>>>,
}

impl PanicRecorder {
    /// Has the panics of this thread recorded instead of printed, from now on. Those of threads that jobs start go to the
    /// hook that was there before.
    pub(super) fn install() -> Self {
        let last = Arc::new(Mutex::new(None));
        let (record, jobs_thread) = (Arc::clone(&last), thread::current().id());
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == jobs_thread {
                *record.lock().unwrap_or_else(PoisonError::into_inner) = Some(text_of(info));
            } else {
                before(info);
            }
        }));
        Self { last }
    }

    /// Runs foreign code; an error is its panic (`WORK-1`).
    fn catch<T>(&self, code: impl FnOnce() -> T) -> Result<T, PanicText> {
        panic::catch_unwind(AssertUnwindSafe(code)).map_err(|payload| {
            let recorded = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
            contain(move || drop(payload));
            recorded.unwrap_or_else(|| ("a panic that no hook saw".to_owned(), String::new()))
        })
    }
}

/// The text that `panic!` was given, if it was a text, and where.
fn text_of(info: &PanicHookInfo<'_>) -> PanicText {
    let text = info.payload_as_str().unwrap_or("a payload without text").to_owned();
    (text, info.location().map_or_else(String::new, ToString::to_string))
}
