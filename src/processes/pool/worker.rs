//! The life of a worker process: read a job, run it, write its value, until the stream ends.
//!
//! Problem: a child of fork has all that its parent had: descriptors that keep other people's streams open, signal
//! handlers, locks, and a stack that leads back into the parent's `main`. A worker must put all that down first.
//!
//! **Invariants**
//! - `LIFE-1`: it holds its own socket and the standard three, and what the pool was told to keep; so the death of
//!   one worker, or of the parent, is an end of stream for whoever waits for it.
//! - `LIFE-2`: it ends when its stream does, and is killed when the fork server ends (`FORK-SERVER-1`).
//! - `LIFE-3`: signals have their default meaning, save SIGINT, which ctrl-c sends to the whole group and is the
//!   parent's to hear.
//! - `LIFE-4`: it never returns from the fork, and leaves by `_exit`.
//! - `LIFE-5`: an answer is sent, or handed over, before the worker waits for input, and after a job that took longer than
//!   [`HELD_FOR_NANOS`]. So one that is held back was finished at most so long after the last was sent, and the
//!   parent, which looks into the ledger once after that, gets it however long the next job takes.
//!
//! **Left out**: limits of memory and a root directory of its own.
//!
//! **Source**: fork(2), daemon(7); `concurrent.futures.process._process_worker`.

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use super::frame::{Body, FrameReader, HEADER_BYTES, Header, Kind};
use super::ledger::{Ledger, PIECE_BYTES, RESULTS_BYTES};
use super::message::{Message, Unreadable};
use super::work::{Answer, Witness, Work};
use crate::os::process::{self, Pid};
use crate::os::signal::{self, Signal};
use crate::os::{alarm, nanos, socket_pair};

/// For how long an answer may be held back, for others to be sent with it. Taste: some ten times what a send costs.
const HELD_FOR_NANOS: u64 = 50_000;
/// From so many bytes on, answers are sent.
const SEND_BYTES: usize = 16 * 1024;

/// What a worker has of its own.
struct Worker<'a> {
    /// Jobs come in here, and answers go out.
    socket: OwnedFd,
    /// What the parent sees without asking.
    ledger: &'a Ledger,
    /// What to do with a job.
    work: &'a Work,
    /// Catches its panics.
    witness: Witness,
    /// Answers that were not sent; the ledger has them too (`LEDGER-2`).
    out: Vec<u8>,
    /// The value of the job that runs.
    value: Vec<u8>,
    /// The number of the next job (`LEDGER-1`).
    next: u64,
    /// How many pieces of long values were written.
    pieces: u64,
    /// The time when the last job ended or, before the first of a batch, when that was received.
    now: u64,
    /// The time when answers were last sent, or input last waited for (`LIFE-5`).
    sent_at: u64,
}

/// Puts down what came with the fork (`LIFE-1` to `LIFE-3`).
///
/// # Errors
/// The parent is gone already; others do not occur.
pub(super) fn put_down(parent: Pid, socket: &OwnedFd, keep: &[RawFd]) -> io::Result<()> {
    process::die_with_parent(parent)?;
    let mut kept = keep.to_vec();
    kept.push(socket.as_raw_fd());
    process::close_all_but(&kept)?;
    signal::reset_all()?;
    signal::ignore(Signal::Interrupt)
}

/// Runs jobs until the stream ends, or cannot be understood.
///
/// # Errors
/// The parent is gone, or has sent what is no frame.
pub(super) fn live(socket: OwnedFd, ledger: &Ledger, work: &Work) -> io::Result<()> {
    let now = nanos();
    let mut worker = Worker {
        socket,
        ledger,
        work,
        witness: Witness::install(),
        out: Vec::with_capacity(RESULTS_BYTES),
        value: Vec::new(),
        next: 0,
        pieces: 0,
        now,
        sent_at: now,
    };
    let lived = worker.run(&mut FrameReader::default());
    // What a job has printed without a newline; the parent's own was flushed before the fork.
    drop(io::stdout().flush());
    lived
}

impl Worker<'_> {
    /// The loop.
    fn run(&mut self, reader: &mut FrameReader) -> io::Result<()> {
        // Set when a job was taken back, until the parent says that the next ones are new (LEDGER-3).
        let mut skips = false;
        loop {
            while let Some((header, body)) = reader.next().map_err(io::Error::other)? {
                match header.kind {
                    Kind::Resume => {
                        self.ledger.resume();
                        skips = false;
                    }
                    _ if skips => {}
                    _ => {
                        if header.extra > 0 {
                            self.ledger.note_begin(self.now);
                        }
                        if self.ledger.claim(self.next) {
                            self.next += 1;
                            self.run_job(header, body)?;
                        } else {
                            skips = true;
                        }
                    }
                }
            }
            let handed_over = !self.out.is_empty() && self.ledger.hand_over();
            if !handed_over {
                self.send()?;
            }
            let (into, most) = reader.space();
            if socket_pair::receive(self.socket.as_fd(), into, most)? == 0 {
                return Ok(());
            }
            if handed_over {
                // DOZE-1: it was fetched, else nothing would have come.
                self.forget_out();
            }
            self.now = nanos();
            self.sent_at = self.now;
        }
    }

    /// Runs one job, or the jobs of a chunk.
    fn run_job(&mut self, header: Header, body: Body<'_>) -> io::Result<()> {
        let limited = header.extra > 0;
        if limited {
            alarm::set(Some(std::time::Duration::from_nanos(header.extra)))?;
        }
        self.value.clear();
        let answer = (self.work)(&self.witness, header.kind, body, &mut self.value);
        if limited {
            alarm::set(None)?;
        }
        let ended = nanos();
        let took = ended.saturating_sub(self.now);
        self.now = ended;
        self.answer(answer, took)?;
        // LIFE-5.
        if ended.saturating_sub(self.sent_at) > HELD_FOR_NANOS || self.out.len() >= SEND_BYTES {
            self.send()?;
        }
        Ok(())
    }

    /// Writes a job's answer.
    fn answer(&mut self, answer: Answer, took: u64) -> io::Result<()> {
        let value = std::mem::take(&mut self.value);
        let result = match answer {
            Answer::InBuffer => self.write_value(&value, took),
            Answer::Held(held) => self.write_value(held.bytes(), took),
            Answer::Unreadable(Unreadable(why)) => {
                self.write_short(Kind::Unreadable, took, why.as_bytes())
            }
            Answer::Panicked(told) => {
                let bytes = told.into_bytes().map_err(io::Error::other)?;
                self.write_short(Kind::Panicked, took, &bytes)
            }
        };
        self.value = value;
        result
    }

    /// Writes a value: as a frame if it fits, else through shared memory.
    fn write_value(&mut self, value: &[u8], took: u64) -> io::Result<()> {
        if value.len() + HEADER_BYTES <= RESULTS_BYTES {
            return self.write_short(Kind::Value, took, value);
        }
        self.write_short(Kind::Bulk, took, &(value.len() as u64).to_le_bytes())?;
        for piece in value.chunks(PIECE_BYTES) {
            self.ledger.write_piece(self.pieces, piece);
            self.pieces += 1;
            self.write_short(Kind::Piece, piece.len() as u64, &[])?;
            self.send()?;
        }
        Ok(())
    }

    /// Writes a frame. Of a text that is longer than a frame may be, the front must do.
    fn write_short(&mut self, kind: Kind, extra: u64, body: &[u8]) -> io::Result<()> {
        let body = &body[..body.len().min(RESULTS_BYTES - HEADER_BYTES)];
        if self.out.len() + HEADER_BYTES + body.len() > RESULTS_BYTES {
            self.send()?;
        }
        let start = self.out.len();
        self.out.extend_from_slice(&Header { kind, length: body.len(), extra }.to_bytes());
        self.out.extend_from_slice(body);
        self.ledger.note(start, &self.out[start..]);
        Ok(())
    }

    /// Sends the answers that were held back.
    fn send(&mut self) -> io::Result<()> {
        if !self.out.is_empty() {
            socket_pair::send_all(self.socket.as_fd(), &self.out)?;
            self.forget_out();
            self.sent_at = self.now;
            // A leader that dozes does not watch the socket.
            self.ledger.call();
        }
        Ok(())
    }

    /// Forgets the answers that were sent or fetched.
    fn forget_out(&mut self) {
        self.ledger.sent();
        self.out.clear();
    }
}
