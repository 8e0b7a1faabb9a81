//! What stands behind the handle of a job: its slot, and how its answer is decoded.
//!
//! Problem: the pool's thread knows no types, and must not run the foreign code that decodes a value. So the slot gets the
//! answer as bytes, and the thread or task that takes the result decodes it.
//!
//! **Invariants**
//! - `PENDING-1`: a value whose decoding panics fails its job with `Panicked`, on the owner's thread.
//!
//! **Source**: `jobs::Slot`.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::link::Owner;
use super::shared::Shared;
use super::work::Answer;
use crate::jobs::{Cancel, JobError, Outcome, Slot};

/// Makes a job's result of its answer.
pub(super) type Decode<T> = fn(Answer) -> Result<T, JobError>;

/// A job that was submitted, as its handle sees it.
pub(super) struct Pending<T> {
    /// Where the result is left. There is nothing to run on this side.
    slot: Slot<(), Answer>,
    /// The job's number.
    pub(super) id: u64,
    /// The pool.
    shared: Arc<Shared>,
    /// Decodes the value.
    decode: Decode<T>,
}

impl<T> Pending<T> {
    /// A job that is about to be submitted.
    pub(super) fn new(shared: &Arc<Shared>, decode: Decode<T>) -> Self {
        Self { slot: Slot::new(()), id: shared.next_id(), shared: Arc::clone(shared), decode }
    }

    /// Decodes the value (`PENDING-1`).
    fn decode(&self, result: Result<Answer, JobError>) -> Result<T, JobError> {
        let answer = result?;
        panic::catch_unwind(AssertUnwindSafe(|| (self.decode)(answer)))
            .unwrap_or_else(|payload| Err(JobError::panicked(payload)))
    }
}

impl<T> Owner for Pending<T> {
    fn finish(&self, result: Result<Answer, JobError>) {
        self.slot.finish(result);
    }
}

impl<T> Outcome<T> for Pending<T> {
    fn wait(self: Arc<Self>, deadline: Option<Instant>) -> Option<Result<T, JobError>> {
        self.slot.wait(deadline).map(|result| self.decode(result))
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, JobError>> {
        self.slot.poll(cx).map(|result| self.decode(result))
    }

    fn forget_waker(&self) {
        self.slot.forget_waker();
    }

    fn is_finished(&self) -> bool {
        self.slot.is_finished()
    }

    fn cancel(&self) -> Cancel {
        if self.slot.is_finished() {
            return Cancel::Finished;
        }
        let mut hub = self.shared.lock();
        let cancelled = hub.state.cancel(self.id);
        self.shared.notify(&hub);
        drop(hub);
        if cancelled == Cancel::Cancelled {
            self.slot.finish(Err(JobError::Cancelled));
        }
        cancelled
    }
}
