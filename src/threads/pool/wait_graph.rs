//! Which workers wait for their own pool, so that a wait without end can be refused.
//!
//! Problem: a job that submits another job to its own pool and joins it occupies a worker meanwhile. If every worker
//! does so, no worker is left to run what they wait for: the program stands still, and nothing says why.
//!
//! A worker waits when it joins a job of its own pool without a time limit. The wait is refused (`WouldDeadlock`) in
//! two cases:
//!
//! 1. a circle: the job runs on a worker that waits for a job that runs on a worker that … waits for this one. The
//!    shortest circle is a job that joins itself;
//! 2. the last one: with it every worker waits, and nothing of what they wait for has come.
//!
//! **Invariants**
//! - `BLOCKED-1`: no wait is refused without need. A worker whose wait is over, but which did not run yet, does not
//!   count as waiting; so each wait is looked at, not only counted.
//! - `BLOCKED-2`: of those that would wait forever the last one is refused. It continues, and so can the others once
//!   its job is over.
//!
//! The worker owns what is noted here as well; so nothing is dropped under the pool's lock.
//!
//! **Left out**: waits through anything but the pool: a channel, a lock, another pool, a handle that is awaited. A
//! queued job that another thread may still cancel counts as one that will not come.
//!
//! **Source**: the wait-for graphs of database textbooks. `ThreadPoolExecutor` deadlocks.

use std::sync::Arc;

use crate::jobs::Awaited;

/// The workers that wait.
#[derive(Default)]
pub(super) struct WaitGraph {
    /// The number of each, and what it waits for.
    waits: Vec<(usize, Arc<dyn Awaited>)>,
}

impl WaitGraph {
    /// Notes that a worker waits. False, and nothing is noted, if it would wait forever; `workers` is how many there
    /// are.
    pub(super) fn begin(&mut self, worker: usize, wait: Arc<dyn Awaited>, workers: usize) -> bool {
        if self.closes_circle(worker, &*wait) || self.is_last(&*wait, workers) {
            return false;
        }
        self.waits.push((worker, wait));
        true
    }

    /// Notes that a worker continues.
    pub(super) fn end(&mut self, worker: usize) {
        self.waits.retain(|(waiting, _)| *waiting != worker);
    }

    /// Follows the waits from one worker to the next, and tells whether that leads back to `worker`.
    fn closes_circle(&self, worker: usize, wait: &dyn Awaited) -> bool {
        let mut job = wait;
        // There is no circle yet, so the walk visits each wait once at most.
        for _ in 0..=self.waits.len() {
            let Some(next) = job.runs_on().filter(|_| !job.is_over()) else { return false };
            if next == worker {
                return true;
            }
            let its_wait = self.waits.iter().find(|(waiting, _)| *waiting == next);
            let Some((_, its_wait)) = its_wait else { return false };
            job = &**its_wait;
        }
        false
    }

    /// Tells whether with this wait all workers wait, and nothing of that has come (`BLOCKED-1`).
    fn is_last(&self, wait: &dyn Awaited, workers: usize) -> bool {
        self.waits.len() + 1 >= workers
            && !wait.is_over()
            && !self.waits.iter().any(|(_, wait)| wait.is_over())
    }
}
