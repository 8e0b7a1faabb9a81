//! The parent's side of one worker: the jobs that it has, in order, and the answers that come back.
//!
//! A worker may die, or write anything into its channel, at every moment. Then the parent must know what became of a job:
//!
//! | a job | known by | when the worker dies |
//! | --- | --- | --- |
//! | answered | its answer is in the ring | has its result |
//! | begun | its mark in the ring is `BEGUN` | fails with the worker's exit |
//! | not begun | its mark is `QUEUED` | goes to another worker |
//!
//! **Invariants**
//! - `LINK-1`: answers come in the order of the jobs, and each names its job's position. Any other answer is damage.
//! - `LINK-2`: a job that does not fit into the ring is given only to a worker without jobs. So at most the last job is
//!   sent in part, and neither side waits for the other to read.
//! - `LINK-3`: a job with a time limit has its worker for itself, which can be killed without hitting another job.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ring::{Endpoint, EventCount, QUEUED, RING_WORDS};
use super::worker::failed;
use crate::jobs::{JobError, Slot};
use crate::os::SharedMemory;
use crate::os::process::Pid;

/// The most jobs that a worker has at once. Enough that it seldom runs dry.
const MOST_JOBS: usize = 256;
/// Arguments and values of more bytes are freed without the lock, because that takes long.
const LONG: usize = 4096;

/// A job that was submitted.
pub(super) struct Job {
    /// Its number: jobs begin in this order.
    pub(super) id: u64,
    /// What its handle holds. The slot in it takes the result as bytes, because this side of the pool knows no types.
    pub(super) owner: Arc<dyn AsRef<Slot<Vec<u8>>> + Send + Sync>,
    /// The argument's bytes.
    pub(super) argument: Vec<u8>,
    /// How long it may run: `Duration::MAX` for as long as it likes.
    pub(super) limit: Duration,
}

impl Job {
    /// Leaves the result. The job comes back if the pool's thread has to wake its owner, or to free much memory.
    pub(super) fn finish(self, result: Result<Vec<u8>, JobError>) -> Option<Self> {
        let value = result.as_ref().map_or(0, Vec::capacity);
        let waits = (*self.owner).as_ref().leave(result) == Some(true);
        (waits || value.max(self.argument.capacity()) > LONG).then_some(self)
    }
}

/// The parent's side of one worker, and of the next one at the same place.
pub(super) struct Link {
    /// The worker's number; `None` when there is no worker.
    pub(super) pid: Option<Pid>,
    /// Whether the fork server was asked to kill the worker, or for a worker.
    pub(super) is_asked: bool,
    /// Our end of the channel: jobs go out, answers come in.
    pub(super) end: Endpoint,
    /// The jobs that it has, oldest first, each with the position of its mark.
    window: VecDeque<(usize, Job)>,
    /// When the time limit of its one job is over.
    pub(super) deadline: Option<Instant>,
    /// Why it must be killed.
    pub(super) fault: Option<JobError>,
}

impl Link {
    /// The link to a worker, if there is one, with an empty channel.
    pub(super) fn new(pid: Option<Pid>, channel: &Arc<SharedMemory>) -> Self {
        Self {
            pid,
            is_asked: false,
            end: Endpoint::new(channel, true, EventCount { memory: Arc::clone(channel) }),
            window: VecDeque::new(),
            deadline: None,
            fault: None,
        }
    }

    /// Tells whether there is no worker, and none was asked for.
    pub(super) fn is_missing(&self) -> bool {
        self.pid.is_none() && !self.is_asked
    }

    /// How many jobs it has.
    pub(super) fn len(&self) -> usize {
        self.window.len()
    }

    /// Tells whether it runs a job: the first, if that has begun.
    pub(super) fn is_running(&self) -> bool {
        self.window.front().is_some_and(|(position, _)| self.end.has_begun(*position))
    }

    /// Tells whether it can be given this job.
    pub(super) fn has_room_for(&mut self, job: &Job) -> bool {
        if self.pid.is_none() || self.is_asked || self.fault.is_some() {
            return false;
        }
        let bytes = match self.window.back() {
            None => 0,
            Some((_, last)) if job.limit.min(last.limit) < Duration::MAX => return false,
            Some(_) if self.end.unsent > 0 || self.window.len() == MOST_JOBS => return false,
            Some(_) => job.argument.len(),
        };
        self.end.has_room(bytes).unwrap_or_else(|damage| {
            self.note(&damage);
            false
        })
    }

    /// Gives it a job, for which it has room.
    pub(super) fn give(&mut self, job: Job) {
        let position = self.end.output.position;
        if let Err(damage) = self.end.send(QUEUED, &job.argument) {
            self.note(&damage);
        }
        self.end.peer.advance();
        let limit = Some(job.limit).filter(|limit| *limit < Duration::MAX);
        self.deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        self.window.push_back((position, job));
    }

    /// Takes back the jobs that have not begun and that `is_wanted` names; the time limit goes with the only job.
    pub(super) fn take_back(&mut self, is_wanted: impl Fn(usize, &Job) -> bool) -> Vec<Job> {
        let mut taken = Vec::new();
        for index in (0..self.window.len()).rev() {
            let (position, job) = &self.window[index];
            let is_sent = index + 1 < self.window.len() || self.end.unsent == 0;
            if is_sent && is_wanted(index, job) && self.end.revoke(*position) {
                taken.extend(self.window.remove(index).map(|(_, job)| job));
            }
        }
        self.deadline = self.deadline.filter(|_| !self.window.is_empty());
        taken
    }

    /// Takes all its jobs, of a worker that has ended or will be killed: those that had begun, and the others.
    pub(super) fn take_all(&mut self) -> (Vec<Job>, Vec<Job>) {
        self.end.unsent = 0;
        let others = self.take_back(|_, _| true);
        (self.window.drain(..).map(|(_, job)| job).collect(), others)
    }

    /// Reads answers, and sends what there is room for. In a look, which no event asked for, it checks a silent worker.
    pub(super) fn exchange(&mut self, finished: &mut Vec<Job>, is_look: bool) {
        if self.window.is_empty() || self.fault.is_some() {
            return;
        }
        // Before the answers are read: a worker that sleeps, as an odd count tells, has published all of them.
        let slept = self.end.peer.count() & 1 == 1;
        let start = (self.end.input.position, self.end.output.position);
        let outcome = self.read_answers(finished).and_then(|()| match self.window.back() {
            Some((_, last)) => self.end.send_rest(&last.argument),
            None => Ok(()),
        });
        let is_silent = start == (self.end.input.position, self.end.output.position);
        if let Err(damage) = outcome {
            self.note(&damage);
        } else if !is_silent {
            self.end.peer.advance();
        } else if is_look {
            if slept {
                self.note(&io::Error::other("the worker sleeps, but it has a job"));
            }
            self.end.peer.wake();
        }
    }

    /// Tells whether the worker must be killed: for a fault, or at the end of its job's time limit.
    pub(super) fn must_be_killed(&mut self, now: Instant) -> bool {
        if let (Some(deadline), Some((_, job))) = (self.deadline, self.window.front())
            && deadline <= now
        {
            self.deadline = None;
            self.fault.get_or_insert(JobError::TimeLimit(job.limit));
        }
        self.fault.is_some() && self.pid.is_some() && !self.is_asked
    }

    /// Reads the answers that are there (`LINK-1`). At most a ringful, so that the lock is not held for long.
    fn read_answers(&mut self, finished: &mut Vec<Job>) -> io::Result<()> {
        let start = self.end.input.position;
        while self.end.input.position - start < RING_WORDS && self.end.has_input()? {
            let Some(answer) = self.end.receive()? else { continue };
            let first = self.window.pop_front_if(|(at, _)| *at as u64 == answer.first >> 1);
            let (_, job) =
                first.ok_or_else(|| io::Error::other("an answer is not to the first job"))?;
            self.deadline = None;
            let (is_value, bytes) = (answer.first & 1 == 1, answer.bytes);
            finished.extend(job.finish(if is_value { Ok(bytes) } else { Err(failed(bytes)) }));
        }
        Ok(())
    }

    /// Notes that the channel is damaged.
    fn note(&mut self, damage: &io::Error) {
        let worker = self.pid.map_or(0, |pid| pid.0);
        let text = format!("worker {worker} has damaged its channel, and was killed: {damage}");
        self.fault.get_or_insert(JobError::Unreadable(text));
    }
}
