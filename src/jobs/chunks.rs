//! A sequence of items on its way into a pool, cut into chunks.
//!
//! Problem: a job of a few nanoseconds costs more to queue than to run; so several items make one job. And whoever
//! submits a million of them at once holds a million in memory; so only a window of them is in the pool at a time.
//!
//! **Invariants**
//! - `CHUNK-1`: an item is taken from its iterator only when its chunk is about to be submitted, and at most
//!   `window` chunks are under way.
//! - `CHUNK-2`: each item gets a result. Of a chunk that fails as a whole each item fails alike; of one in which
//!   an item fails alone, the others do not.
//!
//! **Source**: `Executor.map(chunksize=…)`, which submits everything before it returns (3.14 has `buffersize`).

use std::vec;

use super::error::JobError;
use super::handle::JobHandle;
use super::submit_error::SubmitError;

/// The handle of a chunk: a result for each of its items.
pub(crate) type ChunkHandle<T> = JobHandle<Vec<Result<T, JobError>>>;

/// Makes a job of a chunk, and submits it.
type Submit<'a, A, T> = Box<dyn FnMut(Vec<A>) -> Result<ChunkHandle<T>, SubmitError> + 'a>;

/// Items that go into a pool, chunk after chunk.
pub(crate) struct Chunks<'a, A, T> {
    /// What was not submitted yet.
    items: Box<dyn Iterator<Item = A> + 'a>,
    /// How many items make a job; at least one.
    chunk: usize,
    /// How many chunks may be under way; at least one.
    pub(super) window: usize,
    /// The pool.
    submit: Submit<'a, A, T>,
    /// How many items were taken out of `items`.
    taken: usize,
}

/// A chunk that is under way, or that was refused.
pub(super) struct Chunk<T> {
    /// The number of its first item.
    pub(super) first: usize,
    /// How many items it has.
    pub(super) len: usize,
    /// Its job, or why there is none.
    pub(super) job: Result<ChunkHandle<T>, JobError>,
}

impl<'a, A, T> Chunks<'a, A, T> {
    /// Cuts `items` into chunks, of which `window` at a time are given to `submit`.
    pub(crate) fn new(
        items: impl IntoIterator<Item = A, IntoIter: 'a>,
        chunk: usize,
        window: usize,
        submit: impl FnMut(Vec<A>) -> Result<ChunkHandle<T>, SubmitError> + 'a,
    ) -> Self {
        Self {
            items: Box::new(items.into_iter()),
            chunk: chunk.max(1),
            window: window.max(1),
            submit: Box::new(submit),
            taken: 0,
        }
    }

    /// Submits the next chunk; `None` when all items have been.
    pub(super) fn submit_next(&mut self) -> Option<Chunk<T>> {
        let chunk: Vec<A> = self.items.by_ref().take(self.chunk).collect();
        let (first, len) = (self.taken, chunk.len());
        self.taken += len;
        (len > 0).then(|| Chunk { first, len, job: (self.submit)(chunk).map_err(JobError::from) })
    }
}

/// Parts the result of a chunk into those of its items (`CHUNK-2`).
pub(super) fn of_items<T>(
    result: Result<Vec<Result<T, JobError>>, JobError>,
    len: usize,
) -> vec::IntoIter<Result<T, JobError>> {
    let results = result.unwrap_or_else(|error| {
        let mut results: Vec<_> = (1..len).map(|_| Err(error.echo())).collect();
        // The first one has the panic's payload, if there is one.
        results.insert(0, Err(error));
        results
    });
    results.into_iter()
}
