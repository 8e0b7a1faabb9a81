//! The run queue: tasks that can make progress, first in first out, in batches.
//!
//! `generator` takes one task from the front and adds tasks that become ready at the end, so a task that is always
//! ready comes round again before the sockets are asked. Here a batch is what was ready when it began. What is
//! woken during a batch waits for the next one.
//!
//! **Invariants**
//! - `QUEUE-1` A task stands here at most once: its `queued` flag (`task`) ensures it.
//! - `QUEUE-2` Without a seed, tasks leave in the order in which they came.
//! - `QUEUE-3` With a seed every batch is permuted, and the same seed permutes the same way.
//!
//! **Source**: `_run_once` of `CPython`'s `asyncio` for the batch; Vigna's *xorshift\** for the permutation.

use std::mem;

/// Slots of ready tasks.
#[derive(Debug, Default)]
pub(crate) struct RunQueue {
    /// In the order in which they came.
    ready: Vec<u32>,
    /// The empty vector of the last batch, kept for its allocation.
    spare: Vec<u32>,
    /// State of the generator that permutes batches; `None` leaves them in order.
    seed: Option<u64>,
}

impl RunQueue {
    /// Makes an empty queue.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        // At zero the generator would stay at zero.
        Self { seed: seed.map(|seed| seed | 1 << 63), ..Self::default() }
    }

    /// Adds a task at the end.
    pub(crate) fn push(&mut self, slot: u32) {
        self.ready.push(slot);
    }

    /// Tells whether no task is ready.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Takes out the tasks that are ready now, permuted if there is a seed.
    pub(crate) fn take_batch(&mut self) -> Vec<u32> {
        let mut batch = mem::replace(&mut self.ready, mem::take(&mut self.spare));
        if let Some(state) = &mut self.seed {
            for last in (1..batch.len()).rev() {
                *state ^= *state >> 12;
                *state ^= *state << 25;
                *state ^= *state >> 27;
                let random = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
                let other = usize::try_from(random).unwrap_or(0) % (last + 1);
                batch.swap(last, other);
            }
        }
        batch
    }

    /// Takes back the vector of a batch that has run.
    pub(crate) fn give_back(&mut self, mut batch: Vec<u32>) {
        batch.clear();
        self.spare = batch;
    }

    /// Removes everything: the tasks are gone.
    pub(crate) fn clear(&mut self) {
        self.ready.clear();
    }
}
