//! A race: two threads add to one counter, and additions are lost.
//!
//! An addition is three steps: load, add, store. If the second thread loads between load and store of the first, both
//! store the same number. That may happen once in a million runs; here a barrier makes it happen each time.
//!
//! **Invariants**
//! - `LAB-RACE-1`: with the other's load between load and store, each round loses one of two additions.
//! - `LAB-RACE-2`: with one atomic step (`fetch_add`) none is lost, under the same barriers.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use super::Journal;
use crate::threads::Barrier;

/// How often each of the two adds one.
pub const ROUNDS: usize = 100;

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal
        .line("Two threads add 1 to a counter, 100 times each. Both load before either stores:")?;
    let [in_steps, at_once] = experiment();
    journal.line(format_args!("  load, add, store:  {in_steps:3} of {}", 2 * ROUNDS))?;
    journal.line(format_args!("  fetch_add:         {at_once:3} of {}", 2 * ROUNDS))?;
    journal.line(format_args!("  {} additions are lost", 2 * ROUNDS - in_steps))?;
    journal.notices(&[
        "Each step was atomic. A race is in the gap between two steps, not inside one.",
        "The barrier makes the bad order certain. Without it a test may pass for years.",
        "The cure closes the gap: one atomic step, or a lock around both (`handloom lab lock`). More than one \
         number needs the lock.",
    ])
}

/// The experiment itself: what the counter shows after [`ROUNDS`] additions of each of two threads, with a load and a
/// store, and with `fetch_add`.
pub fn experiment() -> [usize; 2] {
    let in_steps = race(|counter, both| {
        let seen = counter.load(Relaxed);
        both.wait();
        counter.store(seen + 1, Relaxed);
    });
    let at_once = race(|counter, both| {
        both.wait();
        counter.fetch_add(1, Relaxed);
    });
    [in_steps, at_once]
}

/// Lets two threads add in step with each other, and returns what the counter shows.
///
/// `Relaxed` will do inside `add`: the two loads see the stores of the round before because the barrier, which is made
/// of a lock, lies between them.
fn race(add: impl Fn(&AtomicUsize, &Barrier) + Sync) -> usize {
    let (counter, both) = (AtomicUsize::new(0), Barrier::new(2));
    let adder = || {
        for _ in 0..ROUNDS {
            add(&counter, &both);
            // The next round begins when both have stored.
            both.wait();
        }
    };
    thread::scope(|scope| {
        scope.spawn(adder);
        scope.spawn(adder);
    });
    counter.into_inner()
}
