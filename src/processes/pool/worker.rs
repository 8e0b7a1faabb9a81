//! A worker process: it takes a job, runs the pool's function, and writes the answer, until it is killed.
//!
//! Problem: a child of fork has all that its parent had: descriptors that keep other streams open, signal handlers, and a
//! stack that leads back into the parent's `main`. A worker gives these up first, and keeps the pool's function.
//!
//! **Invariants**
//! - `PWORKER-1`: a worker has the standard descriptors and no others: what the function has captured is closed.
//! - `PWORKER-2`: it is killed when the fork server ends. It asks again before each sleep, as setuid clears that (prctl(2)).
//! - `PWORKER-3`: signals have their default meaning, except SIGINT: ctrl-c reaches the group, and the parent handles it.
//! - `PWORKER-4`: a child that a job forks has no channel. If it returns into this file, SIGSEGV kills it.
//! - `PWORKER-5`: an answer is published before the next job begins, and after what the job has printed. The pool's thread is
//!   told before the worker sleeps. While answers are urgent it is told at once, with more jobs at most every `TELL_INTERVAL`.
//! - `PWORKER-6`: after so many jobs a worker leaves with code 0. Those that it has not begun go to another worker.
//! - `WORK-1`: foreign code (the function, a codec, a destructor) runs under `catch_unwind`. Its panic fails the job.
//!
//! **Source**: fork(2), daemon(7); `concurrent.futures.process._process_worker`; `std::panic::set_hook`.

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{mem, thread};

use super::ring::{Endpoint, EventCount, YIELDS};
use crate::jobs::{JobError, Panic};
use crate::os::SharedMemory;
use crate::os::process::{self, Pid};
use crate::os::signal::{self, Signal};
use crate::processes::message::Message;

/// How often, while answers are urgent, a worker with more jobs tells the pool's thread (bench `process_pool`).
const TELL_INTERVAL: Duration = Duration::from_micros(50);

/// Why there is no value, as it is sent: the text, and the place if it was a panic.
type Failure = (String, Option<String>);

/// A pool's function without its types: from bytes to bytes. The flag tells whether they are a value or a [`Failure`].
pub(super) type Work = dyn Fn(&LastPlace, Vec<u8>) -> (bool, Vec<u8>);

/// What a worker has.
struct Worker {
    /// Jobs come in here, answers go out.
    end: Endpoint,
    /// It sleeps here.
    events: EventCount,
    /// The process that has forked this one.
    server: Pid,
    /// When it has last told the pool's thread of answers; at first, when it began.
    told: Instant,
    /// Whether there are answers that it has not told of.
    is_untold: bool,
}

/// Lives as a worker, for at most so many jobs. Fails if the parent is gone, or a job has damaged the channel.
pub(super) fn live(
    server: Pid,
    channel: &Arc<SharedMemory>,
    results: &EventCount,
    (work, most_jobs): (&Work, u64),
) -> io::Result<()> {
    process::die_with_parent(server)?;
    process::close_all_but(None)?;
    process::keep_freed_memory();
    channel.share_with_children(false)?;
    results.memory.share_with_children(false)?;
    signal::reset_all();
    signal::ignore(Signal::Interrupt)?;
    let end = Endpoint::new(channel, false, results.clone());
    let events = EventCount { memory: Arc::clone(channel) };
    let mut worker = Worker { end, events, server, told: Instant::now(), is_untold: false };
    let last_place = record_panics();
    let mut done = 0;
    while done < most_jobs {
        done += u64::from(worker.run_job(work, &last_place)?);
    }
    Ok(())
}

impl Worker {
    /// Waits for a job, runs it, and writes its answer as the parent makes room. False if the job was taken back.
    fn run_job(&mut self, work: &Work, last_place: &LastPlace) -> io::Result<bool> {
        self.wait_until(Endpoint::has_input)?;
        let begun = self.end.begin()?;
        let job = loop {
            match self.end.receive()? {
                Some(job) => break job,
                None => self.wait_until(Endpoint::has_input)?,
            }
        };
        let Some(position) = begun else { return Ok(false) };
        let (is_value, bytes) = work(last_place, job.bytes);
        // What the job has printed without a newline. A closed standard output is no error of the job.
        drop(io::stdout().flush());
        self.wait_until(|end| end.has_room(0))?;
        self.end.send((position as u64) << 1 | u64::from(is_value), &bytes)?;
        while self.end.unsent > 0 {
            self.end.peer.advance();
            self.wait_until(|end| end.has_room(0))?;
            self.end.send_rest(&bytes)?;
        }
        self.is_untold = true;
        if self.end.peer.is_urgent() && self.told.elapsed() > TELL_INTERVAL {
            self.tell();
        }
        Ok(true)
    }

    /// Tells the pool's thread that there are answers.
    fn tell(&mut self) {
        self.end.peer.advance();
        (self.told, self.is_untold) = (Instant::now(), false);
    }

    /// Sleeps until it is ready.
    fn wait_until(
        &mut self,
        is_ready: impl Fn(&mut Endpoint) -> io::Result<bool>,
    ) -> io::Result<()> {
        let mut yields = 0;
        while !is_ready(&mut self.end)? {
            if self.is_untold && (yields == YIELDS || self.end.peer.is_urgent()) {
                self.tell();
            }
            if yields < YIELDS {
                yields += 1;
                thread::yield_now();
                continue;
            }
            // Only now: the parent writes the count with each job, and a load takes the cache line from it.
            let seen = self.events.count();
            if !is_ready(&mut self.end)? {
                process::die_with_parent(self.server)?;
                self.events.wait(seen, Duration::MAX);
            }
        }
        Ok(())
    }
}

/// Takes the types off a pool's function (`WORK-1`).
pub(super) fn work<A: Message, R: Message>(function: impl Fn(A) -> R + 'static) -> Box<Work> {
    Box::new(move |last_place, argument| {
        let code = || function(A::from_bytes(argument)?).into_bytes();
        let failure = match panic::catch_unwind(AssertUnwindSafe(code)) {
            Ok(Ok(value)) => return (true, value),
            Ok(Err(why)) => (why, None),
            Err(payload) => {
                let place =
                    mem::take(&mut *last_place.lock().unwrap_or_else(PoisonError::into_inner));
                (Panic::new("the job", payload).message().to_owned(), Some(place))
            }
        };
        // Text always has a form in bytes.
        (false, failure.into_bytes().unwrap_or_default())
    })
}

/// The error of a job that failed in a worker.
pub(super) fn failed(bytes: Vec<u8>) -> JobError {
    match Failure::from_bytes(bytes) {
        Ok((text, Some(place))) => JobError::Panicked(Box::new(Panic::remote(text, place))),
        Ok((text, None)) | Err(text) => JobError::Unreadable(text),
    }
}

/// Where the jobs' thread has panicked last. A poisoned lock is used on.
pub(super) type LastPlace = Mutex<String>;

/// Records where this thread panics, instead of printing it. Other threads' panics go to the previous hook.
fn record_panics() -> Arc<LastPlace> {
    let last = Arc::<LastPlace>::default();
    let (record, jobs_thread) = (Arc::clone(&last), thread::current().id());
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() != jobs_thread {
            return before(info);
        }
        let place = info.location().map_or_else(String::new, ToString::to_string);
        *record.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }));
    last
}
