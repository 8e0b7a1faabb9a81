//! The jobs that no worker has taken, in the order they came, any of which may be taken out.
//!
//! Problem: a cancelled job must give its place and its memory back at once, and may stand anywhere. To search for
//! it, or to close the gap, takes a time that grows with the queue; to leave it until its turn comes leaves
//! the memory of a million cancelled jobs behind one that takes an hour.
//!
//! Each job has a ticket, and tickets ascend from front to back; so a job is found by bisection. Its place stays
//! behind as a hole, which is skipped; when most places are holes, all are swept out.
//!
//! **Invariants**
//! - `TICKET-1`: the tickets ascend from front to back, and none is given twice.
//! - `TICKET-2`: there are never more holes than jobs and [`FEW`] together; a sweep looks at each place, and so
//!   many cancellations came before it that each pays for a constant share.
//! - `TICKET-3`: no job is dropped here: each is given to the caller, who drops it without the lock (`POOL-4`).
//!
//! **Left out**: giving memory back that the queue once needed for its places, 24 bytes each.
//!
//! **Source**: lazy deletion, as in `heapq`'s notes on priority queues, with a bound.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::job::{Place, Run};

/// So many holes are never worth a sweep. A taste.
const FEW: usize = 32;

/// A job that is queued or taken out.
pub(super) type Queued = Arc<dyn Run>;

/// The queue of a pool.
#[derive(Default)]
pub(super) struct JobQueue {
    /// The places with their tickets; a hole has no job.
    places: VecDeque<(u64, Option<Queued>)>,
    /// How many places have a job.
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
        job.place().set_ticket(self.next_ticket);
        self.places.push_back((self.next_ticket, Some(job)));
        self.next_ticket += 1;
        self.jobs += 1;
    }

    /// Takes the job at the front.
    pub(super) fn pop(&mut self) -> Option<Queued> {
        while let Some((_, job)) = self.places.pop_front() {
            if job.is_some() {
                self.jobs -= 1;
                return job;
            }
        }
        None
    }

    /// Takes out the job with the ticket of that place; `None` when it is here no more.
    pub(super) fn take_out(&mut self, place: &Place) -> Option<Queued> {
        let at = self.places.binary_search_by_key(&place.ticket(), |(ticket, _)| *ticket).ok()?;
        let job = self.places[at].1.take()?;
        self.jobs -= 1;
        // TICKET-2. What is swept out is holes only (TICKET-3).
        if self.places.len() - self.jobs > self.jobs + FEW {
            self.places.retain(|(_, job)| job.is_some());
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
    use crate::jobs::JobError;

    /// A job that is only queued.
    struct Idle(Place);

    impl Run for Idle {
        fn run(self: Arc<Self>) {}
        fn call_off(&self, _: JobError) {}
        fn place(&self) -> &Place {
            &self.0
        }
    }

    /// Queues a job, and keeps it for a cancel.
    fn push(queue: &mut JobQueue) -> Arc<Idle> {
        let job = Arc::new(Idle(Place::new()));
        queue.push(job.clone());
        job
    }

    #[test]
    fn cancelled_jobs_leave_no_more_holes_than_there_are_jobs() {
        let mut queue = JobQueue::default();
        // Every third job stays, among them the first, behind which the holes would gather.
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
            let holes = queue.places.len() - queue.len();
            assert!(holes <= queue.len() + FEW, "TICKET-2: {holes} holes, {} jobs", queue.len());
        }
        for job in staying {
            let front = queue.pop().expect("a job");
            assert_eq!(front.place().ticket(), job.0.ticket(), "POOL-1: in the order they came");
        }
        assert!(queue.pop().is_none() && queue.places.is_empty(), "nothing is left");
    }
}
