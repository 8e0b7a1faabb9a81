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

use super::ring::{ANSWERS, CLOSING, Corrupt, EventCount, HEADER_WORDS, JOBS, Side, WORKER_EVENTS};
use super::work::{PanicRecorder, Work};
use crate::os::process::{self, Pid};
use crate::os::signal::{self, Signal};
use crate::os::{SharedMemory, reserve};

/// How often the pool's thread is woken while there are more jobs. Without this rule a burst of short jobs costs a wake-up
/// each: about 3 µs.
const WAKE_INTERVAL: Duration = Duration::from_micros(50);

/// What a worker has of its own.
struct Worker<'a> {
    /// What it shares with the parent.
    channel: &'a SharedMemory,
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

/// Lives as a worker.
///
/// # Errors
/// Always: the pool closes; the parent is gone; or a job has damaged the channel.
pub(super) fn live(
    server: Pid,
    channel: &Arc<SharedMemory>,
    results: &EventCount,
    work: &Work,
) -> io::Result<()> {
    process::die_with_parent(server)?;
    process::close_all_but(None)?;
    channel.share_with_children(false)?;
    results.memory.share_with_children(false)?;
    signal::reset_all();
    signal::ignore(Signal::Interrupt)?;
    let mut worker = Worker {
        channel,
        jobs: Side::consumer(channel, JOBS),
        answers: Side::producer(channel, ANSWERS),
        events: EventCount::at(channel, WORKER_EVENTS),
        results,
        woke: Instant::now(),
        server,
    };
    let recorder = PanicRecorder::install();
    loop {
        if let Err(end) = worker.run_job(work, &recorder) {
            // What a job has printed without a newline. The parent's own text was flushed before the fork.
            drop(io::stdout().flush());
            return Err(end);
        }
    }
}

impl Worker<'_> {
    /// Waits for a job, runs it, and writes its answer.
    fn run_job(&mut self, work: &Work, recorder: &PanicRecorder) -> io::Result<()> {
        self.wait_until(|worker| Ok(worker.jobs.available(1)? > 0))?;
        let position = self.jobs.position;
        let is_begun = self.jobs.begin()?;
        let (_, length, is_chunk) = self.jobs.read_header()?;
        let body = self.read_body(length)?;
        if !is_begun {
            return Ok(());
        }
        let (is_value, bytes) = work(recorder, is_chunk, body);
        self.answer(position, is_value, &bytes)
    }

    /// Sleeps until it is ready. The end of the pool is an error then.
    fn wait_until(
        &mut self,
        is_ready: impl Fn(&mut Self) -> Result<bool, Corrupt>,
    ) -> io::Result<()> {
        loop {
            let seen = self.events.count();
            if is_ready(self)? {
                return Ok(());
            }
            if self.channel.word(CLOSING).load(Ordering::SeqCst) != 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // PWORKER-2.
            process::die_with_parent(self.server)?;
            self.events.wait(seen, Duration::MAX);
        }
    }

    /// Reads a job's bytes, as they come.
    fn read_body(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut body = reserve(length).map_err(io::Error::other)?;
        loop {
            self.jobs.read_some(length - body.len(), &mut body)?;
            if body.len() == length {
                return Ok(body);
            }
            // The parent writes on when it hears that there is room.
            self.results.advance();
            self.wait_until(|worker| Ok(worker.jobs.available(1)? > 0))?;
        }
    }

    /// Writes the answer to the job at a position, as the parent makes room.
    fn answer(&mut self, position: usize, is_value: bool, mut bytes: &[u8]) -> io::Result<()> {
        self.wait_until(|worker| Ok(worker.answers.room(HEADER_WORDS)? >= HEADER_WORDS))?;
        self.answers.write_header(position as u64, bytes.len(), is_value)?;
        loop {
            let written = self.answers.write_some(bytes)?;
            bytes = &bytes[written..];
            if bytes.is_empty() {
                break;
            }
            self.results.advance();
            self.wait_until(|worker| Ok(worker.answers.room(1)? > 0))?;
        }
        // PWORKER-5.
        if self.jobs.available(1)? == 0 || self.woke.elapsed() > WAKE_INTERVAL {
            self.results.advance();
            self.woke = Instant::now();
        }
        Ok(())
    }
}
