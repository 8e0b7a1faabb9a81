//! Deadlines of the event loop: a heap ordered by time which never reads the clock.
//!
//! Without it a sleeping task would have to be polled again and again to see whether its time has
//! come. The heap has four children a node, so 100,000 timers are eight levels deep, and every timer
//! knows its place in it, so that dropping one costs a few moves and leaves nothing behind.
//!
//! **Invariants**
//! - `TIMER-1` A slot belongs to one [`insert`](Timers::insert) until its [`remove`](Timers::remove).
//! - `TIMER-2` `heap[slots[s].position].slot == s` for every slot that still waits.
//! - `TIMER-3` No entry fires before `now` has reached its deadline.
//! - `TIMER-4` Equal deadlines fire in the order of creation.
//!
//! **Left out**: a hierarchical wheel, which makes insertion constant and expiry coarse.
//!
//! **Source**: *Introduction to Algorithms*, chapter 6, for the heap; `CPython`'s `asyncio`
//! (`base_events.py`) for one heap beside one selector.

use std::task::Waker;

/// A point in time: nanoseconds since the loop was made, 584 years at most.
pub(crate) type Nanos = u64;

/// Children of a node: four share a cache line, where two would touch twice as many lines.
const ARITY: usize = 4;

/// All timers of one loop.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// Waiting timers; each node is due no later than its children.
    heap: Vec<Node>,
    /// What the owner of a timer sees, by slot.
    slots: Vec<Slot>,
    /// Slots to use again, last given back first.
    free: Vec<u32>,
    /// Timers made so far; wraps, which `Node::before` allows for.
    created: u32,
}

/// One waiting timer.
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
    /// Tells whether this one fires first; of equal deadlines the older one.
    fn before(&self, other: &Self) -> bool {
        // Half the range apart is older: right as long as two timers with one deadline are not made
        // two thousand million timers apart.
        self.deadline < other.deadline
            || (self.deadline == other.deadline
                && self.order.wrapping_sub(other.order) > u32::MAX / 2)
    }
}

/// A timer as its owner sees it.
#[derive(Debug)]
enum Slot {
    /// In the heap at `position`; `waker` is whom to wake, once somebody has asked.
    Waiting {
        /// Index into the heap.
        position: u32,
        /// Set by the first poll.
        waker: Option<Waker>,
    },
    /// Out of the heap: fired, or given back.
    Idle,
}

impl Timers {
    /// Adds a timer and returns its slot.
    pub(crate) fn insert(&mut self, deadline: Nanos) -> u32 {
        let position = self.heap.len();
        let waiting = Slot::Waiting { position: as_u32(position), waker: None };
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = waiting;
            slot
        } else {
            self.slots.push(waiting);
            as_u32(self.slots.len() - 1)
        };
        self.created = self.created.wrapping_add(1);
        self.heap.push(Node { deadline, order: self.created, slot });
        self.sift_up(position);
        slot
    }

    /// Tells whether the timer fired; else `waker` is the one it will wake, and the one it displaced
    /// comes back, to be dropped when no borrow is held.
    pub(crate) fn poll(&mut self, slot: u32, waker: &Waker) -> Result<(), Option<Waker>> {
        match &mut self.slots[slot as usize] {
            Slot::Idle => Ok(()),
            Slot::Waiting { waker: Some(known), .. } if known.will_wake(waker) => Err(None),
            Slot::Waiting { waker: known, .. } => Err(known.replace(waker.clone())),
        }
    }

    /// Takes a timer away, fired or not; its waker comes back, to be dropped when no borrow is held.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Waker> {
        self.free.push(slot);
        match std::mem::replace(&mut self.slots[slot as usize], Slot::Idle) {
            Slot::Idle => None,
            Slot::Waiting { position, waker } => {
                self.take(position as usize);
                waker
            }
        }
    }

    /// Returns the earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Nanos> {
        self.heap.first().map(|node| node.deadline)
    }

    /// Fires what is due at `now`: adds the wakers to `woken` and returns how many timers fired.
    pub(crate) fn expire(&mut self, now: Nanos, woken: &mut Vec<Waker>) -> usize {
        let mut fired = 0;
        while self.heap.first().is_some_and(|node| node.deadline <= now) {
            let node = self.take(0);
            let slot = &mut self.slots[node.slot as usize];
            if let Slot::Waiting { waker: Some(waker), .. } = std::mem::replace(slot, Slot::Idle) {
                woken.push(waker);
            }
            fired += 1;
        }
        fired
    }

    /// Takes every waker out: the loop is going away, and whoever waits shall learn of it.
    pub(crate) fn drain(&mut self, woken: &mut Vec<Waker>) {
        self.expire(Nanos::MAX, woken);
    }

    /// Takes the node at `position` out of the heap and closes the gap with the last one.
    fn take(&mut self, position: usize) -> Node {
        let node = self.heap.swap_remove(position);
        if position < self.heap.len() {
            // The last node may belong above or below the gap; the second call then moves nothing.
            self.sift_up(position);
            self.sift_down(position);
        }
        node
    }

    /// Moves the node at `at` towards the root until its parent fires first.
    fn sift_up(&mut self, mut at: usize) {
        let node = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if !node.before(&self.heap[parent]) {
                break;
            }
            self.place(at, self.heap[parent]);
            at = parent;
        }
        self.place(at, node);
    }

    /// Moves the node at `at` away from the root until it fires before its children.
    fn sift_down(&mut self, mut at: usize) {
        let node = self.heap[at];
        loop {
            let first = at * ARITY + 1;
            let mut child = first;
            for other in first + 1..(first + ARITY).min(self.heap.len()) {
                if self.heap[other].before(&self.heap[child]) {
                    child = other;
                }
            }
            if child >= self.heap.len() || !self.heap[child].before(&node) {
                break;
            }
            self.place(at, self.heap[child]);
            at = child;
        }
        self.place(at, node);
    }

    /// Writes a node to its place and tells its slot (`TIMER-2`).
    fn place(&mut self, at: usize, node: Node) {
        self.heap[at] = node;
        if let Slot::Waiting { position, .. } = &mut self.slots[node.slot as usize] {
            *position = as_u32(at);
        }
    }
}

/// Narrows an index; four thousand million timers would not fit into memory.
fn as_u32(index: usize) -> u32 {
    u32::try_from(index).expect("holds because memory ends before 2³² timers")
}
