//! The jobs that no worker has taken, in the order in which they came. Any of them can be taken out.
//!
//! Problem: a cancelled job must free its place and its memory at once, wherever it stands. To search for it, or to
//! close the gap, takes a time that grows with the queue. To leave it until its turn comes keeps the memory of a
//! million cancelled jobs behind one that takes an hour.
//!
//! Each job gets a ticket, and tickets ascend from front to back, so a job is found by binary search. Taken out, it
//! leaves an empty entry, which is skipped later; when most entries are empty, all empty ones are removed.
//!
//! **Invariants**
//! - `TICKET-1`: the tickets ascend from front to back, and none is given twice.
//! - `TICKET-2`: there are never more empty entries than jobs and [`FEW`] together. The removal looks at each entry,
//!   but only after so many cancellations that each pays for a constant share.
//!
//! No job is dropped here: each is given to the caller, who drops it without the lock (`POOL-4`).
//!
//! **Source**: lazy deletion, as in `heapq`'s notes on priority queues, with a bound.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::jobs::JobError;

/// So few empty entries are not worth a removal.
const FEW: usize = 32;

/// In [`Position::worker`]: no worker has the job.
const NO_WORKER: usize = usize::MAX;

/// A job, whatever its closure and its value are.
pub(super) trait Run: Send + Sync {
    /// Runs the job and leaves its value.
    fn run(self: Arc<Self>);

    /// Drops the closure, and leaves an error in the place of a value.
    fn fail(&self, why: JobError);

    /// Where the job is.
    fn position(&self) -> &Position;
}

/// Where a job is. Both fields are written and read under the pool's lock, which orders them; they are atomic only
/// because a job is shared.
#[derive(Debug)]
pub(super) struct Position {
    /// Its ticket, by which the queue finds it.
    ticket: AtomicU64,
    /// The worker that has taken it, or [`NO_WORKER`].
    worker: AtomicUsize,
}

impl Position {
    /// The position of a job that is not queued yet.
    pub(super) fn new() -> Self {
        Self { ticket: AtomicU64::new(0), worker: AtomicUsize::new(NO_WORKER) }
    }

    /// The ticket.
    fn ticket(&self) -> u64 {
        self.ticket.load(Ordering::Relaxed)
    }

    /// Notes that a worker has taken the job.
    pub(super) fn set_worker(&self, worker: usize) {
        self.worker.store(worker, Ordering::Relaxed);
    }

    /// The worker that has taken it.
    pub(super) fn worker(&self) -> Option<usize> {
        let worker = self.worker.load(Ordering::Relaxed);
        (worker != NO_WORKER).then_some(worker)
    }
}

/// A job that is queued or taken out.
pub(super) type Queued = Arc<dyn Run>;

/// The queue of a pool.
#[derive(Default)]
pub(super) struct JobQueue {
    /// The entries with their tickets; an empty one has no job.
    entries: VecDeque<(u64, Option<Queued>)>,
    /// How many entries have a job.
    jobs: usize,
    /// The ticket of the next job.
    next_ticket: u64,
}

impl JobQueue {
    /// How many jobs there are.
    pub(super) fn len(&self) -> usize {
        self.jobs
    }

    /// Puts a job at the back.
    pub(super) fn push(&mut self, job: Queued) {
        job.position().ticket.store(self.next_ticket, Ordering::Relaxed);
        self.entries.push_back((self.next_ticket, Some(job)));
        self.next_ticket += 1;
        self.jobs += 1;
    }

    /// Takes the job at the front.
    pub(super) fn pop(&mut self) -> Option<Queued> {
        while let Some((_, job)) = self.entries.pop_front() {
            if job.is_some() {
                self.jobs -= 1;
                return job;
            }
        }
        None
    }

    /// Takes out the job at that position; `None` if it is not in the queue any more.
    pub(super) fn take_out(&mut self, position: &Position) -> Option<Queued> {
        let at =
            self.entries.binary_search_by_key(&position.ticket(), |(ticket, _)| *ticket).ok()?;
        let job = self.entries[at].1.take()?;
        self.jobs -= 1;
        // TICKET-2. What is removed has no job, so nothing is dropped.
        if self.entries.len() - self.jobs > self.jobs + FEW {
            self.entries.retain(|(_, job)| job.is_some());
        }
        Some(job)
    }
}

impl fmt::Debug for JobQueue {
    /// Shows how many jobs there are; they cannot be printed.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JobQueue").field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A job that is only queued.
    struct Idle(Position);

    impl Run for Idle {
        fn run(self: Arc<Self>) {}
        fn fail(&self, _: JobError) {}
        fn position(&self) -> &Position {
            &self.0
        }
    }

    /// Queues a job, and keeps it for a cancel.
    fn push(queue: &mut JobQueue) -> Arc<Idle> {
        let job = Arc::new(Idle(Position::new()));
        queue.push(job.clone());
        job
    }

    #[test]
    fn cancelled_jobs_leave_few_empty_entries() {
        let mut queue = JobQueue::default();
        // Every third job stays, among them the first, behind which the empty entries would gather.
        let mut staying = Vec::new();
        for round in 0..30_000 {
            let job = push(&mut queue);
            if round % 3 == 0 {
                staying.push(job);
            } else {
                let taken = queue.take_out(&job.0).expect("TICKET-1: the job is found");
                drop(taken);
                assert_eq!(Arc::strong_count(&job), 1, "expected the queue to have let go of it");
                assert!(queue.take_out(&job.0).is_none(), "a job was taken out twice");
            }
            let empty = queue.entries.len() - queue.len();
            assert!(empty <= queue.len() + FEW, "TICKET-2: {empty} empty, {} jobs", queue.len());
        }
        for job in staying {
            let front = queue.pop().expect("a job");
            assert_eq!(front.position().ticket(), job.0.ticket(), "POOL-1: in the order they came");
        }
        assert!(queue.pop().is_none() && queue.entries.is_empty(), "nothing is left");
    }
}
