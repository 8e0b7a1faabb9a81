//! The run queue: ids of tasks that can go on, first in first out, in batches.
//!
//! The course's server pops whatever stands first and pushes what becomes ready at the end, so a task
//! that keeps itself ready is met again before the sockets are. Here a batch is what stood in the queue
//! when it began; what is woken meanwhile waits for the next one.
//!
//! **Invariants**
//! - `QUEUE-1` A task stands here at most once; its `queued` flag (`WakeState` in `task`) keeps it so.
//! - `QUEUE-2` Without a seed, ids leave in the order in which they came.
//! - `QUEUE-3` With a seed every batch is permuted, and the same seed permutes the same way.
//!
//! **Left out**: priorities, and a slot for the task woken last (tokio's LIFO slot), which trades
//! fairness for a warm cache.
//!
//! **Source**: `CPython`'s `asyncio` (`_run_once` in `base_events.py`) for the batch; Vigna's
//! *xorshift\** for the permutation.

use std::mem;

/// Ids of the tasks that can go on.
#[derive(Debug, Default)]
pub(crate) struct RunQueue {
    /// Slots of the task table, in the order in which they came.
    ready: Vec<u32>,
    /// An empty vector, kept for its allocation: the one of the last batch.
    spare: Vec<u32>,
    /// State of the generator that permutes batches; `None` leaves them in order.
    seed: Option<u64>,
}

impl RunQueue {
    /// Makes an empty queue.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        // The generator would stay at zero for ever.
        Self { seed: seed.map(|seed| seed | 1 << 63), ..Self::default() }
    }

    /// Adds a task at the end.
    pub(crate) fn push(&mut self, slot: u32) {
        self.ready.push(slot);
    }

    /// Tells whether no task can go on.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Takes out the batch that is ready now, permuted when there is a seed.
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

    /// Gives a batch back when it has run, for the next but one.
    pub(crate) fn give_back(&mut self, mut batch: Vec<u32>) {
        batch.clear();
        self.spare = batch;
    }

    /// Forgets everything: the tasks are gone.
    pub(crate) fn clear(&mut self) {
        self.ready.clear();
    }
}
