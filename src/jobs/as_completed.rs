//! A function on every item of a sequence, in a pool, with the values in the order in which they are ready.
//!
//! Problem: a thread that joins one of many jobs does not notice that another is over; a thread that looks at all of
//! them in turn burns a processor.
//!
//! Each chunk is polled, as a task would poll it, with a waker that notes the chunk and wakes this thread:
//!
//! ```text
//! this thread                              a worker
//! poll chunk 7: Pending, leaves a waker
//! wait: nothing noted, sleeps
//!                                          finishes chunk 7, wakes:
//!                                          notes 7, notifies
//! takes 7, polls chunk 7: Ready
//! ```
//! The notes are a queue and not a flag: if two chunks are over at once, both are found, in their order.
//!
//! **Invariants**
//! - `ARRIVAL-1`: each chunk is noted once when it is over, and polled again only then.
//!
//! **Source**: `concurrent.futures.as_completed`; `aio::as_completed`, which is the same on the event loop.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::vec;

use super::error::JobError;
use super::handle::Awaited;
use super::map::{Chunks, of_items};

/// The values of a function on every item, each with its item's number, as they become ready. Made by the
/// `map_as_completed` of a pool. Dropped early, it cancels like [`Map`](super::Map).
///
/// # Blocking
/// `next` waits for the next value, and for a place in a bounded queue.
#[must_use = "an iterator is lazy: a pool gets nothing to do before the first value is asked for"]
pub struct AsCompleted<'a, A, T> {
    /// The items, and the chunks under way.
    chunks: Chunks<'a, A, T>,
    /// Where the wakers of those note which is over.
    arrivals: Arc<Arrivals>,
    /// The number of the first value in `ready`.
    next_index: usize,
    /// The results of the last chunk that were not returned yet.
    ready: vec::IntoIter<Result<T, JobError>>,
}

/// The chunks that are over and were not polled since, each as the number of its first item.
#[derive(Default)]
struct Arrivals {
    /// Pushes and pops leave it valid, so a poisoned lock is used like any other.
    chunks: Mutex<VecDeque<usize>>,
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
        Self { chunks, arrivals: Arc::default(), next_index: 0, ready: Vec::new().into_iter() }
    }

    /// Keeps the window full. True when a chunk is ready already.
    fn fill(&mut self) -> bool {
        while let Some(chunk) = self.chunks.submit_next() {
            let first = chunk.first;
            // The first poll leaves the waker.
            if self.poll(first) {
                return true;
            }
        }
        false
    }

    /// Polls the chunk that begins with item `first`. True if it is over: then its results are `ready`.
    fn poll(&mut self, first: usize) -> bool {
        let under_way = &mut self.chunks.under_way;
        let Ok(at) = under_way.binary_search_by_key(&first, |chunk| chunk.first) else {
            return false;
        };
        let result = match &mut under_way[at].job {
            Err(refused) => Err(refused.clone()),
            Ok(job) => {
                let arrivals = Arc::clone(&self.arrivals);
                let waker = Waker::from(Arc::new(Arrival { first, arrivals }));
                match Pin::new(job).poll(&mut Context::from_waker(&waker)) {
                    Poll::Pending => return false,
                    Poll::Ready(result) => result,
                }
            }
        };
        self.take_out(at, result);
        true
    }

    /// Removes a chunk, whose results are `ready` from now on.
    fn take_out(&mut self, at: usize, result: Result<Vec<Result<T, JobError>>, JobError>) {
        if let Some(chunk) = self.chunks.under_way.remove(at) {
            self.next_index = chunk.first;
            self.ready = of_items(result, chunk.len);
        }
    }

    /// Waits until a chunk is over, and polls it. If the pool refuses the wait, the oldest chunk fails.
    fn wait(&mut self) {
        let Some(Ok(job)) = self.chunks.under_way.front().map(|chunk| chunk.job.as_ref()) else {
            return;
        };
        let mut arrived = None;
        let sleep = || arrived = Some(self.arrivals.wait());
        match job.sleep_until(self.arrivals.clone(), sleep) {
            Err(error) => self.take_out(0, Err(error)),
            Ok(()) => {
                if let Some(first) = arrived {
                    self.poll(first);
                }
            }
        }
    }
}

impl<A, T> Iterator for AsCompleted<'_, A, T> {
    type Item = (usize, Result<T, JobError>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(result) = self.ready.next() {
                let index = self.next_index;
                self.next_index += 1;
                return Some((index, result));
            }
            if !self.fill() {
                if self.chunks.under_way.is_empty() {
                    return None;
                }
                self.wait();
            }
        }
    }
}

impl<A, T> fmt::Debug for AsCompleted<'_, A, T> {
    /// Shows how much is under way; neither items nor function need be printable.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let under_way = self.chunks.under_way.len();
        out.debug_struct("AsCompleted").field("under_way", &under_way).finish_non_exhaustive()
    }
}

impl Arrivals {
    /// Waits for a chunk to be noted, and takes the note.
    fn wait(&self) -> usize {
        let mut chunks = self.lock();
        loop {
            if let Some(first) = chunks.pop_front() {
                return first;
            }
            chunks = self.noted.wait(chunks).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Locks the notes.
    fn lock(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
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
