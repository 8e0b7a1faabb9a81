//! The parent's side of one worker: the jobs that it was given, in order, and the answers that come back.
//!
//! Problem: the parent must know at every moment which jobs a worker has, and for each whether it has begun: a job that
//! has not begun can be cancelled, or given to another worker. And a worker may die, or write anything into the channel,
//! at every moment.
//!
//! | a job of the window | known by | when the worker dies |
//! | --- | --- | --- |
//! | answered | its answer stands in the ring | has its result |
//! | begun | its mark in the ring is `BEGUN` | fails with the worker's exit |
//! | not begun | its mark is `QUEUED` | goes to another worker |
//!
//! **Invariants**
//! - `LINK-1`: answers come in the order of the jobs, and each names its job's position. Any other answer is a fault, and
//!   the worker is killed.
//! - `LINK-2`: a job that does not fit into the ring is given to a worker without jobs only. So at most the last job of
//!   the window is sent in part, and no job waits behind bytes that nothing reads.
//! - `LINK-3`: a job with a time limit has its worker for itself. So the worker can be killed without hitting another job.
//!
//! **Source**: TCP's window of segments that were sent and not acknowledged.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use std::{io, mem};

use super::ring::{
    self, BATCHES, CLOSING, Consumer, Corrupt, Direction, Producer, QUEUED, RING_WORDS,
};
use super::work::{Answer, AnswerKind, JobKind};
use crate::jobs::JobError;
use crate::os::SharedMemory;
use crate::os::process::{Exit, Pid};

/// The most jobs that a worker has at once. Enough that it seldom runs dry while the pool's thread sleeps.
const WINDOW: usize = 256;
/// How many words stand before a job's bytes.
const HEADER_WORDS: usize = 3;
/// The longest piece of an answer that is copied under the pool's lock.
const PIECE_BYTES: usize = 64 * 1024;
/// How soon workers that have jobs and are silent are looked at. They should ring; one that was damaged may not.
pub(super) const SILENT_LOOK: Duration = Duration::from_millis(100);
/// How long a worker may sleep although it has a job. An honest one does so for some instructions at most.
const LOST: Duration = Duration::from_secs(1);

/// What waits for a job's result.
pub(super) trait Owner: Send + Sync {
    /// Leaves the result, and wakes the thread or task that waits for it.
    fn finish(&self, result: Result<Answer, JobError>);
}

/// A result on its way to the owner.
pub(super) type Finished = (Arc<dyn Owner>, Result<Answer, JobError>);

/// A job that was submitted.
pub(super) struct Job {
    /// Its number: jobs begin in this order.
    pub(super) id: u64,
    /// What waits for it.
    pub(super) owner: Arc<dyn Owner>,
    /// What its bytes are.
    pub(super) kind: JobKind,
    /// Its argument.
    pub(super) argument: Vec<u8>,
    /// How long it may run.
    pub(super) limit: Option<Duration>,
    /// Memory for its value.
    pub(super) buffer: Vec<u8>,
}

/// A job that a worker has.
struct Given {
    /// The job.
    job: Job,
    /// Where its mark is in the ring.
    position: usize,
}

/// An answer of which a part was read.
struct Incoming {
    /// The answer.
    answer: Answer,
    /// How long it will be.
    length: usize,
}

/// Why a worker was killed.
enum Fault {
    /// Its job has run for longer than this.
    TimeLimit(Duration),
    /// It wrote something impossible into its channel.
    Corrupt(&'static str),
}

/// The parent's side of one worker.
pub(super) struct Link {
    /// The worker.
    pub(super) pid: Pid,
    /// What it shares with us.
    channel: Arc<SharedMemory>,
    /// Jobs go out here.
    jobs: Producer,
    /// Answers come in here.
    answers: Consumer,
    /// The jobs that it has, oldest first.
    window: VecDeque<Given>,
    /// How many bytes of the last job's argument were not sent (`LINK-2`).
    unsent: usize,
    /// The answer of the first job, if a part of it was read.
    incoming: Option<Incoming>,
    /// How many jobs it has answered.
    answered: u64,
    /// When the first job was first seen to have begun.
    begun: Option<Instant>,
    /// Whether the worker rings only when it runs dry.
    batches: bool,
    /// When it last had an answer, or was looked after.
    heard: Instant,
    /// Since when it sleeps although it has a job.
    lost: Option<Instant>,
    /// Why it must be killed.
    fault: Option<Fault>,
    /// Whether the fork server was asked to.
    is_killed: bool,
}

impl Link {
    /// The link to a new worker.
    pub(super) fn new(pid: Pid, memory: BorrowedFd<'_>) -> io::Result<Self> {
        let channel = Arc::new(SharedMemory::map(memory)?);
        channel.keep_from_children()?;
        Ok(Self {
            pid,
            jobs: Producer::new(&channel, Direction::Jobs),
            answers: Consumer::new(&channel, Direction::Answers),
            channel,
            window: VecDeque::new(),
            unsent: 0,
            incoming: None,
            answered: 0,
            begun: None,
            batches: false,
            heard: Instant::now(),
            lost: None,
            fault: None,
            is_killed: false,
        })
    }

    /// How many jobs it has.
    pub(super) fn len(&self) -> usize {
        self.window.len()
    }

    /// How many jobs it runs: one, if the first has begun.
    pub(super) fn running(&self) -> usize {
        usize::from(self.first_has_begun())
    }

    /// Tells whether it must be killed; once.
    pub(super) fn must_be_killed(&mut self) -> bool {
        self.fault.is_some() && !mem::replace(&mut self.is_killed, true)
    }

    /// Tells whether nothing more can be read from it.
    fn is_corrupt(&self) -> bool {
        matches!(self.fault, Some(Fault::Corrupt(_)))
    }

    /// Tells whether it has run as many jobs as it may, and can leave.
    pub(super) fn is_spent(&self, most_jobs: u64) -> bool {
        self.answered >= most_jobs && self.window.is_empty()
    }

    /// Tells whether it can be given this job.
    pub(super) fn has_room_for(&mut self, job: &Job, most_jobs: u64) -> bool {
        if self.fault.is_some() || self.answered + self.window.len() as u64 >= most_jobs {
            return false;
        }
        let Some(last) = self.window.back() else { return true };
        // LINK-2 and LINK-3.
        let is_alone = job.limit.is_some() || last.job.limit.is_some() || self.unsent > 0;
        let words = HEADER_WORDS + job.argument.len().div_ceil(ring::WORD_BYTES);
        self.window.len() < WINDOW && !is_alone && self.jobs.room().is_ok_and(|room| words <= room)
    }

    /// Gives it a job, for which it has room.
    ///
    /// A worker without jobs is woken. One that has some need not be: its next answer wakes the pool's thread, which
    /// then wakes the worker if it sleeps. So a burst of short jobs costs few wake-ups.
    pub(super) fn give(&mut self, job: Job) {
        let was_idle = self.window.is_empty();
        let position = self.jobs.position();
        self.jobs.write_words(&[QUEUED, job.argument.len() as u64, job.kind as u64]);
        self.unsent = job.argument.len();
        self.window.push_back(Given { job, position });
        self.send_rest();
        if was_idle {
            ring::wake(&self.channel);
        }
    }

    /// Sends what there is room for of the last job.
    fn send_rest(&mut self) {
        let Some(last) = self.window.back() else { return };
        let rest = last.job.argument.len() - self.unsent;
        match self.jobs.write_some(&last.job.argument[rest..]) {
            Ok(count) => self.unsent -= count,
            Err(corrupt) => self.fail(corrupt),
        }
    }

    /// Takes back a job that has not begun.
    pub(super) fn take_back(&mut self, id: u64) -> Option<Job> {
        let index = self.window.iter().position(|given| given.job.id == id)?;
        let is_sent = index + 1 < self.window.len() || self.unsent == 0;
        let is_revoked = is_sent && self.jobs.revoke(self.window[index].position);
        is_revoked.then(|| self.window.remove(index)).flatten().map(|given| given.job)
    }

    /// Takes back at most `most` jobs that have not begun, last ones first.
    pub(super) fn take_back_last(&mut self, most: usize) -> Vec<Job> {
        let ids: Vec<u64> = self.window.iter().rev().take(most).map(|given| given.job.id).collect();
        ids.into_iter().map_while(|id| self.take_back(id)).collect()
    }

    /// Takes all its jobs, begun or not.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Job> {
        self.window.drain(..).map(|given| given.job)
    }

    /// Tells whether answers can be read.
    pub(super) fn has_answers(&mut self) -> bool {
        !self.is_corrupt() && self.answers.available().is_ok_and(|words| words > 0)
    }

    /// Reads the answers that are there, at most a ringful, sends what can be sent, and wakes the worker if it sleeps
    /// although it has jobs. Returns how many words were read.
    pub(super) fn exchange(&mut self, finished: &mut Vec<Finished>) -> usize {
        let start = self.answers.position();
        while !self.is_corrupt() && self.answers.position() - start < RING_WORDS {
            match self.read_piece(finished) {
                Ok(true) => {}
                Ok(false) => break,
                Err(corrupt) => self.fail(corrupt),
            }
        }
        if !self.is_corrupt() && !self.window.is_empty() {
            if self.unsent > 0 {
                self.send_rest();
            }
            ring::wake(&self.channel);
        }
        self.answers.position() - start
    }

    /// Reads an answer, or a piece of a long one; false when there is nothing to read.
    fn read_piece(&mut self, finished: &mut Vec<Finished>) -> Result<bool, Corrupt> {
        if self.answers.available()? == 0 {
            return Ok(false);
        }
        let Incoming { mut answer, length } = match self.incoming.take() {
            Some(incoming) => incoming,
            None => self.read_header()?,
        };
        let most = (length - answer.bytes.len()).min(PIECE_BYTES);
        self.answers.read_some(most, &mut answer.bytes)?;
        if answer.bytes.len() < length {
            self.incoming = Some(Incoming { answer, length });
            ring::wake(&self.channel);
        } else if let Some(first) = self.window.pop_front() {
            self.answered += 1;
            self.begun = None;
            finished.push((first.job.owner, Ok(answer)));
        }
        Ok(true)
    }

    /// Reads the header of an answer (`LINK-1`).
    fn read_header(&mut self) -> Result<Incoming, Corrupt> {
        let [position, length_and_kind] = self.answers.read_header()?;
        let first = self.window.front_mut().ok_or(Corrupt("an answer has no job"))?;
        if position != first.position as u64 {
            return Err(Corrupt("an answer names a job that is not the first"));
        }
        let kind = match length_and_kind & 3 {
            0 => AnswerKind::Value,
            1 => AnswerKind::Panicked,
            2 => AnswerKind::Unreadable,
            _ => return Err(Corrupt("an answer is of no kind")),
        };
        let length = usize::try_from(length_and_kind >> 2)
            .map_err(|_| Corrupt("an answer is longer than memory"))?;
        let mut bytes = mem::take(&mut first.job.buffer);
        bytes.clear();
        // No page of it is touched before there are bytes for it.
        bytes
            .try_reserve_exact(length)
            .map_err(|_| Corrupt("an answer is longer than the memory that is left"))?;
        Ok(Incoming { answer: Answer { kind, bytes }, length })
    }

    /// Has the worker ring the bell when it runs dry instead of for each answer, or the other way round.
    pub(super) fn set_batches(&mut self, batches: bool) {
        if self.batches != batches {
            self.batches = batches;
            self.channel.word(BATCHES).store(u64::from(batches), Ordering::SeqCst);
        }
    }

    /// Tells whether the worker rings only when it runs dry.
    pub(super) fn batches(&self) -> bool {
        self.batches
    }

    /// Looks after a worker that has jobs and was silent for a while: publishes our side of the channel once more, since a
    /// job may have written over it, and wakes the worker. One that sleeps on, with every job read and none answered, has
    /// lost a job.
    pub(super) fn look_after(&mut self, now: Instant) {
        if now.duration_since(self.heard) < SILENT_LOOK {
            return;
        }
        self.heard = now;
        // In this order: an honest worker publishes its answers before it sleeps.
        let is_lost = self.unsent == 0 && self.jobs.is_idle() && !self.has_answers();
        self.lost = self.lost.filter(|_| is_lost).or_else(|| is_lost.then_some(now));
        if self.lost.is_some_and(|since| now.duration_since(since) > LOST) {
            self.fail(Corrupt("the worker sleeps, but it has a job"));
        }
        self.jobs.publish();
        self.answers.publish();
        self.channel.word(BATCHES).store(u64::from(self.batches), Ordering::SeqCst);
        ring::wake_anyway(&self.channel);
    }

    /// Has the worker leave when it has no jobs.
    pub(super) fn close(&self) {
        self.channel.word(CLOSING).store(1, Ordering::SeqCst);
        ring::wake(&self.channel);
    }

    /// Tells whether the first job has begun.
    fn first_has_begun(&self) -> bool {
        self.window.front().is_some_and(|first| self.jobs.has_begun(first.position))
    }

    /// Tells when the first job must be looked at, if it has a time limit; `None` also when the limit is over, which is
    /// then a fault.
    pub(super) fn check_limit(&mut self, now: Instant) -> Option<Duration> {
        /// How soon a job that was not seen to begin is looked at again.
        const NEXT_LOOK: Duration = Duration::from_millis(1);
        let limit = self.window.front().and_then(|first| first.job.limit)?;
        if self.begun.is_none() && self.first_has_begun() {
            self.begun = Some(now);
        }
        let Some(begun) = self.begun else { return Some(NEXT_LOOK) };
        let left = limit.saturating_sub(now.saturating_duration_since(begun));
        if !left.is_zero() {
            return Some(left);
        }
        self.fault = Some(Fault::TimeLimit(limit));
        None
    }

    /// Notes that the channel is damaged.
    fn fail(&mut self, Corrupt(what): Corrupt) {
        self.fault.get_or_insert(Fault::Corrupt(what));
    }

    /// Parts the jobs of a worker that has ended, when its answers were read: those that had begun, with their error, and
    /// those that had not. The last is false when the time limit was the reason.
    pub(super) fn bury(self, exit: Exit) -> (Vec<Finished>, Vec<Job>, bool) {
        let (mut begun, mut others) = (Vec::new(), Vec::new());
        for Given { job, position } in self.window {
            if self.jobs.has_begun(position) {
                let error = match self.fault {
                    Some(Fault::TimeLimit(limit)) => JobError::TimeLimit(limit),
                    Some(Fault::Corrupt(what)) => JobError::Unreadable(format!(
                        "worker {} has damaged its channel, and was killed: {what}",
                        self.pid
                    )),
                    None => JobError::Died { pid: self.pid, exit },
                };
                begun.push((job.owner, Err(error)));
            } else {
                others.push(job);
            }
        }
        (begun, others, !matches!(self.fault, Some(Fault::TimeLimit(_))))
    }
}
