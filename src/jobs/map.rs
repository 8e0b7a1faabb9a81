//! A function on every item of a sequence, in a pool, with the values in the order of the items.
//!
//! A job of a few nanoseconds costs more to queue than to run, so several items make one job, a chunk. And a million
//! chunks that are submitted at once take the memory of a million, so only a window of them is in the pool.
//!
//! ```text
//! items ──► chunks ──► the pool     at most a window of chunks, oldest first in `under_way`
//!                        │
//! values ◄── ready ◄─────┘ join     the oldest chunk only, even if a younger one is over
//! ```
//!
//! **Invariants**
//! - `CHUNK-1`: an item is taken from its iterator only when its chunk is submitted; at most `window` chunks are under way.
//! - `CHUNK-2`: each item gets a result. An item that panics fails alone; if a chunk fails, each of its items does.
//! - `MAP-1`: the values come in the order of the items, in whichever order they are ready.
//! - `MAP-2`: when the map is dropped early, chunks that have not begun are cancelled; the others are detached.
//!
//! **Source**: `concurrent.futures.Executor.map`, which submits everything first (3.14 has `buffersize`).

use std::collections::VecDeque;
use std::{fmt, iter, vec};

use super::error::JobError;
use super::handle::JobHandle;

/// The handle of a chunk: a result for each of its items.
pub(crate) type ChunkHandle<T> = JobHandle<Vec<Result<T, JobError>>>;

/// A chunk that was submitted: its length, and its job or why there is none.
type Chunk<T> = (usize, Result<ChunkHandle<T>, JobError>);

/// The values of a function on every item, in the items' order. Made by the `map` of a pool.
///
/// # Blocking
/// `next` waits for the next value in order, and for a place in a bounded queue.
#[must_use = "an iterator is lazy: a pool gets nothing to do before the first value is asked for"]
pub struct Map<'a, T> {
    /// Submits the next chunk each time it is asked.
    chunks: Box<dyn Iterator<Item = Chunk<T>> + 'a>,
    /// How many chunks may be under way; at least one.
    window: usize,
    /// The chunks that were submitted.
    under_way: VecDeque<Chunk<T>>,
    /// The results of the last chunk that were not returned yet.
    ready: vec::IntoIter<Result<T, JobError>>,
}

impl<'a, T: 'a> Map<'a, T> {
    /// Will cut `items` into chunks and give them to `submit`, of which `window` may be under way.
    pub(crate) fn new<A>(
        items: impl IntoIterator<Item = A, IntoIter: 'a>,
        chunk_len: usize,
        window: usize,
        mut submit: impl FnMut(Vec<A>) -> Result<ChunkHandle<T>, JobError> + 'a,
    ) -> Self {
        let mut items = items.into_iter();
        let chunks = iter::from_fn(move || {
            let chunk: Vec<A> = items.by_ref().take(chunk_len.max(1)).collect();
            (!chunk.is_empty()).then(|| (chunk.len(), submit(chunk)))
        });
        let (chunks, ready) = (Box::new(chunks), Vec::new().into_iter());
        Self { chunks, window: window.max(1), under_way: VecDeque::new(), ready }
    }
}

impl<T> Iterator for Map<'_, T> {
    type Item = Result<T, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(result) = self.ready.next() {
                return Some(result);
            }
            // Before the join, so that the workers are busy while this thread waits.
            let room = self.window - self.under_way.len();
            self.under_way.extend(self.chunks.by_ref().take(room));
            let (len, job) = self.under_way.pop_front()?;
            let results = job.and_then(JobHandle::join).unwrap_or_else(|error| {
                // CHUNK-2: the first one has the panic's payload, if there is one.
                let mut results: Vec<_> = (1..len).map(|_| Err(error.clone())).collect();
                results.insert(0, Err(error));
                results
            });
            self.ready = results.into_iter();
        }
    }
}

impl<T> Drop for Map<'_, T> {
    /// `MAP-2`.
    fn drop(&mut self) {
        for job in self.under_way.iter().filter_map(|(_, job)| job.as_ref().ok()) {
            job.cancel();
        }
    }
}

impl<T> fmt::Debug for Map<'_, T> {
    /// Shows how much is under way; neither items nor function need be printable.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let under_way = self.under_way.len();
        out.debug_struct("Map").field("under_way", &under_way).finish_non_exhaustive()
    }
}
