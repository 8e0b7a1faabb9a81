//! The life of a worker process: take a job, run it, write its answer, until the pool closes.
//!
//! Problem: a child of fork has all that its parent had: descriptors that keep other streams open, signal handlers,
//! locks, and a stack that leads back into the parent's `main`. A worker gives up all of that first.
//!
//! **Invariants**
//! - `WORKER-1`: a worker has the standard descriptors and those that the pool was told to keep, no others. The channel
//!   is memory only, so there is nothing that a job could close.
//! - `WORKER-2`: it is killed when the fork server ends. It asks the kernel for that again each time before it sleeps: a
//!   job may have changed the user, which clears the request (prctl(2)).
//! - `WORKER-3`: signals have their default meaning, except SIGINT, which ctrl-c sends to the whole group: the parent
//!   decides what to do about it.
//! - `WORKER-4`: a child that a job forks has no channel. If it returns into this file, it is killed by SIGSEGV.
//! - `WORKER-5`: an answer is published before the next job begins. The worker rings the bell for each answer, or while
//!   the parent asks for batches, before it sleeps.
//!
//! **Source**: fork(2), daemon(7); `concurrent.futures.process._process_worker`.

use std::io::{self, Write};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::ring::{self, BATCHES, Bell, CLOSING, Consumer, Direction, Producer};
use super::work::{AnswerKind, JobKind, PanicRecorder, Work, WorkerAnswer};
use crate::os::SharedMemory;
use crate::os::process::{self, Pid};
use crate::os::signal::{self, Signal};

/// What a worker has of its own.
struct Worker<'a> {
    /// The channel to the parent.
    channel: Arc<SharedMemory>,
    /// Jobs come in here.
    jobs: Consumer,
    /// Answers go out here.
    answers: Producer,
    /// The bell of the pool's thread.
    bell: &'a Bell,
    /// The process that has forked this one.
    server: Pid,
    /// Set while the parent does not know of an answer that was published, or of room that it waits for.
    is_unannounced: bool,
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
        jobs: Consumer::new(&channel, Direction::Jobs),
        answers: Producer::new(&channel, Direction::Answers),
        channel,
        bell,
        server,
        is_unannounced: false,
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
        loop {
            if self.jobs.available()? == 0 {
                if self.is_closing() {
                    return Ok(());
                }
                self.wait_for_job()?;
                continue;
            }
            let position = self.jobs.position();
            let is_begun = self.jobs.begin()?;
            let [_, length, kind] = self.jobs.read_header()?;
            let body = self.read_body(usize::try_from(length).map_err(io::Error::other)?)?;
            if is_begun {
                let kind = if kind == 0 { JobKind::One } else { JobKind::Chunk };
                let answer = work(&recorder, kind, body);
                match &answer {
                    WorkerAnswer::Encoded(encoded) => {
                        self.answer(position, encoded.kind, &encoded.bytes)?;
                    }
                    WorkerAnswer::InMemory(value) => {
                        self.answer(position, AnswerKind::Value, value.bytes())?;
                    }
                }
                // WORK-1: the answer is out, so a panic in the value's destructor changes nothing.
                drop(recorder.catch(|| drop(answer)));
            }
        }
    }

    /// Reads a job's bytes, as they come.
    fn read_body(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::with_capacity(length);
        loop {
            // The parent goes on writing when it hears that there is room.
            self.is_unannounced |= self.jobs.read_some(length - body.len(), &mut body)? > 0;
            if body.len() == length {
                return Ok(body);
            }
            if self.is_closing() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.wait_for_job()?;
        }
    }

    /// Writes the answer to the job at a position, as the parent makes room.
    fn answer(&mut self, position: usize, kind: AnswerKind, mut bytes: &[u8]) -> io::Result<()> {
        while self.answers.room()? < 2 {
            self.wait_for_room()?;
        }
        let length_and_kind = (bytes.len() as u64) << 2 | kind as u64;
        self.answers.write_words(&[position as u64, length_and_kind]);
        loop {
            let written = self.answers.write_some(bytes)?;
            bytes = &bytes[written..];
            self.is_unannounced = true;
            if self.channel.word(BATCHES).load(Ordering::SeqCst) == 0 {
                self.announce();
            }
            if bytes.is_empty() {
                return Ok(());
            }
            if self.answers.room()? == 0 {
                self.wait_for_room()?;
            }
        }
    }

    /// Has the parent look for answers.
    fn announce(&mut self) {
        if self.is_unannounced {
            self.is_unannounced = false;
            self.bell.ring();
        }
    }

    /// Tells whether this worker shall leave.
    fn is_closing(&self) -> bool {
        self.channel.word(CLOSING).load(Ordering::SeqCst) != 0
    }

    /// Sleeps until there is something to read, or the pool closes.
    fn wait_for_job(&mut self) -> io::Result<()> {
        self.announce();
        process::die_with_parent(self.server)?;
        let is_closing = self.is_closing();
        Ok(ring::sleep(&self.channel, || Ok(is_closing || self.jobs.available()? > 0))?)
    }

    /// Sleeps until there is room for the rest of an answer.
    fn wait_for_room(&mut self) -> io::Result<()> {
        self.announce();
        process::die_with_parent(self.server)?;
        Ok(ring::sleep(&self.channel, || Ok(self.answers.room()? > 1))?)
    }
}
