//! The cell of a job: where its result is left, and where its owner sleeps.
//!
//! Problem: a job's owner may be the one who has to read the workers' sockets, for itself and for everybody else
//! (`LEAD-1`). So it sleeps here only while another reads, and is woken for either of two reasons: its result is
//! there, or it is its turn to read.
//!
//! **Invariants**
//! - `CELL-1`: a result is left once, and taken once.
//! - `CELL-2`: nobody asks the kernel to wake the owner unless it sleeps.
//! - `CELL-3`: a result is decoded by whoever takes it, so one that nobody wants costs nothing.
//! - `CELL-4`: no foreign code runs under the lock: no waker, no decoding.
//! - `CELL-5`: when its decoding panics, that is the job's result.
//!
//! ```text
//! owner                                   who reads
//! takes: nothing there
//! hall: another leads, enters the list
//!                                         has its result: over, sleeps is false, so no wake
//! lock, over: does not sleep
//! takes the result
//! ```
//! Had the owner slept by then, `sleeps` would have been true: both look under the cell's lock.
//!
//! **Left out**: a cell of atomics alone. The owner must be able to sleep, and a condition variable needs the lock.
//!
//! **Source**: the same slot for threads, `jobs/slot.rs`; there the workers bring the results themselves.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::frame::Kind;
use super::leader::Shared;
use super::payload::Payload;
use crate::jobs::{Cancel, JobError, Outcome};

/// Makes a result of an answer.
pub(super) type Decode<T> = fn(Kind, Payload) -> Result<T, JobError>;

/// A result before it is decoded.
#[derive(Debug)]
pub(super) enum Raw {
    /// What the worker has sent.
    Answer(Kind, Payload),
    /// There is none.
    Failed(JobError),
}

/// A cell as the pool sees it, without the type of the value.
pub(super) trait Deliver: Send + Sync {
    /// Its cell.
    fn cell(&self) -> &Cell;
}

/// Where a job's result is left.
pub(super) struct Cell {
    /// See [`State`]. Every statement under the lock leaves it valid, so a poisoned lock is used on.
    state: Mutex<State>,
    /// Wakes the owner.
    changed: Condvar,
    /// Where the job is, for who cancels it: [`QUEUED`], [`ENDED`], or the number of its worker's place. Read and
    /// written under the pool's lock, which orders it.
    place: AtomicUsize,
}

/// In [`Cell::place`]: no worker has the job.
pub(super) const QUEUED: usize = usize::MAX;
/// In [`Cell::place`]: the job has a result, which may not be delivered yet.
pub(super) const ENDED: usize = usize::MAX - 1;

/// What the lock guards.
#[derive(Default)]
struct State {
    /// The result, until it is taken.
    result: Option<Raw>,
    /// Was a result left?
    over: bool,
    /// Does the owner sleep on `changed`?
    sleeps: bool,
    /// Has somebody said that it is the owner's turn to read?
    called: bool,
    /// The task to wake.
    waker: Option<Waker>,
}

impl Cell {
    /// The cell of a job in the queue.
    fn new() -> Self {
        let place = AtomicUsize::new(QUEUED);
        Self { state: Mutex::default(), changed: Condvar::new(), place }
    }

    /// Where the job is.
    pub(super) fn place(&self) -> usize {
        self.place.load(Ordering::Relaxed)
    }

    /// Notes where the job is.
    pub(super) fn set_place(&self, place: usize) {
        self.place.store(place, Ordering::Relaxed);
    }

    /// Leaves the result, and wakes who waits for it. Gives back a waker, which the caller wakes without a lock.
    /// A second result is dropped (`CELL-1`).
    pub(super) fn deliver(&self, result: Raw) -> (Option<Waker>, bool) {
        let mut state = self.lock();
        if state.over {
            return (None, false);
        }
        state.result = Some(result);
        state.over = true;
        let (slept, waker) = (state.sleeps, state.waker.take());
        drop(state);
        if slept {
            self.changed.notify_one();
        }
        (waker, slept)
    }

    /// Says that it is the owner's turn to read.
    pub(super) fn call(&self) {
        let mut state = self.lock();
        state.called = true;
        let slept = state.sleeps;
        drop(state);
        if slept {
            self.changed.notify_one();
        }
    }

    /// Sleeps until the result is there, the owner was called, or the deadline came.
    fn sleep(&self, deadline: Option<Instant>) {
        let mut state = self.lock();
        state.sleeps = true;
        while !state.over && !state.called {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            state = match left {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => break,
                Some(left) => {
                    let woken = self.changed.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.sleeps = false;
    }

    /// Takes the note that the owner was called.
    fn take_call(&self) {
        self.lock().called = false;
    }

    /// Tells whether there is a result, or was.
    pub(super) fn is_over(&self) -> bool {
        self.lock().over
    }

    /// Takes the result.
    fn take(&self) -> Option<Raw> {
        self.lock().result.take()
    }

    /// Locks the state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands behind a handle.
pub(super) struct Pending<T> {
    /// The job's cell.
    cell: Cell,
    /// The pool that will fill it.
    pool: Arc<Shared>,
    /// Makes the value of what the cell gets (`CELL-3`).
    decode: Decode<T>,
}

impl<T> Pending<T> {
    /// Makes the cell of a job.
    pub(super) fn new(pool: Arc<Shared>, decode: Decode<T>) -> Self {
        Self { cell: Cell::new(), pool, decode }
    }

    /// Takes the result and decodes it (`CELL-5`).
    fn take(&self) -> Option<Result<T, JobError>> {
        self.cell.take().map(|raw| match raw {
            Raw::Answer(kind, body) => {
                // The bytes are consumed either way, so nobody can see them half read.
                let decoded = panic::catch_unwind(AssertUnwindSafe(|| (self.decode)(kind, body)));
                decoded.unwrap_or_else(|payload| Err(JobError::panicked(payload)))
            }
            Raw::Failed(error) => Err(error),
        })
    }
}

impl<T> Deliver for Pending<T> {
    fn cell(&self) -> &Cell {
        &self.cell
    }
}

impl<T: 'static> Outcome<T> for Pending<T> {
    fn wait(self: Arc<Self>, deadline: Option<Instant>) -> Option<Result<T, JobError>> {
        loop {
            if let Some(result) = self.take() {
                return Some(result);
            }
            if deadline.is_some_and(|at| at <= Instant::now()) {
                return None;
            }
            let follower = Arc::clone(&self) as Arc<dyn Deliver>;
            if self.pool.lead_or_follow(&follower, deadline) {
                self.cell.sleep(deadline);
                self.cell.take_call();
                let is_late = deadline.is_some_and(|at| at <= Instant::now());
                self.pool.end_follow(&follower, is_late);
            }
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, JobError>> {
        if let Some(result) = self.take() {
            return Poll::Ready(result);
        }
        // A waker's clone and drop are foreign code (CELL-4); so the result may have come in between.
        let waker = cx.waker().clone();
        // Counted before it is left: whoever takes it away takes it off the count.
        self.pool.add_waker();
        let mut state = self.cell.lock();
        if state.over {
            drop(state);
            self.pool.remove_waker();
            return self.take().map_or(Poll::Pending, Poll::Ready);
        }
        let displaced = state.waker.replace(waker);
        drop(state);
        if displaced.is_some() {
            self.pool.remove_waker();
        }
        drop(displaced);
        Poll::Pending
    }

    fn forget_waker(&self) {
        let waker = self.cell.lock().waker.take();
        if waker.is_some() {
            self.pool.remove_waker();
        }
        drop(waker);
    }

    fn is_finished(&self) -> bool {
        self.cell.is_over()
    }

    fn cancel(&self) -> Cancel {
        self.pool.cancel(&self.cell)
    }
}
