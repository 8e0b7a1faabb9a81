//! The work: what a worker does with a job's bytes, and what the parent makes of the answer's.
//!
//! Problem: a closure cannot be sent to another process; it can only be there already, from before the fork. So a
//! pool has one function, given to it before there were workers, and a job is an argument.
//!
//! **Invariants**
//! - `WORK-1`: foreign code (the function, a codec, a destructor of either's values) runs under one catch, so a
//!   panic fails the job, or of a chunk the one item.
//! - `WORK-2`: what the panic hook notes is the panic of the thread that runs the jobs; that of another thread, which a
//!   job has started, goes to the hook that was there before.
//!
//! | who panics | the job's result |
//! | --- | --- |
//! | the argument's decoding, the function, the value's encoding | `Panicked`, with text and place |
//! | one item's function in a chunk | the same, for this item |
//! | a thread that the job has started | the job's own: `join` tells it |
//! | the value's decoding | happens in the parent: see `CELL-5` |
//!
//! **Left out**: the backtrace, which would have to be resolved here, at the cost of megabytes for each worker.
//!
//! **Source**: `std::panic::set_hook`; `concurrent.futures.process._process_worker`.

use std::mem::ManuallyDrop;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::frame::{Body, Kind};
use super::message::{Message, Unreadable};
use super::payload::{Payload, read_lent};
use crate::jobs::{JobError, Panic};

/// Why an item has no value, on its way to the parent: of the two, the first is its panic and the second its place.
type Told = (String, String);

/// The first byte of an item of a chunk's answer that has a value.
const ITEM_VALUE: u8 = 0;
/// That of one that panicked.
const ITEM_PANICKED: u8 = 1;
/// That of one whose value has no bytes.
const ITEM_UNREADABLE: u8 = 2;

/// What becomes of a job in the worker.
pub(super) enum Answer {
    /// Its value stands in the buffer that was lent for it.
    InBuffer,
    /// Its value, when that is bytes: they are sent from where they lie.
    Held(Box<dyn Held>),
    /// Its argument or value could not be converted.
    Unreadable(Unreadable),
    /// It panicked.
    Panicked(Told),
}

/// A value whose bytes lie in memory.
pub(super) trait Held {
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

/// A value that was asked whether it is bytes.
struct Value<R>(R);

impl<R: Message> Held for Value<R> {
    fn bytes(&self) -> &[u8] {
        self.0.as_bytes().unwrap_or_default()
    }
}

/// A pool's function, without its types: kind and body of a job's frame, and a buffer for the value.
pub(super) type Work = dyn Fn(&Witness, Kind, Body<'_>, &mut Vec<u8>) -> Answer;

/// Takes the types off a pool's function.
pub(super) fn work<A: Message, R: Message + 'static>(
    function: impl Fn(A) -> R + 'static,
) -> Box<Work> {
    Box::new(move |witness, kind, body, out| {
        let caught = witness.watch(|| match kind {
            Kind::Chunk => run_chunk(witness, &function, &body, out).map(|()| None),
            _ => run_one(&function, body, out),
        });
        match caught {
            Ok(Ok(None)) => Answer::InBuffer,
            Ok(Ok(Some(held))) => Answer::Held(held),
            Ok(Err(unreadable)) => Answer::Unreadable(unreadable),
            Err(told) => Answer::Panicked(told),
        }
    })
}

/// Runs the function on one argument.
fn run_one<A: Message, R: Message + 'static>(
    function: &impl Fn(A) -> R,
    body: Body<'_>,
    out: &mut Vec<u8>,
) -> Result<Option<Box<dyn Held>>, Unreadable> {
    let argument = match body {
        Body::Lent(bytes) => read_lent(bytes),
        Body::Own(bytes) => A::from_bytes(bytes),
    }?;
    let value = function(argument);
    if value.as_bytes().is_some() {
        return Ok(Some(Box::new(Value(value))));
    }
    value.encode(out).map(|()| None)
}

/// Runs the function on each argument of a chunk.
fn run_chunk<A: Message, R: Message>(
    witness: &Witness,
    function: &impl Fn(A) -> R,
    body: &Body<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Unreadable> {
    let arguments = Vec::<A>::decode(&mut body.as_slice())?;
    arguments.len().encode(out)?;
    for argument in arguments {
        let start = out.len();
        let caught = witness.watch(|| {
            out.push(ITEM_VALUE);
            function(argument).encode(out)
        });
        // Of a value that stopped half-way nothing may be left.
        if let Ok(Ok(())) = caught {
            continue;
        }
        out.truncate(start);
        match caught {
            Ok(Err(Unreadable(why))) => {
                out.push(ITEM_UNREADABLE);
                why.encode(out)?;
            }
            Err(told) => {
                out.push(ITEM_PANICKED);
                told.encode(out)?;
            }
            Ok(Ok(())) => {}
        }
    }
    Ok(())
}

/// Makes a job's result of the answer's kind and body.
pub(super) fn read_one<R: Message>(kind: Kind, body: Payload) -> Result<R, JobError> {
    match kind {
        Kind::Value => body.read().map_err(JobError::from),
        Kind::Panicked => Err(body.read().map_or_else(JobError::from, panicked)),
        _ => Err(JobError::Unreadable(String::from_utf8_lossy(body.as_slice()).into_owned())),
    }
}

/// Makes a chunk's results of the answer's kind and body.
pub(super) fn read_chunk<R: Message>(
    kind: Kind,
    body: Payload,
) -> Result<Vec<Result<R, JobError>>, JobError> {
    if kind != Kind::Value {
        return read_one::<()>(kind, body).map(|()| Vec::new());
    }
    let mut input = body.as_slice();
    let count = usize::decode(&mut input)?;
    let mut items = Vec::with_capacity(count.min(input.len()));
    for _ in 0..count {
        items.push(match u8::decode(&mut input)? {
            ITEM_VALUE => Ok(R::decode(&mut input)?),
            ITEM_PANICKED => Err(panicked(Told::decode(&mut input)?)),
            _ => Err(JobError::Unreadable(String::decode(&mut input)?)),
        });
    }
    Ok(items)
}

/// The error of a job that panicked in a worker.
fn panicked((text, place): Told) -> JobError {
    JobError::Panicked(Box::new(Panic::remote(text, place)))
}

impl From<Unreadable> for JobError {
    fn from(Unreadable(why): Unreadable) -> Self {
        Self::Unreadable(why)
    }
}

/// Who catches panics, and tells of them.
pub(super) struct Witness {
    /// What the hook has noted of the last panic. Every statement under the lock leaves it valid, so a poisoned lock is
    /// used on.
    noted: Arc<Mutex<Option<Told>>>,
}

impl Witness {
    /// Has the panics of this thread noted instead of printed, from now on (`WORK-2`).
    pub(super) fn install() -> Self {
        let noted = Arc::new(Mutex::new(None));
        let (note, jobs_thread, before) =
            (Arc::clone(&noted), thread::current().id(), panic::take_hook());
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == jobs_thread {
                let told =
                    (text_of(info), info.location().map_or_else(String::new, ToString::to_string));
                *note.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
            } else {
                before(info);
            }
        }));
        Self { noted }
    }

    /// Runs foreign code; an error is its panic (`WORK-1`).
    fn watch<T>(&self, code: impl FnOnce() -> T) -> Result<T, Told> {
        let caught = panic::catch_unwind(AssertUnwindSafe(code));
        caught.map_err(|payload| {
            let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner).take();
            // The payload's drop is foreign code too, and may panic with another.
            let dropped = panic::catch_unwind(AssertUnwindSafe(|| drop(payload)));
            let _never_dropped = ManuallyDrop::new(dropped);
            noted.unwrap_or_else(|| ("a panic that no hook saw".to_owned(), String::new()))
        })
    }
}

/// The text that `panic!` was given, if it was a text.
fn text_of(info: &PanicHookInfo<'_>) -> String {
    info.payload_as_str().unwrap_or("a payload without text").to_owned()
}
