//! A race: two threads add to one counter, and additions are lost.
//!
//! An addition is three steps: load, add, store. When a second thread loads between the load and the store of the first,
//! both store the same number, and one addition is gone. Without help that may happen once in a million
//! runs. Here a barrier stands at the bad place, so that it happens each time:
//!
//! ```text
//! a: load 0                b: load 0
//! ------------- barrier: both have loaded -------------
//! a: store 1               b: store 1        1, not 2
//! ------------- barrier: both have stored -------------
//! ```
//!
//! **Invariants**
//! - `LAB-RACE-1`: with a load and a store, and the other's load between them, each round loses one of two additions.
//! - `LAB-RACE-2`: with one step that cannot be parted (`fetch_add`), none is lost, under the same barriers.
//!
//! **Source**: the course's question what a race is and how it is fought.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use super::Journal;
use crate::threads::Barrier;

/// How often each of the two adds one.
pub const ROUNDS: usize = 100;

/// What the counter showed at the end; [`ROUNDS`] additions were made by each of two threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaceReport {
    /// With a load and a store.
    pub in_steps: usize,
    /// With `fetch_add`.
    pub at_once: usize,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal
        .line("Two threads add 1 to a counter, 100 times each. Both load before either stores:")?;
    let RaceReport { in_steps, at_once } = experiment();
    journal.line(format_args!("  load, add, store:  {in_steps:3} of {}", 2 * ROUNDS))?;
    journal.line(format_args!("  fetch_add:         {at_once:3} of {}", 2 * ROUNDS))?;
    journal.line(format_args!(
        "\nWhat to notice:\n\
         - {} additions are gone, and nothing failed: no panic, no error, only a wrong number.\n\
         - Each step was atomic. It did not help: a race is in the gap between two steps, not inside one.\n\
         - The barrier makes no race; it makes sure that the bad order comes. Without it the order is the kernel's,\n  \
           and a test may pass for years.\n\
         - The cure is to close the gap: one step that the processor does not part, or a lock around both\n  \
           (`handloom lab lock`). For more than one number it must be the lock.\n\
         - `Relaxed` is about the order in which *other* memory is seen. It makes `fetch_add` no less whole.",
        2 * ROUNDS - in_steps,
    ))
}

/// The experiment itself.
pub fn experiment() -> RaceReport {
    let in_steps = race(|counter, both| {
        let seen = counter.load(Relaxed);
        both.wait();
        counter.store(seen + 1, Relaxed);
    });
    let at_once = race(|counter, both| {
        both.wait();
        counter.fetch_add(1, Relaxed);
    });
    RaceReport { in_steps, at_once }
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
