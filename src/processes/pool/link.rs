//! The parent's side of one worker: the jobs that it has, in order, and the answers that come back.
//!
//! Problem: a worker may die, or write anything into its channel, at every moment, and the parent must know what became
//! of each job. It must also be able to take a job back, to cancel it or to give it to another worker.
//!
//! | a job | known by | when the worker dies |
//! | --- | --- | --- |
//! | answered | its answer stands in the ring | has its result |
//! | begun | its mark in the ring is `BEGUN` | fails with the worker's exit |
//! | not begun | its mark is `QUEUED` | goes to another worker |
//!
//! **Invariants**
//! - `LINK-1`: answers come in the order of the jobs, and each names its job's position. With any other answer the worker
//!   is killed.
//! - `LINK-2`: a job that does not fit into the ring is given only to a worker without jobs. So at most the last job is
//!   sent in part, and neither side waits for the other to read.
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
    self, BATCHES, CLOSING, Corrupt, Direction, QUEUED, RING_WORDS, Side, WORD_BYTES,
};
use super::work::{Answer, AnswerKind, JobKind};
use crate::jobs::JobError;
use crate::os::SharedMemory;
use crate::os::process::{Exit, Pid};

/// The most jobs that a worker has at once. Enough that it seldom runs dry while the pool's thread sleeps.
const MOST_JOBS: usize = 256;
/// The longest piece of an answer that is read at once; then the worker is woken to write on.
const PIECE_BYTES: usize = 64 * 1024;
/// How soon a worker that has jobs and is silent is looked after. It should ring; a damaged one may not.
pub(super) const SILENT_LOOK: Duration = Duration::from_millis(100);
/// How soon a worker that rings only before it sleeps is looked at.
const BATCH_LOOK: Duration = Duration::from_micros(500);
/// How soon a job with a limit that was not seen to begin is looked at.
const BEGIN_LOOK: Duration = Duration::from_millis(1);
/// How long a worker may sleep although it has a job. A healthy one does so for some instructions at most.
const LOST: Duration = Duration::from_secs(1);

/// The thread or task that waits for a job's result, if there is one.
pub(super) trait Owner: Send + Sync {
    /// Leaves the result, and wakes what waits for it.
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
    /// What it is.
    pub(super) task: Task,
}

/// What a job is, apart from its pool.
pub(super) struct Task {
    /// What its bytes are.
    pub(super) kind: JobKind,
    /// Its argument.
    pub(super) argument: Vec<u8>,
    /// How long it may run.
    pub(super) limit: Option<Duration>,
    /// Memory for its value.
    pub(super) buffer: Vec<u8>,
}

/// Why a worker must be killed.
enum Fault {
    /// Its job has run for longer than this.
    TimeLimit(Duration),
    /// Its channel is damaged.
    Corrupt(&'static str),
}

/// The parent's side of one worker.
pub(super) struct Link {
    /// The worker.
    pub(super) pid: Pid,
    /// What it shares with us.
    channel: Arc<SharedMemory>,
    /// Jobs go out here.
    jobs: Side,
    /// Answers come in here.
    answers: Side,
    /// The jobs that it has, oldest first, each with the position of its mark.
    window: VecDeque<(usize, Job)>,
    /// How many bytes of the last job's argument were not sent (`LINK-2`).
    unsent: usize,
    /// The answer of the first job and its length, if a part of it was read.
    incoming: Option<(Answer, usize)>,
    /// How many more jobs it may run.
    left: u64,
    /// When the first job was first seen to have begun.
    begun: Option<Instant>,
    /// Whether the worker rings only before it sleeps.
    pub(super) batches: bool,
    /// When it was last given a job, answered one, or was looked after.
    heard: Instant,
    /// Since when it sleeps although it has a job.
    lost: Option<Instant>,
    /// Why it must be killed.
    fault: Option<Fault>,
    /// Whether the fork server was asked to kill it, or the worker to leave.
    is_ending: bool,
}

impl Link {
    /// The link to a new worker, which may run so many jobs.
    pub(super) fn new(pid: Pid, memory: BorrowedFd<'_>, left: u64) -> io::Result<Self> {
        let channel = Arc::new(SharedMemory::map(memory)?);
        channel.keep_from_children()?;
        Ok(Self {
            pid,
            jobs: Side::producer(&channel, Direction::Jobs),
            answers: Side::consumer(&channel, Direction::Answers),
            channel,
            window: VecDeque::new(),
            unsent: 0,
            incoming: None,
            left,
            begun: None,
            batches: false,
            heard: Instant::now(),
            lost: None,
            fault: None,
            is_ending: false,
        })
    }

    /// How many jobs it has.
    pub(super) fn len(&self) -> usize {
        self.window.len()
    }

    /// Tells whether it runs a job: the first, if that has begun.
    pub(super) fn is_running(&self) -> bool {
        self.window.front().is_some_and(|(position, _)| self.jobs.has_begun(*position))
    }

    /// Tells whether it can be given this job.
    pub(super) fn has_room_for(&mut self, job: &Job) -> bool {
        if self.is_ending || self.fault.is_some() || self.window.len() as u64 >= self.left {
            return false;
        }
        let Some((_, last)) = self.window.back() else { return true };
        let is_alone = job.task.limit.is_some() || last.task.limit.is_some() || self.unsent > 0;
        let words = 3 + job.task.argument.len().div_ceil(WORD_BYTES);
        !is_alone
            && self.window.len() < MOST_JOBS
            && self.jobs.room().is_ok_and(|room| words <= room)
    }

    /// Gives it a job, for which it has room.
    ///
    /// A worker without jobs is woken here. One that has some answers them first, and that has the pool's thread look,
    /// which wakes the worker if it sleeps. So a burst of short jobs costs few wake-ups.
    pub(super) fn give(&mut self, job: Job) {
        let was_idle = self.window.is_empty();
        let position = self.jobs.position;
        self.jobs.write_header(&[QUEUED, job.task.argument.len() as u64, job.task.kind as u64]);
        self.unsent = job.task.argument.len();
        self.window.push_back((position, job));
        self.send_rest();
        if was_idle {
            self.heard = Instant::now();
            self.wake();
        }
    }

    /// Sends what there is room for of the last job.
    fn send_rest(&mut self) {
        let Some((_, last)) = self.window.back() else { return };
        let rest = &last.task.argument[last.task.argument.len() - self.unsent..];
        match self.jobs.write_some(rest) {
            Ok(count) => self.unsent -= count,
            Err(corrupt) => self.fail(corrupt),
        }
    }

    /// Wakes the worker, if it sleeps.
    fn wake(&self) {
        if ring::sleeps(&self.channel) {
            ring::wake(&self.channel);
        }
    }

    /// Takes back a job that has not begun.
    pub(super) fn take_back(&mut self, id: u64) -> Option<Job> {
        let index = self.window.iter().position(|(_, job)| job.id == id)?;
        let is_sent = index + 1 < self.window.len() || self.unsent == 0;
        let is_revoked = is_sent && self.jobs.revoke(self.window[index].0);
        is_revoked.then(|| self.window.remove(index)).flatten().map(|(_, job)| job)
    }

    /// Takes back at most `most` jobs that have not begun, last ones first.
    pub(super) fn take_back_last(&mut self, most: usize) -> Vec<Job> {
        let ids: Vec<u64> = self.window.iter().rev().take(most).map(|(_, job)| job.id).collect();
        ids.into_iter().map_while(|id| self.take_back(id)).collect()
    }

    /// Takes all its jobs, begun or not.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Job> {
        self.window.drain(..).map(|(_, job)| job)
    }

    /// Reads the answers that are there, at most a ringful, and sends what can be sent. A look is a call that the worker
    /// has not rung for. Returns how soon the next is due.
    pub(super) fn exchange(
        &mut self,
        finished: &mut Vec<Finished>,
        is_look: bool,
        now: Instant,
    ) -> Duration {
        let start = self.answers.position;
        self.read_answers(finished);
        if self.answers.position > start {
            self.heard = now;
            self.set_batches(!self.window.is_empty());
        } else if is_look && self.batches {
            self.set_batches(false);
            // What was published before it saw that.
            self.read_answers(finished);
        } else if now.duration_since(self.heard) >= SILENT_LOOK {
            self.look_after(now);
        }
        if self.unsent > 0 && self.fault.is_none() {
            self.send_rest();
        }
        self.wake();
        let look = if self.batches { BATCH_LOOK } else { SILENT_LOOK };
        self.check_limit(now).map_or(look, |span| span.min(look))
    }

    /// Reads the answers that are there, at most a ringful.
    fn read_answers(&mut self, finished: &mut Vec<Finished>) {
        let start = self.answers.position;
        while self.answers.position - start < RING_WORDS {
            match self.read_piece(finished) {
                Ok(true) => {}
                Ok(false) => return,
                Err(corrupt) => return self.fail(corrupt),
            }
        }
    }

    /// Reads an answer, or a piece of a long one; false when there is nothing to read.
    fn read_piece(&mut self, finished: &mut Vec<Finished>) -> Result<bool, Corrupt> {
        if self.is_corrupt() || self.answers.available()? == 0 {
            return Ok(false);
        }
        let incoming = self.incoming.take();
        let (mut answer, length) = incoming.map_or_else(|| self.read_header(), Ok)?;
        let most = (length - answer.bytes.len()).min(PIECE_BYTES);
        self.answers.read_some(most, &mut answer.bytes)?;
        if answer.bytes.len() < length {
            self.incoming = Some((answer, length));
            self.wake();
        } else if let Some((_, job)) = self.window.pop_front() {
            self.left -= 1;
            self.begun = None;
            finished.push((job.owner, Ok(answer)));
        }
        Ok(true)
    }

    /// Reads the header of an answer (`LINK-1`).
    fn read_header(&mut self) -> Result<(Answer, usize), Corrupt> {
        let [position, length_and_kind] = self.answers.read_header()?;
        let first = self.window.front_mut().filter(|(first, _)| *first as u64 == position);
        let (_, job) = first.ok_or(Corrupt("an answer is not to the first job"))?;
        let kind = match length_and_kind & 3 {
            0 => AnswerKind::Value,
            1 => AnswerKind::Panicked,
            2 => AnswerKind::Unreadable,
            _ => return Err(Corrupt("an answer is of no kind")),
        };
        let length = usize::try_from(length_and_kind >> 2).unwrap_or(usize::MAX);
        let mut bytes = mem::take(&mut job.task.buffer);
        bytes.clear();
        // A page takes memory once it is written.
        let reserved = bytes.try_reserve_exact(length);
        reserved.map_err(|_| Corrupt("an answer is longer than the memory that is left"))?;
        Ok((Answer { kind, bytes }, length))
    }

    /// Has the worker ring before it sleeps only, or for each answer.
    fn set_batches(&mut self, batches: bool) {
        if self.batches != batches {
            self.batches = batches;
            self.channel.word(BATCHES).store(u64::from(batches), Ordering::SeqCst);
        }
    }

    /// Looks after a worker that was silent for a while. A job may have written over our side of the channel, so that is
    /// published again. A worker that sleeps, with every job read and none answered, has lost a job.
    fn look_after(&mut self, now: Instant) {
        self.heard = now;
        let has_read_all =
            self.unsent == 0 && self.jobs.room().is_ok_and(|room| room == RING_WORDS);
        // Last the answers: a healthy worker publishes them before it sleeps.
        let is_lost = ring::sleeps(&self.channel) && has_read_all && !self.has_answers();
        self.lost = self.lost.filter(|_| is_lost).or_else(|| is_lost.then_some(now));
        if self.lost.is_some_and(|since| now.duration_since(since) > LOST) {
            self.fail(Corrupt("the worker sleeps, but it has a job"));
        }
        self.jobs.publish();
        self.answers.publish();
        self.channel.word(BATCHES).store(u64::from(self.batches), Ordering::SeqCst);
        ring::wake(&self.channel);
    }

    /// Tells how soon the first job must be looked at, if it has a time limit. One that has run for longer is a fault.
    fn check_limit(&mut self, now: Instant) -> Option<Duration> {
        let limit = self.window.front().and_then(|(_, job)| job.task.limit)?;
        if self.begun.is_none() && self.is_running() {
            self.begun = Some(now);
        }
        let Some(begun) = self.begun else { return Some(BEGIN_LOOK) };
        let left = limit.saturating_sub(now.duration_since(begun));
        if left.is_zero() {
            self.fault.get_or_insert(Fault::TimeLimit(limit));
        }
        Some(left.max(BEGIN_LOOK))
    }

    /// Notes that the channel is damaged.
    fn fail(&mut self, Corrupt(what): Corrupt) {
        self.fault = Some(Fault::Corrupt(what));
    }

    /// Tells whether the channel is damaged.
    fn is_corrupt(&self) -> bool {
        matches!(self.fault, Some(Fault::Corrupt(_)))
    }

    /// Tells whether answers can be read.
    pub(super) fn has_answers(&mut self) -> bool {
        !self.is_corrupt() && self.answers.available().is_ok_and(|words| words > 0)
    }

    /// Tells whether the worker must be killed; once.
    pub(super) fn must_be_killed(&mut self) -> bool {
        self.fault.is_some() && !mem::replace(&mut self.is_ending, true)
    }

    /// Has the worker leave, if it has run as many jobs as it may.
    pub(super) fn retire_if_spent(&mut self) {
        if self.left == 0 && !self.is_ending {
            self.close();
        }
    }

    /// Has the worker leave as soon as it has no jobs.
    pub(super) fn close(&mut self) {
        self.is_ending = true;
        self.channel.word(CLOSING).store(1, Ordering::SeqCst);
        ring::wake(&self.channel);
    }

    /// Parts the jobs of a worker that has ended, after its answers were read: results of those that had begun, and those
    /// that had not. True when the death counts as one of the pool's.
    pub(super) fn bury(self, exit: Exit) -> (Vec<Finished>, Vec<Job>, bool) {
        let error = match self.fault {
            Some(Fault::TimeLimit(limit)) => JobError::TimeLimit(limit),
            Some(Fault::Corrupt(what)) => JobError::Unreadable(format!(
                "worker {} has damaged its channel, and was killed: {what}",
                self.pid
            )),
            None => JobError::Died { pid: self.pid, exit },
        };
        let counts = self.left > 0 && !matches!(error, JobError::TimeLimit(_));
        let (mut begun, mut others) = (Vec::new(), Vec::new());
        for (position, job) in self.window {
            if self.jobs.has_begun(position) {
                begun.push((job.owner, Err(error.clone())));
            } else {
                others.push(job);
            }
        }
        (begun, others, counts)
    }
}
