//! A deadlock: two locks, two threads, and each waits for the other. How it is found, and how it is prevented.
//!
//! With plain mutexes both threads would sleep forever, without a reason given. The locks of [`wait_for`](super::wait_for)
//! write down who waits for whom, and a thread that is about to close a circle gets an error instead of sleeping.
//!
//! **Invariants**
//! - `LAB-DEADLOCK-1`: two threads that take two locks in opposite orders, and both have the first, close a circle. The
//!   one that waits last finds it, and it alone.
//! - `LAB-DEADLOCK-2`: when that one gives back what it holds, the other goes on, and in the end both are done.
//! - `LAB-DEADLOCK-3`: when all take the locks in the same order there is no circle.
//!
//! **Source**: E. W. Dijkstra's philosophers at their table, and the order of locks that cures them.

use std::io;
use std::thread;

use super::Journal;
use super::wait_for::{Circle, Locks};
use crate::threads::Barrier;

/// What the lab has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadlockReport {
    /// The circles that were found with opposite orders.
    pub opposite: Vec<Circle>,
    /// How many threads ended nevertheless.
    pub ended: usize,
    /// The circles that were found with one order.
    pub ordered: Vec<Circle>,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line(
        "Thread a takes left and then right; b takes right and then left. Both have their first:",
    )?;
    let DeadlockReport { opposite, ended, ordered } = experiment();
    for (thread, lock) in opposite.iter().flatten() {
        journal.line(format_args!("  {thread} waits for {lock}, which the other holds"))?;
    }
    journal.line(format_args!(
        "Found: {} circle. Who found it gives back its lock; {ended} of 2 threads come to their end.\n\
         Both take left first: {} circles.\n\n\
         What to notice:\n\
         - Each thread alone is right. The mistake is in no line of either, but between the two.\n\
         - Four things make a deadlock: one owner at a time, holding one while waiting for the next, nobody can take\n  \
           a lock away, and a circle. Break any one of them.\n\
         - Giving back breaks the second: it needs a manager, or `try_lock`, and work that can be begun anew.\n\
         - One order for all breaks the circle, and costs nothing: sort the locks, by number or by address.\n\
         - A timeout breaks the wait, but only says \"too long\". The graph says who waits for whom.",
        opposite.len(),
        ordered.len(),
    ))
}

/// The experiment itself.
pub fn experiment() -> DeadlockReport {
    let (opposite, ended) = meet([[0, 1], [1, 0]], true);
    // No barrier: a thread would wait there, with its first lock, for one that cannot get it.
    let (ordered, _) = meet([[0, 1], [0, 1]], false);
    DeadlockReport { opposite, ended, ordered }
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
