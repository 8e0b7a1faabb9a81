//! Which workers wait for their own pool, so that a wait without end can be refused.
//!
//! Problem: a job that submits another to its own pool and joins it holds a worker meanwhile. When every worker is
//! held so, nobody is left to run what they wait for: the program stands still, and nothing says why.
//!
//! A worker waits when it joins a job of its own pool, or wants a place in its full queue, without a time limit. It
//! is refused (`WouldDeadlock`) when its wait would be one of these:
//!
//! 1. a circle: the job runs on a worker that waits for a job that runs on a worker that … waits for this one. The
//!    shortest circle is a job that joins itself;
//! 2. the last: with it every worker waits, and none of what they wait for has come.
//!
//! **Invariants**
//! - `BLOCKED-1`: no refusal without need: a worker whose wait is over, but which has not woken yet, is not taken
//!   for one that waits. So a wait is looked at, not only counted.
//! - `BLOCKED-2`: of those who would stand still for ever one is refused: the last to come. It can go on, and so can
//!   the others once its job is over.
//! - `BLOCKED-3`: whatever is noted here, its worker holds as well; so nothing is dropped under the lock.
//!
//! **Left out**: waits through anything but the pool itself: a channel, a lock, another pool, a wait with a time
//! limit (which ends). A job that somebody outside may still cancel counts as one that will not come.
//!
//! **Source**: the wait-for graphs of database textbooks. `ThreadPoolExecutor` stands still.

use std::sync::Arc;

use crate::jobs::Awaited;

/// What a worker waits for.
pub(super) enum Wish {
    /// A job, or one of several.
    Job(Arc<dyn Awaited>),
    /// A place in the queue.
    Place,
}

/// The workers that wait, each with its wish.
#[derive(Default)]
pub(super) struct Blocked {
    /// The number of each worker, and what it waits for.
    waits: Vec<(usize, Wish)>,
}

impl Blocked {
    /// Notes that a worker waits. False, and nothing is noted, when it would be for ever; `workers` is how many
    /// there are, and `has_place` tells whether the queue has a place.
    pub(super) fn begin(
        &mut self,
        worker: usize,
        wish: Wish,
        workers: usize,
        has_place: bool,
    ) -> bool {
        if self.closes_circle(worker, &wish) || self.is_last(&wish, workers, has_place) {
            return false;
        }
        self.waits.push((worker, wish));
        true
    }

    /// Notes that a worker goes on.
    pub(super) fn end(&mut self, worker: usize) {
        self.waits.retain(|(waiting, _)| *waiting != worker);
    }

    /// Follows the waits from one worker to the next, and tells whether that leads back.
    fn closes_circle(&self, worker: usize, wish: &Wish) -> bool {
        let mut wish = wish;
        // There are no circles yet, so the walk has an end; the bound is for the reader's peace.
        for _ in 0..=self.waits.len() {
            let Wish::Job(job) = wish else { return false };
            let Some(next) = job.runs_on().filter(|_| !job.is_over()) else { return false };
            if next == worker {
                return true;
            }
            let Some((_, its_wish)) = self.waits.iter().find(|(waiting, _)| *waiting == next)
            else {
                return false;
            };
            wish = its_wish;
        }
        false
    }

    /// Tells whether with this wait all workers wait, and for nothing that has come (`BLOCKED-1`).
    fn is_last(&self, wish: &Wish, workers: usize, has_place: bool) -> bool {
        let has_come = |wish: &Wish| match wish {
            Wish::Job(job) => job.is_over(),
            Wish::Place => has_place,
        };
        self.waits.len() + 1 >= workers
            && !has_come(wish)
            && !self.waits.iter().any(|(_, wish)| has_come(wish))
    }
}
