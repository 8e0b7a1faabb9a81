//! A job's way from its submitter to a worker, or out of the queue again.
//!
//! How `POOL-2` holds when a worker falls asleep while a job arrives; both hold the lock in turn:
//!
//! ```text
//! worker                                   submit
//! lock, queue empty
//! sleeping += 1, wait (gives up the lock)
//!                                          lock, push, sleeping > woken: woken += 1, unlock
//!                                          wake one
//! wakes with the lock, woken -= 1
//! queue not empty: sleeping -= 1, pop
//! ```
//! Had `submit` come first, the worker would have found the job before it slept. A submitter that finds no place
//! sleeps in the same way, with the sides exchanged: whoever takes a job out of the queue wakes it.
//!
//! **Invariants**
//! - `HANDING-1`: for each place that comes free while submitters wait for one, one of them is woken. It may find
//!   that somebody else was quicker, and waits again.
//! - `HANDING-2`: no job's last owner lets go of it here: a submitter has the job as well, and what is taken out is
//!   returned (`POOL-4`).
//!
//! **Left out**: fairness among submitters. They are woken in turn, but one that comes just then may go before them.

use std::sync::{Arc, MutexGuard, PoisonError};

use super::blocked::Wish;
use super::job::Place;
use super::queue::Queued;
use super::shared::{Shared, State};
use crate::jobs::JobError;

/// Why a job was not taken without waiting.
pub(super) enum Full {
    /// The queue is full now.
    Now,
    /// It would not be taken later either.
    Refused(JobError),
}

impl Shared {
    /// Queues a job, when there is a place for it.
    pub(super) fn submit(self: &Arc<Self>, job: Queued) -> Result<(), JobError> {
        let mut state = self.lock();
        // A closed pool is noticed by `put`, which also judges the pool that was never full.
        while state.queue.len() >= self.capacity && !state.closing {
            state = self.wait_for_place(state)?;
        }
        self.put(state, job)
    }

    /// Queues a job if there is a place for it.
    pub(super) fn try_submit(self: &Arc<Self>, job: Queued) -> Result<(), Full> {
        let state = self.lock();
        if state.queue.len() >= self.capacity && !state.closing {
            return Err(Full::Now);
        }
        self.put(state, job).map_err(Full::Refused)
    }

    /// Queues a job in the place that is there for it, and sees to it that a worker will come for it (`POOL-2`).
    fn put(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, State>,
        job: Queued,
    ) -> Result<(), JobError> {
        let refused = if state.closing {
            Some(JobError::PoolGone)
        } else if state.sleeping > state.woken {
            state.woken += 1;
            state.queue.push(job);
            drop(state);
            // After the unlock, else the woken worker would at once sleep again, for the lock.
            self.work_came.notify_one();
            return Ok(());
        } else if state.started.len() < self.max_workers {
            let started = self.start_worker(&mut state);
            started
                .err()
                .filter(|_| state.started.is_empty())
                .map(|error| JobError::NoWorker(Arc::new(error)))
        } else {
            None
        };
        if let Some(error) = refused {
            // The submitter has the job as well, and drops it after the unlock (POOL-4).
            return Err(error);
        }
        // Every worker is busy, or just starting: it will look at the queue, unasked (POOL-6).
        state.queue.push(job);
        Ok(())
    }

    /// Sleeps until there may be a place.
    fn wait_for_place<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
    ) -> Result<MutexGuard<'a, State>, JobError> {
        let worker = state.this_worker();
        if let Some(worker) = worker
            && !state.begin_wait(worker, Wish::Place, false)
        {
            return Err(JobError::WouldDeadlock);
        }
        // Noted for `free_place`, which asks the kernel for nothing when nobody waits (POOL-6).
        state.wanting_place += 1;
        state = self.place_came.wait(state).unwrap_or_else(PoisonError::into_inner);
        state.wanting_place -= 1;
        if let Some(worker) = worker {
            state.blocked.end(worker);
        }
        Ok(state)
    }

    /// Waits for a job, and takes it for a worker; `None` when the pool closes and the queue is empty.
    pub(super) fn next_job(&self, worker: usize) -> Option<Queued> {
        let mut state = self.lock();
        if state.queue.len() == 0 {
            state.sleeping += 1;
            while state.queue.len() == 0 && !state.closing {
                state = self.work_came.wait(state).unwrap_or_else(PoisonError::into_inner);
                // Without a wake of its own (condition variables may do that) it takes another's
                // off the count; then one wake too many is sent later, never one too few.
                state.woken = state.woken.saturating_sub(1);
            }
            state.sleeping -= 1;
        }
        let Some(job) = state.queue.pop() else {
            state.left += 1;
            return None;
        };
        // Under the lock, where `blocked` follows who waits for whom.
        job.place().set_worker(worker);
        state.taken += 1;
        self.free_place(state);
        Some(job)
    }

    /// Takes a job out of the queue, if it is there.
    pub(super) fn take_out(&self, place: &Place) -> Option<Queued> {
        let mut state = self.lock();
        let job = state.queue.take_out(place)?;
        state.cancelled += 1;
        self.free_place(state);
        Some(job)
    }

    /// Gives the lock up, and wakes a submitter if there is one: a place has come free.
    fn free_place(&self, state: MutexGuard<'_, State>) {
        let is_wanted = state.wanting_place > 0;
        drop(state);
        if is_wanted {
            self.place_came.notify_one();
        }
    }
}
