//! Timers: a heap of deadlines, which never reads the clock.
//!
//! A timer that is dropped cannot be found in the heap. Its slot is free at once, and its place is removed later: when
//! it comes to the top, or when the heap has more than two places for each timer that exists.
//!
//! **Invariants**
//! - `TIMER-1` No timer fires before `now` has reached its deadline.
//! - `TIMER-2` Equal deadlines fire in the order of creation.
//! - `TIMER-3` A place in the heap belongs to a waiting timer if it has its slot's number, and else to a dropped one.
//!
//! **Source**: `CPython`'s `asyncio`, `_run_once`: one heap beside one selector, and cancelled timers in it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::task::Waker;

use super::slab::Slab;

/// A point in time: nanoseconds since the loop was made, 584 years at most.
pub(crate) type Nanos = u64;

/// From this number on, a compaction numbers the timers anew. It is low in debug builds, so that tests reach it.
const HIGH_NUMBER: u32 = if cfg!(debug_assertions) { 1 << 16 } else { 1 << 31 };

/// All timers of one loop.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// Deadline, number and slot of each timer; the next one on top. Of equal deadlines, the older has the lower number.
    heap: BinaryHeap<Reverse<(Nanos, u32, u32)>>,
    /// The same of the timer made last, until the heap needs it: most time limits are dropped before another is made.
    newest: Option<Reverse<(Nanos, u32, u32)>>,
    /// The task to wake, by slot: at first a waker that does nothing; none after the timer has fired.
    pub(crate) wakers: Slab<Waker>,
    /// The number of the timer in each slot; 0 after a drop. Not beside the wakers: a compaction reads less memory.
    numbers: Vec<u32>,
    /// The last number that was given.
    created: u32,
}

impl Timers {
    /// Adds a timer and returns its slot, which stays reserved until `remove`, even after the timer has fired.
    pub(crate) fn insert(&mut self, deadline: Nanos) -> u32 {
        if self.created == u32::MAX {
            self.compact();
        }
        self.created += 1;
        let (number, slot) = (self.created, self.wakers.reserve());
        self.wakers.put(slot, Waker::noop().clone());
        match self.numbers.get_mut(slot as usize) {
            Some(of_slot) => *of_slot = number,
            None => self.numbers.push(number),
        }
        if let Some(earlier) = self.newest.replace(Reverse((deadline, number, slot))) {
            self.heap.push(earlier);
        }
        slot
    }

    /// Takes a timer away, fired or not; its waker comes back, to be dropped when nothing is borrowed.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Waker> {
        self.numbers[slot as usize] = 0;
        self.newest.take_if(|Reverse((.., newest))| *newest == slot);
        let waker = self.wakers.take(slot);
        self.wakers.release(slot);
        if self.heap.len() > 2 * self.wakers.len() {
            self.compact();
        }
        waker
    }

    /// Returns the earliest deadline.
    #[inline]
    pub(crate) fn next_deadline(&mut self) -> Option<Nanos> {
        self.newest.take().into_iter().for_each(|newest| self.heap.push(newest));
        while let Some(&Reverse((deadline, number, slot))) = self.heap.peek() {
            if self.numbers[slot as usize] == number {
                return Some(deadline);
            }
            self.heap.pop();
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

    /// Removes the places of dropped timers. If the numbers are high, gives new ones from 1 on, in the order of the heap.
    fn compact(&mut self) {
        self.heap.extend(self.newest.take());
        self.heap.retain(|Reverse((_, number, slot))| self.numbers[*slot as usize] == *number);
        if self.created >= HIGH_NUMBER {
            self.created = 0;
            let places = std::mem::take(&mut self.heap).into_sorted_vec();
            for Reverse((deadline, _, slot)) in places.into_iter().rev() {
                self.created += 1;
                self.numbers[slot as usize] = self.created;
                self.heap.push(Reverse((deadline, self.created, slot)));
            }
        }
    }
}
