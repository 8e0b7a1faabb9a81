//! Wakers that wait where only this thread can reach them, counted.
//!
//! When nothing is ready, no timer runs and no socket is waited for, a loop can only be woken by another
//! thread. If every waker that exists lies in a queue, a lock or a join handle of this same thread, nobody
//! is left who could: the program is stuck, and the loop can say so instead of hanging.
//!
//! **Invariants**
//! - `PARK-1` The tally is the number of living [`Parked`] wakers that were made under this loop from
//!   the very waker with which the running future was polled. Others are not counted, which makes
//!   the loop wait rather than report: it never reports wrongly.
//! - `PARK-2` A combinator whose children have wakers of their own is a [`WakerTree`], and tells how
//!   many of these are held outside it.
//!
//! **Source**: none known; `CPython` and tokio hang. Go's "all goroutines are asleep" counts likewise.

use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Waker};

use super::context::{try_current, with_current};

/// A waker kept in a place that only this thread can reach, such as a list of waiters.
#[derive(Debug)]
pub struct Parked {
    /// The waker.
    waker: Waker,
    /// The loop's counter, where this one is counted.
    tally: Option<Rc<Cell<usize>>>,
}

impl Parked {
    /// Keeps a clone of the waker with which the running future is polled.
    pub fn new(waker: &Waker) -> Self {
        let tally = with_current(|core| {
            let is_known = core.polling.get() == waker.data();
            is_known.then(|| core.parked.clone())
        })
        .flatten();
        if let Some(tally) = &tally {
            tally.set(tally.get() + 1);
        }
        Self { waker: waker.clone(), tally }
    }

    /// Wakes. Call it when nothing is borrowed: the waker may be anybody's.
    pub fn wake(self) {
        self.waker.wake_by_ref();
    }

    /// Tells whether both wake the same task.
    pub fn will_wake(&self, waker: &Waker) -> bool {
        self.waker.will_wake(waker)
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        if let Some(tally) = &self.tally {
            tally.set(tally.get() - 1);
        }
    }
}

/// A combinator that polls its children with wakers of their own.
pub(crate) trait WakerTree {
    /// Counts the children's wakers that are held by others.
    fn outstanding(&self) -> usize;
    /// Counts the wakers of its parent that it holds.
    fn held(&self) -> usize;
}

/// Makes a combinator known to the current loop for as long as it lives.
pub(crate) fn register_tree(tree: &Rc<impl WakerTree + 'static>) {
    if let Some(core) = try_current() {
        let mut trees = core.trees.borrow_mut();
        // Dead ones are swept out when the list would grow.
        if trees.len() == trees.capacity() {
            trees.retain(|tree| tree.strong_count() > 0);
        }
        let tree: Rc<dyn WakerTree> = tree.clone();
        trees.push(Rc::downgrade(&tree));
    }
}

/// Polls with a waker of a combinator's own, so that [`Parked`] knows it.
pub(crate) fn poll_as<T>(waker: &Waker, poll: impl FnOnce(&mut Context<'_>) -> T) -> T {
    let outer = with_current(|core| core.polling.replace(waker.data()));
    let polled = poll(&mut Context::from_waker(waker));
    if let Some(outer) = outer {
        with_current(|core| core.polling.set(outer));
    }
    polled
}
