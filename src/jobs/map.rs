//! A function on every item of a sequence, in a pool, with the values in the order of the items.
//!
//! Problem: to submit every item and then join every handle is two loops, a list of handles as long as the input, and
//! a pool that is full of jobs nobody may want any more.
//!
//! ```text
//! items ──► Chunks ──► the pool          at most a window of chunks, oldest first in `under_way`
//!                        │
//! values ◄── ready ◄─────┘ join          the oldest chunk only, even if a younger one is over
//! ```
//!
//! **Invariants**
//! - `MAP-1`: the values come in the order of the items, whatever order they are ready in.
//! - `MAP-2`: dropped before its end, it calls off what has not begun; what runs is detached.
//!
//! **Source**: `concurrent.futures.Executor.map`.

use std::collections::VecDeque;
use std::fmt;
use std::vec;

use super::chunks::{Chunk, Chunks, of_items};
use super::error::JobError;

/// The values of a function on every item, in the items' order. Made by the `map` of a pool.
///
/// # Blocking
/// `next` waits for the value that is due, and for a place in a bounded queue.
#[must_use = "an iterator is lazy: a pool gets nothing to do before the first value is asked for"]
pub struct Map<'a, A, T> {
    /// What is to be submitted.
    chunks: Chunks<'a, A, T>,
    /// What was, in order; at most a window.
    under_way: VecDeque<Chunk<T>>,
    /// What is left of the chunk that came last.
    ready: vec::IntoIter<Result<T, JobError>>,
}

impl<'a, A, T> Map<'a, A, T> {
    /// Starts with nothing submitted.
    pub(crate) fn new(chunks: Chunks<'a, A, T>) -> Self {
        Self { chunks, under_way: VecDeque::new(), ready: Vec::new().into_iter() }
    }

    /// Keeps the window full.
    fn fill(&mut self) {
        while self.under_way.len() < self.chunks.window {
            let Some(chunk) = self.chunks.submit_next() else { return };
            self.under_way.push_back(chunk);
        }
    }
}

impl<A, T> Iterator for Map<'_, A, T> {
    type Item = Result<T, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(result) = self.ready.next() {
                return Some(result);
            }
            // Before the join, so that the workers have work while this thread waits.
            self.fill();
            let Chunk { job, len, .. } = self.under_way.pop_front()?;
            self.ready = of_items(job.and_then(super::JobHandle::join), len);
        }
    }
}

impl<A, T> Drop for Map<'_, A, T> {
    /// `MAP-2`.
    fn drop(&mut self) {
        for job in self.under_way.iter().filter_map(|chunk| chunk.job.as_ref().ok()) {
            job.cancel();
        }
    }
}

impl<A, T> fmt::Debug for Map<'_, A, T> {
    /// Shows how much is under way; neither items nor function need be printable.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Map").field("under_way", &self.under_way.len()).finish_non_exhaustive()
    }
}
