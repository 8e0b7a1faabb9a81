//! Locks that record which thread waits for which, for the lab `deadlock`.
//!
//! The *wait-for graph* goes from each thread to the lock that it waits for, and from there to the thread that holds it.
//! A circle in it is a deadlock.
//!
//! **Invariants**
//! - `WAIT-FOR-1`: before a thread sleeps, its wish is in the graph and no circle goes through it.
//! - `WAIT-FOR-2`: the graph is read and changed under one lock, which no thread keeps while it sleeps.
//!
//! **Source**: deadlock detection in databases.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The threads, by their numbers.
const THREADS: [&str; 2] = ["a", "b"];
/// The locks, by their numbers.
const LOCKS: [&str; 2] = ["left", "right"];

/// A circle, as the names of a thread and of the lock it waits for: each thread waits for a lock that the next one holds, and the last one's is held by the first.
pub type Circle = Vec<(&'static str, &'static str)>;

/// Which thread holds which lock, and waits for which, by their numbers.
#[derive(Default)]
struct Graph {
    /// Which thread holds a lock.
    holder: [Option<usize>; 2],
    /// The lock that a thread waits for, while it does.
    wanted: [Option<usize>; 2],
}

/// Locks that know who waits for whom.
#[derive(Default)]
pub(super) struct Locks {
    /// See `WAIT-FOR-2`.
    graph: Mutex<Graph>,
    /// A lock was given back.
    freed: Condvar,
}

impl Locks {
    /// Takes a lock, waiting for it; or does not wait, and returns the circle that this would close.
    pub(super) fn take(&self, me: usize, lock: usize) -> Result<(), Circle> {
        let mut graph = self.look();
        while graph.holder[lock].is_some() {
            graph.wanted[me] = Some(lock);
            if let Some(circle) = graph.circle_from(me) {
                graph.wanted[me] = None;
                return Err(circle);
            }
            graph = self.freed.wait(graph).unwrap_or_else(PoisonError::into_inner);
        }
        graph.wanted[me] = None;
        graph.holder[lock] = Some(me);
        Ok(())
    }

    /// Gives a lock back, and wakes who waits.
    pub(super) fn give_back(&self, lock: usize) {
        self.look().holder[lock] = None;
        self.freed.notify_all();
    }

    /// Takes the lock of the graph. Every change of it is one statement, so a panic leaves it whole.
    fn look(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Graph {
    /// Follows "waits for" and "is held by" from a thread; the way, if it leads back to where it began.
    fn circle_from(&self, start: usize) -> Option<Circle> {
        let (mut way, mut thread) = (Vec::new(), start);
        loop {
            // A thread that waits for nothing will run, and give back what it holds: no circle.
            let lock = self.wanted[thread]?;
            way.push((THREADS[thread], LOCKS[lock]));
            thread = self.holder[lock]?;
            if thread == start {
                return Some(way);
            }
        }
    }
}
