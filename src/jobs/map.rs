//! A function on every item of a sequence, in a pool: the values in the order of the items, or as they come.
//!
//! Problem: a job of a few nanoseconds costs more to queue than to run, so several items make one job, a chunk. And a
//! million chunks that are submitted at once take the memory of a million, so only a window of them is in the pool.
//!
//! ```text
//! items ──► submit_next ──► the pool     at most a window of chunks, oldest first in `under_way`
//!                             │
//! values ◄── ready ◄──────────┘ Map: joins the oldest chunk; AsCompleted: takes the chunk that ended first
//! ```
//! A thread that joins one of many jobs does not notice that another is over, and a thread that looks at all of them
//! in turn burns a processor. So [`AsCompleted`] polls each chunk, as a task would, with a waker that notes the chunk
//! in a queue and wakes the thread. In the queue two chunks that are over at once are both found, in their order.
//!
//! **Invariants**
//! - `CHUNK-1`: an item is taken from its iterator only when its chunk is about to be submitted, and at most
//!   `window` chunks are under way.
//! - `CHUNK-2`: each item gets a result. If a chunk fails as a whole, each of its items fails; if one item panics,
//!   the others do not fail.
//! - `MAP-1`: the values of [`Map`] come in the order of the items, in whichever order they are ready.
//! - `MAP-2`: when the iterator is dropped early, chunks that have not begun are cancelled; the others are detached.
//! - `ARRIVAL-1`: each chunk of [`AsCompleted`] is noted once when it is over, and polled again only then.
//!
//! **Source**: `concurrent.futures`: `Executor.map`, which submits everything first (3.14 has `buffersize`), and
//! `as_completed`.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::vec;

use super::error::JobError;
use super::handle::{Awaited, JobHandle};

/// The result of each item of a chunk.
type ChunkResult<T> = Result<Vec<Result<T, JobError>>, JobError>;

/// The handle of a chunk.
pub(crate) type ChunkHandle<T> = JobHandle<Vec<Result<T, JobError>>>;

/// Makes a job of a chunk, and submits it.
type Submit<'a, A, T> = Box<dyn FnMut(Vec<A>) -> Result<ChunkHandle<T>, JobError> + 'a>;

/// A sequence of items on its way into a pool, and the chunks that are there.
pub(crate) struct Chunks<'a, A, T> {
    /// What was not submitted yet.
    items: Box<dyn Iterator<Item = A> + 'a>,
    /// How many items make a job; at least one.
    chunk_len: usize,
    /// How many chunks may be under way; at least one.
    window: usize,
    /// The pool.
    submit: Submit<'a, A, T>,
    /// How many items were taken out of `items`.
    taken: usize,
    /// What was submitted and not taken out, in the order of the items.
    under_way: VecDeque<Chunk<T>>,
    /// The number of the first item in `ready`.
    next_index: usize,
    /// The results of the last chunk that were not returned yet.
    ready: vec::IntoIter<Result<T, JobError>>,
}

/// A chunk that is under way, or that was refused.
struct Chunk<T> {
    /// The number of its first item.
    first: usize,
    /// How many items it has.
    len: usize,
    /// Its job, or why there is none.
    job: Result<ChunkHandle<T>, JobError>,
}

impl<'a, A, T> Chunks<'a, A, T> {
    /// Will cut `items` into chunks and give them to `submit`, of which `window` may be under way.
    pub(crate) fn new(
        items: impl IntoIterator<Item = A, IntoIter: 'a>,
        chunk_len: usize,
        window: usize,
        submit: impl FnMut(Vec<A>) -> Result<ChunkHandle<T>, JobError> + 'a,
    ) -> Self {
        Self {
            items: Box::new(items.into_iter()),
            chunk_len: chunk_len.max(1),
            window: window.max(1),
            submit: Box::new(submit),
            taken: 0,
            under_way: VecDeque::new(),
            next_index: 0,
            ready: Vec::new().into_iter(),
        }
    }

    /// Submits the next chunk and returns its first item's number; `None` if the window is full, or there are no more
    /// items.
    fn submit_next(&mut self) -> Option<usize> {
        if self.under_way.len() >= self.window {
            return None;
        }
        let items: Vec<A> = self.items.by_ref().take(self.chunk_len).collect();
        let (first, len) = (self.taken, items.len());
        if len == 0 {
            return None;
        }
        self.taken += len;
        let job = (self.submit)(items);
        self.under_way.push_back(Chunk { first, len, job });
        Some(first)
    }

    /// Parts the result of a chunk that was taken out into those of its items (`CHUNK-2`).
    fn set_ready(&mut self, first: usize, len: usize, result: ChunkResult<T>) {
        let results = result.unwrap_or_else(|error| {
            let mut results: Vec<_> = (1..len).map(|_| Err(error.clone())).collect();
            // The first one has the panic's payload, if there is one.
            results.insert(0, Err(error));
            results
        });
        self.next_index = first;
        self.ready = results.into_iter();
    }

    /// The next value that is ready, with its item's number.
    fn next_ready(&mut self) -> Option<(usize, Result<T, JobError>)> {
        let result = self.ready.next()?;
        self.next_index += 1;
        Some((self.next_index - 1, result))
    }
}

impl<A, T> Drop for Chunks<'_, A, T> {
    /// `MAP-2`.
    fn drop(&mut self) {
        for job in self.under_way.iter().filter_map(|chunk| chunk.job.as_ref().ok()) {
            job.cancel();
        }
    }
}

impl<A, T> fmt::Debug for Chunks<'_, A, T> {
    /// Shows how much is under way; neither items nor function need be printable.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let under_way = self.under_way.len();
        out.debug_struct("Chunks").field("under_way", &under_way).finish_non_exhaustive()
    }
}

/// The values of a function on every item, in the items' order. Made by the `map` of a pool.
///
/// # Blocking
/// `next` waits for the next value in order, and for a place in a bounded queue.
#[derive(Debug)]
#[must_use = "an iterator is lazy: a pool gets nothing to do before the first value is asked for"]
pub struct Map<'a, A, T>(Chunks<'a, A, T>);

impl<'a, A, T> Map<'a, A, T> {
    /// Starts with nothing submitted.
    pub(crate) fn new(chunks: Chunks<'a, A, T>) -> Self {
        Self(chunks)
    }
}

impl<A, T> Iterator for Map<'_, A, T> {
    type Item = Result<T, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((_, result)) = self.0.next_ready() {
                return Some(result);
            }
            // Before the join, so that the workers are busy while this thread waits.
            while self.0.submit_next().is_some() {}
            let Chunk { first, len, job } = self.0.under_way.pop_front()?;
            self.0.set_ready(first, len, job.and_then(JobHandle::join));
        }
    }
}

/// The values of a function on every item, each with its item's number, as they become ready. Made by the
/// `map_as_completed` of a pool.
///
/// # Blocking
/// `next` waits for the next value, and for a place in a bounded queue.
#[derive(Debug)]
#[must_use = "an iterator is lazy: a pool gets nothing to do before the first value is asked for"]
pub struct AsCompleted<'a, A, T> {
    /// The items, and the chunks under way.
    chunks: Chunks<'a, A, T>,
    /// Where the chunks' wakers note which is over.
    arrivals: Arc<Arrivals>,
}

/// The chunks that are over and were not polled since, each as the number of its first item.
#[derive(Debug, Default)]
struct Arrivals {
    /// Pushes and pops leave it valid, so a poisoned lock is used like any other.
    over: Mutex<VecDeque<usize>>,
    /// Wakes the owner: a chunk was noted.
    noted: Condvar,
}

/// The waker of one chunk.
struct Arrival {
    /// The number of the chunk's first item.
    first: usize,
    /// Where to note it.
    arrivals: Arc<Arrivals>,
}

impl<'a, A, T> AsCompleted<'a, A, T> {
    /// Starts with nothing submitted.
    pub(crate) fn new(chunks: Chunks<'a, A, T>) -> Self {
        Self { chunks, arrivals: Arc::default() }
    }

    /// Polls the chunk that begins with item `first`. If it is over, takes it out, and its results are ready.
    fn poll(&mut self, first: usize) {
        let under_way = &mut self.chunks.under_way;
        let Ok(at) = under_way.binary_search_by_key(&first, |chunk| chunk.first) else { return };
        let result = match &mut under_way[at].job {
            Err(refused) => Err(refused.clone()),
            Ok(job) => {
                let arrivals = Arc::clone(&self.arrivals);
                let waker = Waker::from(Arc::new(Arrival { first, arrivals }));
                match Pin::new(job).poll(&mut Context::from_waker(&waker)) {
                    Poll::Pending => return,
                    Poll::Ready(result) => result,
                }
            }
        };
        self.take_out(at, result);
    }

    /// Removes a chunk, whose results are ready from now on.
    fn take_out(&mut self, at: usize, result: ChunkResult<T>) {
        if let Some(Chunk { first, len, .. }) = self.chunks.under_way.remove(at) {
            self.chunks.set_ready(first, len, result);
        }
    }
}

impl<A, T> Iterator for AsCompleted<'_, A, T> {
    type Item = (usize, Result<T, JobError>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(next) = self.chunks.next_ready() {
                return Some(next);
            }
            // The first poll leaves the waker; a chunk that is over already ends the round.
            if let Some(first) = self.chunks.submit_next() {
                self.poll(first);
                continue;
            }
            let oldest = self.chunks.under_way.front()?;
            let mut arrived = None;
            let sleep = || arrived = Some(self.arrivals.wait());
            match oldest.job.as_ref().map(|job| job.sleep_until(self.arrivals.clone(), sleep)) {
                // The pool refuses a wait without end.
                Ok(Err(error)) => self.take_out(0, Err(error)),
                Ok(Ok(())) | Err(_) => self.poll(arrived.unwrap_or(oldest.first)),
            }
        }
    }
}

impl Arrivals {
    /// Waits for a chunk to be noted, and takes the note.
    fn wait(&self) -> usize {
        let mut over = self.lock();
        loop {
            if let Some(first) = over.pop_front() {
                return first;
            }
            over = self.noted.wait(over).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Locks the notes.
    fn lock(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Awaited for Arrivals {
    fn is_over(&self) -> bool {
        !self.lock().is_empty()
    }
}

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        self.arrivals.lock().push_back(self.first);
        self.arrivals.noted.notify_one();
    }
}
