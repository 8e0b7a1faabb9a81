//! The work: what a worker does with a job's bytes, and what the parent makes of the answer's.
//!
//! Problem: a closure cannot be sent to another process. It can only be there already, from before the fork. So a pool
//! has one function, given to it before there were workers, and a job is an argument.
//!
//! **Invariants**
//! - `WORK-1`: foreign code (the function, a codec, a destructor of either's values) runs under `catch_unwind`. Its panic
//!   fails the job, or of a chunk the one item.
//! - The panic hook records panics of the thread that runs the jobs. That of another thread, which a job has started,
//!   goes to the hook that was there before.
//!
//! | what panics | the job's result |
//! | --- | --- |
//! | the argument's decoding, the function, the value's encoding | `Panicked`, with text and place |
//! | one item's function in a chunk | the same, for this item |
//! | the value's decoding, which the owner's thread does | `Panicked`, with the payload |
//!
//! **Left out**: the backtrace. To resolve it takes megabytes in each worker.
//!
//! **Source**: `std::panic::set_hook`; `concurrent.futures.process._process_worker`.

use std::mem::ManuallyDrop;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::message::{Message, Unreadable};
use crate::jobs::{JobError, Panic};

/// A panic on its way to the parent: its text and its place.
type PanicText = (String, String);

/// What an item of a chunk, as the answer to one, has become: its value, or why it has none.
const ITEM_VALUE: u8 = 0;
/// See [`ITEM_VALUE`].
const ITEM_PANICKED: u8 = 1;
/// See [`ITEM_VALUE`].
const ITEM_UNREADABLE: u8 = 2;

/// What a job's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobKind {
    /// One argument.
    One,
    /// A vector of arguments.
    Chunk,
}

/// What the bytes of an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerKind {
    /// The job's value.
    Value,
    /// The text and place of its panic.
    Panicked,
    /// The text that tells why its argument or value could not be converted.
    Unreadable,
}

/// The answer to a job, as it crosses to the parent.
#[derive(Debug)]
pub(super) struct Answer {
    /// What the bytes are.
    pub(super) kind: AnswerKind,
    /// The bytes.
    pub(super) bytes: Vec<u8>,
}

/// The answer to a job in its worker.
pub(super) enum WorkerAnswer {
    /// Encoded.
    Encoded(Answer),
    /// A value whose bytes lie in memory; they are sent from there.
    InMemory(Box<dyn InMemory>),
}

/// A value whose bytes lie in memory.
pub(super) trait InMemory {
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

/// A value that was asked whether its bytes lie in memory.
struct Value<R>(R);

impl<R: Message> InMemory for Value<R> {
    fn bytes(&self) -> &[u8] {
        self.0.as_bytes().unwrap_or_default()
    }
}

/// A pool's function without its types.
pub(super) type Work = dyn Fn(&PanicRecorder, JobKind, Vec<u8>) -> WorkerAnswer;

/// Takes the types off a pool's function.
pub(super) fn work<A: Message, R: Message + 'static>(
    function: impl Fn(A) -> R + 'static,
) -> Box<Work> {
    Box::new(move |recorder, kind, body| {
        let caught = recorder.catch(|| match kind {
            JobKind::Chunk => run_chunk(recorder, &function, &body).map(value_in),
            JobKind::One => run_one(&function, body),
        });
        let (kind, bytes) = match caught {
            Ok(Ok(answer)) => return answer,
            Ok(Err(Unreadable(why))) => (AnswerKind::Unreadable, why.into_bytes()),
            Err(panic) => (AnswerKind::Panicked, panic.into_bytes().unwrap_or_default()),
        };
        WorkerAnswer::Encoded(Answer { kind, bytes })
    })
}

/// The answer of a job that has a value.
fn value_in(bytes: Vec<u8>) -> WorkerAnswer {
    WorkerAnswer::Encoded(Answer { kind: AnswerKind::Value, bytes })
}

/// Runs the function on one argument.
fn run_one<A: Message, R: Message + 'static>(
    function: &impl Fn(A) -> R,
    body: Vec<u8>,
) -> Result<WorkerAnswer, Unreadable> {
    let value = function(A::from_bytes(body)?);
    if value.as_bytes().is_some() {
        return Ok(WorkerAnswer::InMemory(Box::new(Value(value))));
    }
    value.into_bytes().map(value_in)
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
        let caught = recorder.catch(|| {
            out.push(ITEM_VALUE);
            function(argument).encode(&mut out)
        });
        if let Ok(Ok(())) = caught {
            continue;
        }
        // Nothing may be left of a value that was encoded in part.
        out.truncate(start);
        match caught {
            Ok(Ok(())) => {}
            Ok(Err(Unreadable(why))) => (ITEM_UNREADABLE, why).encode(&mut out)?,
            Err((text, place)) => (ITEM_PANICKED, text, place).encode(&mut out)?,
        }
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
    if answer.kind != AnswerKind::Value {
        return read_one::<()>(answer).map(|()| Vec::new());
    }
    let mut input = &answer.bytes[..];
    let count = usize::decode(&mut input)?;
    let mut items = Vec::with_capacity(count.min(input.len()));
    for _ in 0..count {
        items.push(match u8::decode(&mut input)? {
            ITEM_VALUE => Ok(R::decode(&mut input)?),
            ITEM_PANICKED => Err(panicked(PanicText::decode(&mut input)?)),
            _ => Err(JobError::Unreadable(String::decode(&mut input)?)),
        });
    }
    Ok(items)
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
    /// Has the panics of this thread recorded instead of printed, from now on.
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
    pub(super) fn catch<T>(&self, code: impl FnOnce() -> T) -> Result<T, PanicText> {
        panic::catch_unwind(AssertUnwindSafe(code)).map_err(|payload| {
            let recorded = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
            // The payload's drop is foreign code too, and may panic with another payload, which is leaked.
            let dropped = panic::catch_unwind(AssertUnwindSafe(|| drop(payload)));
            let _never_dropped = ManuallyDrop::new(dropped);
            recorded.unwrap_or_else(|| ("a panic that no hook saw".to_owned(), String::new()))
        })
    }
}

/// The text that `panic!` was given, if it was a text, and where.
fn text_of(info: &PanicHookInfo<'_>) -> PanicText {
    let text = info.payload_as_str().unwrap_or("a payload without text").to_owned();
    (text, info.location().map_or_else(String::new, ToString::to_string))
}
