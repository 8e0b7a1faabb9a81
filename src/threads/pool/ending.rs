//! The end of a pool: closed at once, over when its last worker has left.
//!
//! Problem: several threads may ask for the end, at once or twice, and one of them may be a worker, which cannot
//! wait until it has itself ended.
//!
//! ```text
//! a shutdown                          the workers                     another shutdown
//! closing = true, wake all
//! lock `workers`, join the first      run what is queued
//!                                     queue empty: leave              closing is set already
//! join the next ...                                                   sleeps for the lock of `workers`
//! unlock                                                              finds nobody left, returns
//! ```
//!
//! **Invariants**
//! - `ENDING-1`: a pool that was closed stays so, and everybody who sleeps on it is woken by that.
//! - `ENDING-2`: each thread is joined once, or detached.
//!
//! **Source**: `ThreadPoolExecutor.shutdown`, which raises "cannot join current thread" in a worker.

use std::mem;

use super::shared::Shared;
use crate::jobs::JobError;

impl Shared {
    /// Takes no more jobs (`POOL-7`), and wakes everybody who waits for one, or for a place.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.work_came.notify_all();
        self.place_came.notify_all();
    }

    /// Closes, and drops what is queued, with that error for its handles.
    pub(super) fn close_now(&self, why: &JobError) {
        let mut state = self.lock();
        state.closing = true;
        let mut queue = mem::take(&mut state.queue);
        state.cancelled += queue.len() as u64;
        drop(state);
        self.close();
        while let Some(job) = queue.pop() {
            job.call_off(why.clone());
        }
    }

    /// Waits for the end of every worker of a pool that was closed.
    pub(super) fn join_workers(&self) -> Result<(), JobError> {
        if self.lock().this_worker().is_some() {
            return Err(JobError::WouldDeadlock);
        }
        // Locked for as long as it takes: a second thread that asks waits as well (POOL-5).
        let mut workers = self.workers();
        for worker in workers.drain(..) {
            // A worker does not panic (POOL-JOB-2).
            drop(worker.join());
        }
        Ok(())
    }

    /// Leaves the workers of a pool that was closed to themselves.
    pub(super) fn detach_workers(&self) {
        self.workers().clear();
    }
}
