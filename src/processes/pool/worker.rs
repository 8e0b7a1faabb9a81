//! The life of a worker process: take a job, run it, write its answer, until the pool closes.
//!
//! Problem: a child of fork has all that its parent had: descriptors that keep other streams open, signal handlers,
//! and a stack that leads back into the parent's `main`. A worker gives up all of that first.
//!
//! **Invariants**
//! - `PWORKER-1`: a worker has the standard descriptors and no others; those that the function has captured are closed. Its
//!   channel is memory, so there is nothing that a job could close.
//! - `PWORKER-2`: it is killed when the fork server ends. It asks the kernel for that again before each sleep, because a job
//!   may have changed the user, which clears the request (prctl(2)).
//! - `PWORKER-3`: signals have their default meaning, except SIGINT: ctrl-c reaches the whole group, and the parent decides
//!   what to do about it.
//! - `PWORKER-4`: a child that a job forks has no channel. If it returns into this file, SIGSEGV kills it.
//! - `PWORKER-5`: an answer is published before the next job begins. The pool's thread is woken for it, unless another job is
//!   there and the thread was woken in the last [`WAKE_INTERVAL`]: then it looks by itself within a millisecond.
//!
//! **Source**: fork(2), daemon(7); `concurrent.futures.process._process_worker`.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::ring::{ANSWERS, CLOSING, EventCount, HEADER_WORDS, JOBS, Side, WORKER_EVENTS};
use super::work::{PanicRecorder, Work};
use crate::os::SharedMemory;
use crate::os::process::{self, Pid};
use crate::os::signal::{self, Signal};

/// How often the pool's thread is woken while there are more jobs. Without this rule a burst of short jobs costs a wake-up
/// each: about 3 µs.
const WAKE_INTERVAL: Duration = Duration::from_micros(50);

/// What a worker has of its own.
struct Worker<'a> {
    /// What it shares with the parent.
    channel: Arc<SharedMemory>,
    /// Jobs come in here.
    jobs: Side,
    /// Answers go out here.
    answers: Side,
    /// It sleeps here.
    events: EventCount,
    /// The pool's thread sleeps here.
    results: &'a EventCount,
    /// When it last woke the pool's thread.
    woke: Instant,
    /// The process that has forked this one.
    server: Pid,
}

/// Lives as a worker until the pool closes.
///
/// # Errors
/// The parent is gone; or a job has damaged the channel.
pub(super) fn live(
    server: Pid,
    channel: &Arc<SharedMemory>,
    results: &EventCount,
    work: &Work,
) -> io::Result<()> {
    process::die_with_parent(server)?;
    process::close_all_but(&[])?;
    channel.share_with_children(false)?;
    results.keep_from_children()?;
    signal::reset_all()?;
    signal::ignore(Signal::Interrupt)?;
    let mut worker = Worker {
        jobs: Side::consumer(channel, JOBS),
        answers: Side::producer(channel, ANSWERS),
        events: EventCount::at(channel, WORKER_EVENTS),
        channel: Arc::clone(channel),
        results,
        woke: Instant::now(),
        server,
    };
    let outcome = worker.run_jobs(work);
    // What a job has printed without a newline. The parent's own text was flushed before the fork.
    drop(io::stdout().flush());
    outcome
}

impl Worker<'_> {
    /// Runs jobs until the pool closes.
    fn run_jobs(&mut self, work: &Work) -> io::Result<()> {
        let recorder = PanicRecorder::install();
        while self.wait_for_jobs()? {
            let position = self.jobs.position;
            let is_begun = self.jobs.begin()?;
            let (_, length, is_chunk) = self.jobs.read_header()?;
            let body = self.read_body(length)?;
            if is_begun {
                let mut sent = Ok(());
                work(&recorder, is_chunk, body, &mut |is_value, bytes| {
                    sent = self.answer(position, is_value, bytes);
                });
                sent?;
            }
        }
        Ok(())
    }

    /// Sleeps until there is something to read; false when the pool closes.
    fn wait_for_jobs(&mut self) -> io::Result<bool> {
        loop {
            let seen = self.events.count();
            if self.jobs.available()? > 0 {
                return Ok(true);
            }
            if self.channel.word(CLOSING).load(Ordering::SeqCst) != 0 {
                return Ok(false);
            }
            self.sleep(seen)?;
        }
    }

    /// Sleeps until there is room for so many words.
    fn wait_for_room(&mut self, words: usize) -> io::Result<()> {
        loop {
            let seen = self.events.count();
            if self.answers.room()? >= words {
                return Ok(());
            }
            self.sleep(seen)?;
        }
    }

    /// Sleeps until the parent advances the event count.
    fn sleep(&self, seen: u64) -> io::Result<()> {
        process::die_with_parent(self.server)?;
        self.events.wait(seen, Duration::MAX);
        Ok(())
    }

    /// Reads a job's bytes, as they come.
    fn read_body(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::with_capacity(length);
        loop {
            self.jobs.read_some(length - body.len(), &mut body)?;
            if body.len() == length {
                return Ok(body);
            }
            // The parent writes on when it hears that there is room.
            self.results.advance();
            if !self.wait_for_jobs()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Writes the answer to the job at a position, as the parent makes room.
    fn answer(&mut self, position: usize, is_value: bool, mut bytes: &[u8]) -> io::Result<()> {
        self.wait_for_room(HEADER_WORDS)?;
        self.answers.write_header(position as u64, bytes.len(), is_value);
        loop {
            let written = self.answers.write_some(bytes)?;
            bytes = &bytes[written..];
            if bytes.is_empty() {
                break;
            }
            self.results.advance();
            self.wait_for_room(1)?;
        }
        // PWORKER-5.
        if self.jobs.available()? == 0 || self.woke.elapsed() > WAKE_INTERVAL {
            self.results.advance();
            self.woke = Instant::now();
        }
        Ok(())
    }
}
