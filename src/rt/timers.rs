//! Timers: a heap of deadlines, which never reads the clock.
//!
//! A timer that is dropped cannot be found in the heap. It loses its waker at once, and its place in the heap later:
//! when that comes to the top, or when half of the heap are such places.
//!
//! **Invariants**
//! - `TIMER-1` No timer fires before `now` has reached its deadline.
//! - `TIMER-2` Equal deadlines fire in the order of creation.
//! - `TIMER-3` A place in the heap whose slot has no waker belongs to a timer that was dropped.
//! - `TIMER-4` A slot is its owner's from `insert` to `remove`, also after the timer fired; without a waker, it has.
//!
//! **Source**: `CPython`'s `asyncio`, `_run_once`: one heap beside one selector, and cancelled timers in it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::task::Waker;

use super::slab::Slab;

/// A point in time: nanoseconds since the loop was made, 584 years at most.
pub(crate) type Nanos = u64;

/// All timers of one loop.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// Of each timer its deadline, its number in order of creation, and its slot; the next one on top.
    heap: BinaryHeap<Reverse<(Nanos, u32, u32)>>,
    /// Whom to wake, by slot; at first a waker that does nothing.
    wakers: Slab<Waker>,
    /// How many timers of the heap were dropped.
    dropped: usize,
    /// Timers made so far, modulo 2³²: two with one deadline change places if it wraps between them.
    created: u32,
}

impl Timers {
    /// Adds a timer and returns its slot.
    pub(crate) fn insert(&mut self, deadline: Nanos) -> u32 {
        let slot = self.wakers.insert(Waker::noop().clone());
        self.created = self.created.wrapping_add(1);
        self.heap.push(Reverse((deadline, self.created, slot)));
        slot
    }

    /// Returns the waker of a timer; `None` if it has fired.
    pub(crate) fn waker(&mut self, slot: u32) -> Option<&mut Waker> {
        self.wakers.get_mut(slot)
    }

    /// Takes a timer away, fired or not; its waker comes back, to be dropped when nothing is borrowed.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Waker> {
        let waker = self.wakers.take(slot);
        if waker.is_none() {
            self.wakers.release(slot);
            return None;
        }
        self.dropped += 1;
        if self.dropped > self.heap.len() / 2 {
            self.dropped = 0;
            self.heap.retain(|Reverse((.., slot))| is_waiting(&mut self.wakers, *slot));
        }
        waker
    }

    /// Returns the earliest deadline.
    pub(crate) fn next_deadline(&mut self) -> Option<Nanos> {
        while let Some(&Reverse((deadline, _, slot))) = self.heap.peek() {
            if is_waiting(&mut self.wakers, slot) {
                return Some(deadline);
            }
            self.heap.pop();
            self.dropped -= 1;
        }
        None
    }

    /// Fires what is due at `now`: adds the wakers to `woken` and returns how many timers fired.
    pub(crate) fn expire(&mut self, now: Nanos, woken: &mut Vec<Waker>) -> usize {
        let before = woken.len();
        while self.next_deadline().is_some_and(|deadline| deadline <= now)
            && let Some(Reverse((.., slot))) = self.heap.pop()
        {
            woken.extend(self.wakers.take(slot));
        }
        woken.len() - before
    }
}

/// Tells whether a timer of the heap waits. The slot of one that was dropped is released (`TIMER-3`).
fn is_waiting(wakers: &mut Slab<Waker>, slot: u32) -> bool {
    let waits = wakers.get_mut(slot).is_some();
    if !waits {
        wakers.release(slot);
    }
    waits
}
