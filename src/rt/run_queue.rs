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

use std::collections::VecDeque;

/// Ids of the tasks that can go on.
#[derive(Debug, Default)]
pub(crate) struct RunQueue {
    /// Slots of the task table, the next one to run in front.
    ready: VecDeque<u32>,
    /// State of the generator that permutes batches; `None` leaves them in order.
    seed: Option<u64>,
}

impl RunQueue {
    /// Makes an empty queue.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        // The generator would stay at zero for ever.
        Self { ready: VecDeque::new(), seed: seed.map(|seed| seed | 1 << 63) }
    }

    /// Adds a task at the end.
    pub(crate) fn push(&mut self, slot: u32) {
        self.ready.push_back(slot);
    }

    /// Takes the task in front.
    pub(crate) fn pop(&mut self) -> Option<u32> {
        self.ready.pop_front()
    }

    /// Tells whether no task can go on.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Begins a batch: returns its length, after permuting it when there is a seed.
    pub(crate) fn begin_batch(&mut self) -> usize {
        if let Some(state) = &mut self.seed {
            for last in (1..self.ready.len()).rev() {
                *state ^= *state >> 12;
                *state ^= *state << 25;
                *state ^= *state >> 27;
                let random = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
                let other = usize::try_from(random).unwrap_or(0) % (last + 1);
                self.ready.swap(last, other);
            }
        }
        self.ready.len()
    }

    /// Forgets everything: the tasks are gone.
    pub(crate) fn clear(&mut self) {
        self.ready.clear();
    }
}
