//! Timers: a heap of deadlines, which never reads the clock.
//!
//! Without it a sleeping task would have to be polled again and again to see whether its time has come. The
//! heap has four children a node: 100,000 timers are nine levels deep. Every timer knows its position, so that
//! dropping one costs a few moves and leaves nothing behind.
//!
//! **Invariants**
//! - `TIMER-1` No timer fires before `now` has reached its deadline.
//! - `TIMER-2` Equal deadlines fire in the order of creation.
//! - `TIMER-3` `heap[positions[s]].slot == s` for every timer that waits.
//! - `TIMER-4` A slot is its owner's from `insert` to `remove`, also after the timer fired.
//!
//! **Source**: *Introduction to Algorithms*, chapter 6, for the heap; `CPython`'s `asyncio` for one heap beside
//! one selector.

use std::mem;
use std::task::Waker;

use super::slab::Slab;

/// A point in time: nanoseconds since the loop was made, 584 years at most.
pub(crate) type Nanos = u64;

/// Children of a node: four lie in one cache line, where a binary heap touches twice as many lines.
const ARITY: usize = 4;

/// The position of a timer that is not in the heap.
const FIRED: u32 = u32::MAX;

/// All timers of one loop.
#[derive(Debug)]
pub(crate) struct Timers {
    /// Those that wait; each node is due no later than its children.
    heap: Vec<Node>,
    /// The task to wake, by slot; a clone of `unused` until the first poll.
    wakers: Slab<Waker>,
    /// A waker that does nothing. One for all, because two no-op wakers need not compare as equal.
    unused: Waker,
    /// Index into the heap, by slot, or [`FIRED`]. Every move in the heap writes here; apart from the wakers it
    /// stays in the cache.
    positions: Vec<u32>,
    /// Timers made so far, modulo 2³²; `Node::before` allows for it.
    created: u32,
}

/// A timer that waits.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// When it is due.
    deadline: Nanos,
    /// Its number in order of creation, modulo 2³².
    order: u32,
    /// Its slot.
    slot: u32,
}

impl Node {
    /// Tells whether this one fires first.
    fn before(&self, other: &Self) -> bool {
        // Half the range behind is older. That is right unless two thousand million timers are made between two
        // with one deadline.
        let older = self.order.wrapping_sub(other.order) > u32::MAX / 2;
        self.deadline < other.deadline || (self.deadline == other.deadline && older)
    }
}

impl Default for Timers {
    fn default() -> Self {
        let (heap, wakers, positions, created) = Default::default();
        // A clone of a clone: the wakers that `insert` clones are made by the same code.
        let first = Waker::noop().clone();
        Self { heap, wakers, unused: first.clone(), positions, created }
    }
}

impl Timers {
    /// Adds a timer and returns its slot.
    pub(crate) fn insert(&mut self, deadline: Nanos) -> u32 {
        let slot = self.wakers.insert(self.unused.clone());
        if slot as usize == self.positions.len() {
            self.positions.push(FIRED);
        }
        self.created = self.created.wrapping_add(1);
        self.heap.push(Node { deadline, order: self.created, slot });
        self.sift_up(self.heap.len() - 1);
        slot
    }

    /// `Ok` if the timer has fired. Otherwise it will wake `waker`; the waker that this displaces comes back, to
    /// be used or dropped when nothing is borrowed.
    pub(crate) fn poll(&mut self, slot: u32, waker: &Waker) -> Result<(), Option<Waker>> {
        match self.wakers.get_mut(slot) {
            _ if self.positions[slot as usize] == FIRED => Ok(()),
            Some(known) if !known.will_wake(waker) => {
                let displaced = mem::replace(known, waker.clone());
                Err(Some(displaced).filter(|displaced| !displaced.will_wake(&self.unused)))
            }
            _ => Err(None),
        }
    }

    /// Takes a timer away, fired or not; its waker comes back, to be dropped when nothing is borrowed.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Waker> {
        let position = self.positions[slot as usize];
        if position != FIRED {
            self.take(position as usize);
        }
        self.wakers.remove(slot)
    }

    /// Returns the earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Nanos> {
        self.heap.first().map(|node| node.deadline)
    }

    /// Fires what is due at `now`: adds the wakers to `woken` and returns how many timers fired.
    pub(crate) fn expire(&mut self, now: Nanos, woken: &mut Vec<Waker>) -> usize {
        let before = self.heap.len();
        while self.heap.first().is_some_and(|node| node.deadline <= now) {
            let slot = self.take(0).slot;
            if let Some(waker) = self.wakers.get_mut(slot) {
                woken.push(mem::replace(waker, self.unused.clone()));
            }
        }
        before - self.heap.len()
    }

    /// Takes the node at `position` out of the heap and closes the gap with the last one.
    fn take(&mut self, position: usize) -> Node {
        let node = self.heap.swap_remove(position);
        self.positions[node.slot as usize] = FIRED;
        if position < self.heap.len() {
            // The last node may belong above the gap or below it; one of the two moves nothing.
            self.sift_up(position);
            self.sift_down(position);
        }
        node
    }

    /// Moves the node at `at` towards the root until its parent fires first.
    fn sift_up(&mut self, mut at: usize) {
        let node = self.heap[at];
        while at > 0 && node.before(&self.heap[(at - 1) / ARITY]) {
            self.place(at, self.heap[(at - 1) / ARITY]);
            at = (at - 1) / ARITY;
        }
        self.place(at, node);
    }

    /// Moves the node at `at` away from the root until it fires before its children.
    fn sift_down(&mut self, mut at: usize) {
        let node = self.heap[at];
        loop {
            let mut first = node;
            let mut next = at;
            for child in at * ARITY + 1..(at * ARITY + 1 + ARITY).min(self.heap.len()) {
                if self.heap[child].before(&first) {
                    (first, next) = (self.heap[child], child);
                }
            }
            self.place(at, first);
            if next == at {
                return;
            }
            at = next;
        }
    }

    /// Writes a node to its place and notes it (`TIMER-3`).
    fn place(&mut self, at: usize, node: Node) {
        self.heap[at] = node;
        self.positions[node.slot as usize] =
            u32::try_from(at).expect("holds because the slab has as few places");
    }
}
