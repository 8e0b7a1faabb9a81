//! The life of a worker process: take a job, run it, write its answer, until the pool closes.
//!
//! Problem: a child of fork has all that its parent had: descriptors that keep other streams open, signal handlers,
//! and a stack that leads back into the parent's `main`. A worker gives up all of that first.
//!
//! **Invariants**
//! - `PWORKER-1`: a worker has the standard descriptors and those that the pool was told to keep, no others. Its channel is
//!   memory, so there is nothing that a job could close.
//! - `PWORKER-2`: it is killed when the fork server ends. It asks the kernel for that again before it sleeps, except
//!   in a burst of jobs: a job may have changed the user, which clears the request (prctl(2)).
//! - `PWORKER-3`: signals have their default meaning, except SIGINT: ctrl-c reaches the whole group, and the parent decides
//!   what to do about it.
//! - `PWORKER-4`: a child that a job forks has no channel. If it returns into this file, SIGSEGV kills it.
//! - `PWORKER-5`: an answer is published before the next job begins. The bell rings for each answer; or before each sleep,
//!   while the parent asks for batches.
//!
//! **Source**: fork(2), daemon(7); `concurrent.futures.process._process_worker`.

use std::io::{self, Write};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::ring::{self, BATCHES, Bell, CLOSING, Direction, Side};
use super::work::{AnswerKind, JobKind, PanicRecorder, Work};
use crate::os::SharedMemory;
use crate::os::process::{self, Pid};
use crate::os::signal::{self, Signal};

/// What a worker has of its own.
struct Worker<'a> {
    /// What it shares with the parent.
    channel: Arc<SharedMemory>,
    /// Jobs come in here.
    jobs: Side,
    /// Answers go out here.
    answers: Side,
    /// The bell of the pool's thread.
    bell: &'a Bell,
    /// The process that has forked this one.
    server: Pid,
    /// Set while the parent was not rung for: an answer is there, or room for the rest of an argument.
    must_ring: bool,
}

/// Lives as a worker until the pool closes.
///
/// # Errors
/// The parent is gone; or a job has damaged the channel.
pub(super) fn live(
    server: Pid,
    channel: SharedMemory,
    bell: &Bell,
    work: &Work,
    keep: &[RawFd],
) -> io::Result<()> {
    process::die_with_parent(server)?;
    process::close_all_but(keep)?;
    channel.keep_from_children()?;
    bell.keep_from_children()?;
    signal::reset_all()?;
    signal::ignore(Signal::Interrupt)?;
    let channel = Arc::new(channel);
    let mut worker = Worker {
        jobs: Side::consumer(&channel, Direction::Jobs),
        answers: Side::producer(&channel, Direction::Answers),
        channel,
        bell,
        server,
        must_ring: false,
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
        while self.wait_for_job()? {
            let position = self.jobs.position;
            let is_begun = self.jobs.begin()?;
            let [_, length, kind] = self.jobs.read_header()?;
            let body = self.read_body(usize::try_from(length).map_err(io::Error::other)?)?;
            if is_begun {
                let kind = if kind == 0 { JobKind::One } else { JobKind::Chunk };
                let mut sent = Ok(());
                work(&recorder, kind, body, &mut |kind, bytes| {
                    sent = self.answer(position, kind, bytes);
                });
                sent?;
            }
        }
        Ok(())
    }

    /// Sleeps until there is something to read; false when the pool closes.
    fn wait_for_job(&mut self) -> io::Result<bool> {
        while self.jobs.available()? == 0 {
            let is_closing =
                |channel: &SharedMemory| channel.word(CLOSING).load(Ordering::SeqCst) != 0;
            if is_closing(&self.channel) {
                return Ok(false);
            }
            self.prepare_sleep()?;
            let (channel, jobs) = (&self.channel, &mut self.jobs);
            ring::sleep(channel, || Ok(is_closing(channel) || jobs.available()? > 0))?;
        }
        Ok(true)
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
            self.must_ring = true;
            if !self.wait_for_job()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Writes the answer to the job at a position, as the parent makes room.
    fn answer(&mut self, position: usize, kind: AnswerKind, mut bytes: &[u8]) -> io::Result<()> {
        self.wait_for_room(2)?;
        let length_and_kind = (bytes.len() as u64) << 2 | kind as u64;
        self.answers.write_header(&[position as u64, length_and_kind]);
        loop {
            let written = self.answers.write_some(bytes)?;
            bytes = &bytes[written..];
            self.must_ring = true;
            if !self.batches() {
                self.ring();
            }
            if bytes.is_empty() {
                return Ok(());
            }
            self.wait_for_room(1)?;
        }
    }

    /// Sleeps until there is room for so many words.
    fn wait_for_room(&mut self, words: usize) -> io::Result<()> {
        while self.answers.room()? < words {
            self.prepare_sleep()?;
            ring::sleep(&self.channel, || Ok(self.answers.room()? >= words))?;
        }
        Ok(())
    }

    /// Tells the parent what it does not know yet, and checks that it is there (`PWORKER-2`).
    fn prepare_sleep(&mut self) -> io::Result<()> {
        self.ring();
        if self.batches() { Ok(()) } else { process::die_with_parent(self.server) }
    }

    /// Tells whether jobs come in bursts, so that the parent needs no ring for each answer.
    fn batches(&self) -> bool {
        self.channel.word(BATCHES).load(Ordering::SeqCst) != 0
    }

    /// Has the parent look at the channel.
    fn ring(&mut self) {
        if std::mem::take(&mut self.must_ring) {
            self.bell.ring();
        }
    }
}
