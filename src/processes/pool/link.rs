//! The parent's end of one worker: what goes to it, what comes from it, and the jobs it has.
//!
//! Problem: both sides may have megabytes to send at the same time. If each waits until the other has read, both
//! wait for ever; so the parent never waits in a send or a receive, and what did not fit is kept (`outbox`).
//!
//! **Invariants**
//! - `LINK-1`: a link never blocks.
//! - `LINK-2`: answers come in the order of the jobs: an answer is the front job's.
//! - `LINK-3`: jobs in `window` from the claim on (`LEDGER-1`) have not begun, and can go to another worker; before it
//!   there is at most one that has begun and has no answer.
//! - `LINK-4`: bytes that were fetched from the ledger are not taken again when they come through the socket.
//!
//! ```text
//! jobs      7     8     9    10    11        window: 7 to 11, oldest first
//!           │           │
//!           first       claim (in the ledger): 7 and 8 have begun, 9 to 11 can be taken back
//! ```
//!
//! **Source**: socket(7), `MSG_DONTWAIT` in recv(2).

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use super::cell::Deliver;
use super::frame::{Body, FrameReader, Header, Kind};
use super::ledger::Ledger;
use super::message::Unreadable;
use super::outbox::Outbox;
use super::payload::Payload;
use crate::os::process::Pid;
use crate::os::socket_pair;

/// A job that has no result.
pub(super) struct Job {
    /// Where its result goes.
    pub(super) cell: Arc<dyn Deliver>,
    /// [`Kind::Job`] or [`Kind::Chunk`].
    pub(super) kind: Kind,
    /// How long it may run.
    pub(super) limit: Option<Duration>,
    /// What it runs on. Kept until it is over, for it may have to go to another worker.
    pub(super) argument: Payload,
    /// Memory for a long value, lent by the caller.
    pub(super) buffer: Option<Vec<u8>>,
}

/// A job that has its answer.
pub(super) struct Answered {
    /// The job.
    pub(super) job: Job,
    /// What kind of answer it is.
    pub(super) kind: Kind,
    /// The answer.
    pub(super) body: Payload,
    /// How long it ran, in nanoseconds.
    pub(super) took: u64,
}

/// A long value that is coming through the ledger.
pub(super) struct Bulk {
    /// How long it will be.
    length: usize,
    /// What has come.
    body: Vec<u8>,
    /// How long its job ran, in nanoseconds.
    took: u64,
}

/// The parent's end of one worker.
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts, each of which may hold without the others"
)]
pub(super) struct Link {
    /// The worker's number, for its errors.
    pub(super) pid: Pid,
    /// The stream; whoever waits for it holds it as well.
    pub(super) socket: Arc<OwnedFd>,
    /// The jobs it was given, oldest first (`LINK-2`).
    pub(super) window: VecDeque<Job>,
    /// How many jobs it was ever given.
    pub(super) given: u64,
    /// Set when its running job takes so long that it shall have no second one.
    pub(super) slow: bool,
    /// Set when the stream has ended or is of no use; how the worker ended is still to come.
    pub(super) gone: bool,
    /// Set when its job has outlived its limit, and it was asked to be killed (`RECALL-2`).
    pub(super) overdue: bool,
    /// Set while the leader waits for this socket.
    pub(super) watched: bool,
    /// What the worker leaves to read; a leader that dozes there holds it as well.
    pub(super) ledger: Arc<Ledger>,
    /// Set while a leader dozes (`DOZE-2`).
    pub(super) dozing: bool,
    /// Set when a job is the last thing that was put into the stream (`DOZE-1`).
    pub(super) ends_with_job: bool,
    /// The number of the window's front job.
    pub(super) first: u64,
    /// How many jobs had begun at the last [`is_stuck`](Self::is_stuck).
    pub(super) begun_at_look: u64,
    /// Cuts the stream.
    reader: FrameReader,
    /// How many bytes came through the socket.
    pub(super) received: u64,
    /// How many bytes of the stream were taken, through the socket or from the ledger (`LINK-4`).
    pub(super) accepted: u64,
    /// A long value that is coming.
    pub(super) bulk: Option<Bulk>,
    /// How many pieces of long values were read.
    pieces: u64,
    /// What was not sent yet.
    pub(super) out: Outbox,
}

impl Link {
    /// The link to a worker that was just forked.
    pub(super) fn new(pid: Pid, socket: OwnedFd, ledger: Ledger) -> Self {
        Self {
            pid,
            socket: Arc::new(socket),
            window: VecDeque::new(),
            given: 0,
            slow: false,
            gone: false,
            overdue: false,
            watched: false,
            ledger: Arc::new(ledger),
            dozing: false,
            ends_with_job: false,
            first: 0,
            begun_at_look: 0,
            reader: FrameReader::default(),
            received: 0,
            accepted: 0,
            bulk: None,
            pieces: 0,
            out: Outbox::default(),
        }
    }

    /// Puts a job behind the others. If `eager`, it is sent at once when the worker has nothing else to do; else with
    /// those that follow, at the latest when somebody leads.
    pub(super) fn give(&mut self, job: Job, eager: bool) {
        let length = job.argument.as_slice().len();
        let nanos =
            job.limit.map_or(0, |limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX).max(1));
        self.out.push(Header { kind: job.kind, length, extra: nanos }, &job.argument);
        self.window.push_back(job);
        self.given += 1;
        self.ends_with_job = true;
        if (eager && self.window.len() == 1) || self.out.is_worth_sending() {
            self.send();
        }
    }

    /// Sends what there is, as far as the socket takes it (`LINK-1`).
    pub(super) fn send(&mut self) {
        if !self.gone && !self.dozing {
            self.out.send(self.socket.as_fd());
        }
    }

    /// Tells whether the socket took less than there was.
    pub(super) fn is_blocked(&self) -> bool {
        self.out.is_blocked()
    }

    /// Takes everything that has come, and appends the jobs that are answered by it.
    pub(super) fn receive(&mut self, answered: &mut Vec<Answered>) {
        while !self.gone {
            let (into, most) = self.reader.space();
            let before = into.len();
            match socket_pair::try_receive(self.socket.as_fd(), into, most) {
                Ok(0) => self.gone = true,
                Ok(count) => {
                    let known = (self.accepted - self.received).min(count as u64);
                    self.received += count as u64;
                    self.accepted = self.accepted.max(self.received);
                    // LINK-4.
                    into.drain(
                        before
                            ..before
                                + usize::try_from(known)
                                    .expect("holds because it is at most count"),
                    );
                    if self.take_frames(answered).is_err() {
                        self.gone = true;
                    }
                    if count < most {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.gone = true,
            }
        }
    }

    /// Takes answers that are finished and were not sent (`LEDGER-2`).
    pub(super) fn fetch(&mut self, answered: &mut Vec<Answered>) {
        let mut fetched = Vec::new();
        let count = self.ledger.fetch(self.accepted, &mut fetched);
        self.accepted += count as u64;
        let mut rest = &fetched[..];
        while !rest.is_empty() {
            let (into, most) = self.reader.space();
            let (now, later) = rest.split_at(most.min(rest.len()));
            into.extend_from_slice(now);
            rest = later;
            if self.take_frames(answered).is_err() {
                self.gone = true;
                return;
            }
        }
    }

    /// Takes the frames that are there as a whole.
    fn take_frames(&mut self, answered: &mut Vec<Answered>) -> Result<(), Unreadable> {
        while let Some((header, body)) = self.reader.next()? {
            let (kind, body, took) = match header.kind {
                Kind::Value | Kind::Panicked | Kind::Unreadable => {
                    (header.kind, Payload::from_body(body), header.extra)
                }
                Kind::Bulk => {
                    let lent = self.window.front_mut().and_then(|job| job.buffer.take());
                    self.bulk = Some(Bulk::new(&body, lent, header.extra)?);
                    continue;
                }
                Kind::Piece => {
                    let Some(bulk) = &mut self.bulk else {
                        return Err(Unreadable("a piece of nothing".into()));
                    };
                    let length = usize::try_from(header.extra).unwrap_or(usize::MAX);
                    self.ledger.read_piece(self.pieces, length.min(bulk.missing()), &mut bulk.body);
                    self.pieces += 1;
                    match self.bulk.take_if(|bulk| bulk.missing() == 0) {
                        Some(bulk) => (Kind::Value, Payload::from_vec(bulk.body), bulk.took),
                        None => continue,
                    }
                }
                Kind::Job | Kind::Chunk | Kind::Resume => {
                    return Err(Unreadable("a worker that gives jobs".into()));
                }
            };
            let job = self.window.pop_front();
            let job = job.ok_or_else(|| Unreadable("an answer to nothing".into()))?;
            self.first += 1;
            self.slow = false;
            answered.push(Answered { job, kind, body, took });
        }
        Ok(())
    }

    /// Tells whether it has jobs whose answers can still come.
    pub(super) fn has_jobs(&self) -> bool {
        !self.gone && !self.window.is_empty()
    }

    /// How many jobs it runs: one or none.
    pub(super) fn running(&self) -> usize {
        usize::from(!self.window.is_empty() && self.ledger.begun() > self.first)
    }

    /// Takes the last words of a worker that has ended: the job it was at, and those that it had not begun.
    pub(super) fn bury(&mut self, answered: &mut Vec<Answered>) -> (Option<Job>, VecDeque<Job>) {
        self.receive(answered);
        self.gone = false;
        self.fetch(answered);
        self.gone = true;
        let back = self.unbegun(self.ledger.begun());
        (self.window.pop_front(), back)
    }
}

impl Bulk {
    /// Makes room for a long value.
    fn new(body: &Body<'_>, lent: Option<Vec<u8>>, took: u64) -> Result<Self, Unreadable> {
        let bytes = body.as_slice().try_into().map_err(|_| Unreadable("no length".into()))?;
        let length = usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX);
        let mut body = lent.unwrap_or_default();
        body.clear();
        // FRAME-3: the length is another process's word.
        body.try_reserve_exact(length).map_err(|error| Unreadable(error.to_string()))?;
        Ok(Self { length, body, took })
    }

    /// How many bytes are still to come.
    fn missing(&self) -> usize {
        self.length - self.body.len()
    }
}
