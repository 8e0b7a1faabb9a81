//! A function on every item of a sequence, in a pool, with the values in the order they are ready in.
//!
//! Problem: to wait for whichever of many jobs is ready first, a thread can neither join one of them nor look at
//! all of them in turn.
//!
//! Each chunk is polled, as a task would poll it, with a waker that notes the chunk's number and wakes this thread.
//!
//! ```text
//! this thread                              a worker
//! look_at(7): Pending, leaves Arrival{7}
//! wait: no number, sleeps
//!                                          finishes chunk 7, wakes Arrival{7}:
//!                                          pushes 7, notifies
//! takes 7, look_at(7): Ready
//! ```
//! The numbers are a queue and not a flag, so that two chunks that are over at once are both looked at, in the order
//! they came in. A number whose chunk is gone is looked up in vain, and that is all.
//!
//! **Invariants**
//! - `ARRIVAL-1`: each chunk is noted once when it is over, and looked at then and no sooner.
//! - `ARRIVAL-2`: dropped before its end, it calls off what has not begun; what runs is detached.
//!
//! **Source**: `concurrent.futures.as_completed`; `aio::as_completed`, which is the same on the event loop.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::vec;

use super::chunks::{Chunk, ChunkHandle, Chunks, of_items};
use super::error::JobError;
use super::handle::Awaited;

/// The values of a function on every item, each with its item's number, as they come. Made by the
/// `map_as_completed` of a pool.
///
/// # Blocking
/// `next` waits for whichever value comes next, and for a place in a bounded queue.
#[must_use = "an iterator is lazy: a pool gets nothing to do before the first value is asked for"]
pub struct AsCompleted<'a, A, T> {
    /// What is to be submitted.
    chunks: Chunks<'a, A, T>,
    /// What was, by the number of its first item: its job, and how many items it has. At most a window.
    under_way: BTreeMap<usize, (ChunkHandle<T>, usize)>,
    /// Where the wakers of those note what is over.
    arrivals: Arc<Arrivals>,
    /// The number of the first value in `ready`.
    next_index: usize,
    /// What is left of the chunk that came last.
    ready: vec::IntoIter<Result<T, JobError>>,
}

/// The numbers of chunks that are over.
#[derive(Default)]
struct Arrivals {
    /// What was not looked at yet. Every statement under the lock leaves it valid, so a poisoned lock is used on.
    numbers: Mutex<VecDeque<usize>>,
    /// Wakes the owner: a number was noted.
    came: Condvar,
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
        Self {
            chunks,
            under_way: BTreeMap::new(),
            arrivals: Arc::default(),
            next_index: 0,
            ready: Vec::new().into_iter(),
        }
    }

    /// Keeps the window full. True when a chunk is ready already.
    fn fill(&mut self) -> bool {
        while self.under_way.len() < self.chunks.window {
            let Some(Chunk { first, len, job }) = self.chunks.submit_next() else { return false };
            match job {
                Ok(job) => {
                    self.under_way.insert(first, (job, len));
                    // A first look, for without one nobody would wake this thread.
                    if self.look_at(first) {
                        return true;
                    }
                }
                Err(refused) => {
                    self.set_ready(first, len, Err(refused));
                    return true;
                }
            }
        }
        false
    }

    /// Polls a chunk, which takes its result or leaves a waker. True when the result was there.
    fn look_at(&mut self, first: usize) -> bool {
        let Some((job, len)) = self.under_way.get_mut(&first) else { return false };
        let arrival = Arrival { first, arrivals: Arc::clone(&self.arrivals) };
        let waker = Waker::from(Arc::new(arrival));
        let Poll::Ready(result) = Pin::new(job).poll(&mut Context::from_waker(&waker)) else {
            return false;
        };
        let len = *len;
        self.under_way.remove(&first);
        self.set_ready(first, len, result);
        true
    }

    /// Makes the results of a chunk the next ones to give.
    fn set_ready(
        &mut self,
        first: usize,
        len: usize,
        result: Result<Vec<Result<T, JobError>>, JobError>,
    ) {
        self.next_index = first;
        self.ready = of_items(result, len);
    }

    /// Waits until a chunk is over. Unless the pool says that it never will be: then the oldest one fails.
    fn wait(&mut self) {
        let Some((&oldest, (job, len))) = self.under_way.first_key_value() else { return };
        let is_noted = match job.begin_wait(self.arrivals.clone()) {
            Ok(is_noted) => is_noted,
            Err(error) => {
                let len = *len;
                self.under_way.remove(&oldest);
                return self.set_ready(oldest, len, Err(error));
            }
        };
        // Noted or not, this thread sleeps until some chunk is over, whichever it is.
        let first = self.arrivals.wait();
        if is_noted {
            job.end_wait();
        }
        self.look_at(first);
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
                if self.under_way.is_empty() {
                    return None;
                }
                self.wait();
            }
        }
    }
}

impl<A, T> Drop for AsCompleted<'_, A, T> {
    /// `ARRIVAL-2`.
    fn drop(&mut self) {
        for (job, _) in self.under_way.values() {
            job.cancel();
        }
    }
}

impl<A, T> fmt::Debug for AsCompleted<'_, A, T> {
    /// Shows how much is under way; neither items nor function need be printable.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AsCompleted")
            .field("under_way", &self.under_way.len())
            .finish_non_exhaustive()
    }
}

impl Arrivals {
    /// Waits for a number, and takes it.
    fn wait(&self) -> usize {
        let mut numbers = self.lock();
        loop {
            if let Some(first) = numbers.pop_front() {
                return first;
            }
            numbers = self.came.wait(numbers).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Locks the numbers.
    fn lock(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.arrivals.came.notify_one();
    }
}
