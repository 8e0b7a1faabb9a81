//! The parent's side of one worker: the jobs that it has, in order, and the answers that come back.
//!
//! Problem: a worker may die, or write anything into its channel, at every moment, and the parent must know what became
//! of each job. It must also be able to take a job back, to cancel it or to give it to another worker.
//!
//! | a job | known by | when the worker dies |
//! | --- | --- | --- |
//! | answered | its answer is in the ring | has its result |
//! | begun | its mark in the ring is `BEGUN` | fails with the worker's exit |
//! | not begun | its mark is `QUEUED` | goes to another worker |
//!
//! **Invariants**
//! - `LINK-1`: answers come in the order of the jobs, and each names its job's position. After any other answer the worker
//!   is killed.
//! - `LINK-2`: a job that does not fit into the ring is given only to a worker without jobs. So at most the last job is
//!   sent in part, and neither side waits for the other to read.
//! - `LINK-3`: a job with a time limit has its worker for itself, which can be killed without hitting another job.
//!
//! **Source**: TCP's window of segments that were sent and not acknowledged.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::ring::{
    ANSWERS, CLOSING, Corrupt, EventCount, HEADER_WORDS, JOBS, QUEUED, RING_WORDS, Side,
    WORD_BYTES, WORKER_EVENTS,
};
use super::work::{Failure, failed};
use crate::jobs::JobError;
use crate::os::process::Pid;
use crate::os::{SharedMemory, reserve};
use crate::processes::message::Message;

/// The most jobs that a worker has at once. Enough that it seldom runs dry while the pool's thread sleeps.
const MOST_JOBS: usize = 256;
/// After so many looks at a worker that sleeps although it has a job, its channel counts as damaged.
const LOST_LOOKS: u32 = 10;

/// The side of a job that waits for its result.
pub(super) trait Owner: Send + Sync {
    /// Leaves the value's bytes or the error, and wakes the thread or task that waits.
    fn finish(&self, result: Result<Vec<u8>, JobError>);
}

/// A result on its way to the owner.
pub(super) type Finished = (Arc<dyn Owner>, Result<Vec<u8>, JobError>);

/// A job that was submitted.
pub(super) struct Job {
    /// Its number: jobs begin in this order.
    pub(super) id: u64,
    /// What waits for it.
    pub(super) owner: Arc<dyn Owner>,
    /// Whether it is a chunk of a map.
    pub(super) is_chunk: bool,
    /// The argument's bytes.
    pub(super) argument: Vec<u8>,
    /// How long it may run: `Duration::MAX` for as long as it likes.
    pub(super) limit: Duration,
}

/// Whether there is a worker behind a link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Worker {
    /// None, and none was asked for.
    Missing,
    /// The fork server was asked for one.
    Starting,
    /// It takes jobs.
    Alive(Pid),
    /// It was asked to leave, or the fork server to kill it.
    Leaving(Pid),
}

/// The parent's side of one worker, and of the next one at the same place.
pub(super) struct Link {
    /// The worker.
    pub(super) worker: Worker,
    /// What it shares with us.
    pub(super) channel: Arc<SharedMemory>,
    /// Jobs go out here.
    jobs: Side,
    /// Answers come in here.
    answers: Side,
    /// The worker sleeps here.
    events: EventCount,
    /// The jobs that it has, oldest first, each with the position of its mark.
    window: VecDeque<(usize, Job)>,
    /// How many bytes of the last job's argument were not sent (`LINK-2`).
    unsent: usize,
    /// The answer to the first job, if a part of it was read: whether it is a value, its length, the part.
    incoming: Option<(bool, usize, Vec<u8>)>,
    /// How many more jobs it may run.
    pub(super) left: u64,
    /// When the time limit of its one job is over.
    pub(super) deadline: Option<Instant>,
    /// At how many looks in a row it slept although it had a job.
    lost_looks: u32,
    /// Why it must be killed.
    pub(super) fault: Option<JobError>,
}

impl Link {
    /// The link to a worker, which may run so many jobs. Its channel is empty.
    pub(super) fn new(worker: Worker, channel: &Arc<SharedMemory>, left: u64) -> Self {
        Self {
            worker,
            jobs: Side::producer(channel, JOBS),
            answers: Side::consumer(channel, ANSWERS),
            events: EventCount::at(channel, WORKER_EVENTS),
            channel: Arc::clone(channel),
            window: VecDeque::new(),
            unsent: 0,
            incoming: None,
            left,
            deadline: None,
            lost_looks: 0,
            fault: None,
        }
    }

    /// The worker's number; `None` when there is no worker.
    pub(super) fn pid(&self) -> Option<Pid> {
        match self.worker {
            Worker::Missing | Worker::Starting => None,
            Worker::Alive(pid) | Worker::Leaving(pid) => Some(pid),
        }
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
        let takes_jobs = matches!(self.worker, Worker::Alive(_)) && self.fault.is_none();
        if !takes_jobs || self.window.len() as u64 >= self.left {
            return false;
        }
        let Some((_, last)) = self.window.back() else { return true };
        let is_alone = job.limit.min(last.limit) < Duration::MAX || self.unsent > 0;
        let words = HEADER_WORDS + job.argument.len().div_ceil(WORD_BYTES);
        !is_alone
            && self.window.len() < MOST_JOBS
            && self.jobs.room(words).is_ok_and(|room| words <= room)
    }

    /// Gives it a job, for which it has room.
    ///
    /// A worker without jobs is woken here. One that has some answers them first, and then the pool's thread calls
    /// `exchange`, which wakes the worker if it sleeps. So a burst of short jobs costs few wake-ups.
    pub(super) fn give(&mut self, job: Job) {
        let was_idle = self.window.is_empty();
        let position = self.jobs.position;
        let written = self.jobs.write_header(QUEUED, job.argument.len(), job.is_chunk);
        self.unsent = job.argument.len();
        let limit = Some(job.limit).filter(|limit| *limit < Duration::MAX);
        self.deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        self.window.push_back((position, job));
        let sent = written.and_then(|()| self.send_rest());
        self.note(sent);
        if was_idle {
            self.events.advance();
        }
    }

    /// Sends what there is room for of the last job.
    fn send_rest(&mut self) -> Result<(), Corrupt> {
        let Some((_, last)) = self.window.back() else { return Ok(()) };
        loop {
            let rest = &last.argument[last.argument.len() - self.unsent..];
            let sent = self.jobs.write_some(rest)?;
            self.unsent -= sent;
            if self.unsent == 0 || sent == 0 {
                return Ok(());
            }
            self.events.advance();
        }
    }

    /// Takes back the jobs that have not begun and that `is_wanted` names.
    pub(super) fn take_back(&mut self, is_wanted: impl Fn(usize, &Job) -> bool) -> Vec<Job> {
        let mut taken = Vec::new();
        for index in (0..self.window.len()).rev() {
            let (position, job) = &self.window[index];
            let is_sent = index + 1 < self.window.len() || self.unsent == 0;
            if is_sent && is_wanted(index, job) && self.jobs.revoke(*position) {
                taken.extend(self.window.remove(index).map(|(_, job)| job));
            }
        }
        taken
    }

    /// Takes all its jobs, of a worker that has ended or will be killed: those that had begun, and the others.
    pub(super) fn take_all(&mut self) -> (Vec<Job>, Vec<Job>) {
        self.unsent = 0;
        let others = self.take_back(|_, _| true);
        (self.window.drain(..).map(|(_, job)| job).collect(), others)
    }

    /// Reads the answers that are there, and sends what can be sent. A look is a call without an event. True when the
    /// worker must be killed.
    pub(super) fn exchange(
        &mut self,
        finished: &mut Vec<Finished>,
        is_look: bool,
        now: Instant,
    ) -> bool {
        let start = self.answers.position;
        if self.fault.is_none() {
            let outcome = self.read_answers(finished).and_then(|()| self.send_rest());
            self.note(outcome);
        }
        if is_look && self.answers.position == start {
            self.look_after();
        } else if !self.window.is_empty() {
            // Also while it is awake: it may have looked already, and be about to sleep.
            self.events.advance();
        }
        if self.left == 0 {
            self.close();
        }
        if let (Some(deadline), Some((_, job))) = (self.deadline, self.window.front())
            && deadline <= now
        {
            self.fault.get_or_insert(JobError::TimeLimit(job.limit));
        }
        self.fault.is_some() && matches!(self.worker, Worker::Alive(_))
    }

    /// Reads the answers that are there, at most a ringful.
    fn read_answers(&mut self, finished: &mut Vec<Finished>) -> Result<(), Corrupt> {
        let start = self.answers.position;
        while self.answers.position - start < RING_WORDS && self.answers.available(1)? > 0 {
            let begun = self.incoming.take();
            let (is_value, length, mut bytes) = begun.map_or_else(|| self.read_header(), Ok)?;
            self.answers.read_some(length - bytes.len(), &mut bytes)?;
            if bytes.len() < length {
                self.incoming = Some((is_value, length, bytes));
                self.events.advance();
            } else if let Some((_, job)) = self.window.pop_front() {
                self.left -= 1;
                self.deadline = None;
                let failure =
                    |bytes| Failure::from_bytes(bytes).map_or_else(JobError::from, failed);
                finished.push((job.owner, if is_value { Ok(bytes) } else { Err(failure(bytes)) }));
            }
        }
        Ok(())
    }

    /// Reads the header of an answer (`LINK-1`), and reserves memory for its bytes: a page of it counts once it is written.
    fn read_header(&mut self) -> Result<(bool, usize, Vec<u8>), Corrupt> {
        let (position, length, is_value) = self.answers.read_header()?;
        if self.window.front().is_none_or(|(first, _)| *first as u64 != position) {
            return Err(Corrupt("an answer is not to the first job"));
        }
        let bytes = reserve(length);
        let bytes =
            bytes.map_err(|_| Corrupt("an answer is longer than the memory that is left"))?;
        Ok((is_value, length, bytes))
    }

    /// Looks after a worker that has jobs and is silent. It is woken at each look, so it has lost a job if it sleeps again
    /// each time and does not answer: a job may have written over the cursors.
    fn look_after(&mut self) {
        let is_lost = self.events.sleeps() && !self.window.is_empty();
        self.lost_looks = if is_lost { self.lost_looks + 1 } else { 0 };
        if self.lost_looks == LOST_LOOKS {
            self.note(Err(Corrupt("the worker sleeps, but it has a job")));
        }
        self.events.wake();
    }

    /// Notes that the channel is damaged.
    fn note(&mut self, outcome: Result<(), Corrupt>) {
        if let (Err(Corrupt(what)), Some(pid)) = (outcome, self.pid()) {
            let text = format!("worker {pid} has damaged its channel, and was killed: {what}");
            self.fault.get_or_insert(JobError::Unreadable(text));
        }
    }

    /// Has the worker leave as soon as it has no jobs.
    pub(super) fn close(&mut self) {
        if let Worker::Alive(pid) = self.worker {
            self.worker = Worker::Leaving(pid);
        }
        self.channel.word(CLOSING).store(1, Ordering::SeqCst);
        self.events.wake();
    }
}
