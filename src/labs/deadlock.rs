//! A deadlock: two locks, two threads, and each waits for the other. How it is found, and how it is prevented.
//!
//! With plain mutexes both threads would sleep forever. The locks here keep a *wait-for graph*: from each thread to the lock
//! that it waits for, and from there to the thread that holds it. A thread that would close a circle gets an error.
//!
//! **Invariants**
//! - `LAB-DEADLOCK-1`: two threads that take two locks in opposite orders, and have the first each, close a circle. The
//!   thread that waits last finds it.
//! - `LAB-DEADLOCK-2`: when it gives its lock back, the other goes on, and both reach their end.
//! - `LAB-DEADLOCK-3`: if both take the locks in the same order there is no circle.
//! - `WAIT-FOR-1`: before a thread sleeps, its wish is in the graph and no circle goes through it.
//! - `WAIT-FOR-2`: the graph is read and changed under one lock, which no thread keeps while it sleeps.
//!
//! **Source**: E. W. Dijkstra's dining philosophers, and lock ordering; deadlock detection in databases.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Journal;
use crate::threads::Barrier;

/// The threads, by their numbers.
const THREADS: [&str; 2] = ["a", "b"];
/// The locks, by their numbers.
const LOCKS: [&str; 2] = ["left", "right"];

/// A circle: the names of each thread and of the lock that it waits for, which the next thread holds.
pub type Circle = Vec<(&'static str, &'static str)>;

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line(
        "Thread a takes left and then right; b takes right and then left. Both have their first:",
    )?;
    let (opposite, ended, ordered) = experiment();
    for (thread, lock) in opposite.iter().flatten() {
        journal.line(format_args!("  {thread} waits for {lock}, which the other holds"))?;
    }
    journal.line(format_args!(
        "Found: {} circle. The thread that found it gives its lock back; {ended} of 2 threads reach their end.\n\
         Both take left first: {} circles.",
        opposite.len(),
        ordered.len(),
    ))?;
    journal.notices(&[
        "Each thread alone is right. The fault is in no line of either, but between the two.",
        "A deadlock needs four things: a lock has one owner; a thread holds one lock while it waits for \
         another; no lock can be taken away; and a circle. Break one of them.",
        "One order for all locks breaks the circle, and costs nothing: sort by number or by address. To give a lock \
         back needs work that can start again.",
    ])
}

/// The experiment itself: the circles with opposite orders, how many threads ended, and the circles with one order.
pub fn experiment() -> (Vec<Circle>, usize, Vec<Circle>) {
    let (opposite, ended) = meet([[0, 1], [1, 0]], true);
    // No barrier: a thread would wait there, with its first lock, for one that cannot get it.
    let (ordered, _) = meet([[0, 1], [0, 1]], false);
    (opposite, ended, ordered)
}

/// Lets two threads take both locks, each in its order; the circles that were found, and how many threads ended.
fn meet(orders: [[usize; 2]; 2], wait_between: bool) -> (Vec<Circle>, usize) {
    let (locks, both) = (Locks::default(), Barrier::new(2));
    let work = |me: usize, [first, second]: [usize; 2]| {
        let mut circles = Vec::new();
        locks.take(me, first).expect("holds because a thread that holds nothing closes no circle");
        if wait_between {
            both.wait(); // Now both have their first.
        }
        if let Err(circle) = locks.take(me, second) {
            circles.push(circle);
            locks.give_back(first);
            // Anew, in the other's order: in that there is no circle (LAB-DEADLOCK-3).
            for lock in [second, first] {
                locks.take(me, lock).expect("holds because both threads now have one order");
            }
        }
        locks.give_back(first);
        locks.give_back(second);
        circles
    };
    thread::scope(|scope| {
        let work = &work;
        let threads = [0, 1].map(|me| scope.spawn(move || work(me, orders[me])));
        let ends = threads.map(thread::ScopedJoinHandle::join);
        let ended = ends.iter().filter(|end| end.is_ok()).count();
        (ends.into_iter().flatten().flatten().collect(), ended)
    })
}

/// Which thread holds which lock, and waits for which, by their numbers.
#[derive(Default)]
struct Graph {
    /// Which thread holds a lock.
    holder: [Option<usize>; 2],
    /// The lock that a thread waits for, while it does.
    wanted: [Option<usize>; 2],
}

/// Two locks, and the graph.
#[derive(Default)]
struct Locks {
    /// See `WAIT-FOR-2`.
    graph: Mutex<Graph>,
    /// A lock was given back.
    freed: Condvar,
}

impl Locks {
    /// Takes a lock, waiting for it; or does not wait, and returns the circle that this would close.
    fn take(&self, me: usize, lock: usize) -> Result<(), Circle> {
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

    /// Gives a lock back, and wakes the threads that wait.
    fn give_back(&self, lock: usize) {
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
