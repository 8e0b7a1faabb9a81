//! `counter += 1` on two threads: what is lost although there is a lock.
//!
//! Figures: how many updates there were, and how many were lost.
//!
//! **Invariants**
//! - `UPDATES-1`: with the only look at the loop's jump, none is lost, wherever the switches fall.
//! - `UPDATES-2`: with a call between load and store, and a switch at every look, exactly half are lost:
//!   both threads load the same number and store the same sum.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::Row;
use crate::threads::gil::{COUNT, COUNT_WITH_CALL, Gil, Held, Interpreter, Op};

/// How many updates each of the two threads makes with switches by the clock.
const ROUNDS: u64 = 500_000;
/// And with a switch at every look, each of which waits for the kernel twice.
const FEW_ROUNDS: u64 = 500;
/// A short interval, so that there are many switches to lose by.
const INTERVAL: Duration = Duration::from_micros(10);

/// Where switches fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Luck {
    /// Where the interval ends.
    Clock,
    /// At every look: the worst that can happen, and no luck at all.
    EveryLook,
}

/// Measures each setting.
pub(super) fn measure() -> Vec<Row> {
    let settings = [
        ("counter += 1", COUNT, ROUNDS, Luck::Clock),
        ("counter += one()", COUNT_WITH_CALL, ROUNDS, Luck::Clock),
        ("counter += 1, a switch at every look", COUNT, FEW_ROUNDS, Luck::EveryLook),
        ("counter += one(), a switch at every look", COUNT_WITH_CALL, FEW_ROUNDS, Luck::EveryLook),
    ];
    let row = |(what, program, rounds, luck): (&str, &'static [Op], u64, Luck)| {
        let counts = [2 * rounds, lost(program, rounds, luck)];
        // As floats, since all figures are; they are far below 2^32.
        let figures = counts.map(|n| f64::from(u32::try_from(n).unwrap_or(u32::MAX))).to_vec();
        Row { what: what.to_owned(), figures }
    };
    settings.into_iter().map(row).collect()
}

/// Has two threads run a program that counts, so many rounds each; returns how many updates were lost.
///
/// # Panics
/// A thread cannot be started.
pub fn lost(program: &'static [Op], rounds: u64, luck: Luck) -> u64 {
    let interval = if luck == Luck::Clock { INTERVAL } else { Duration::MAX };
    let (gil, counter, running) = (Gil::new(interval), AtomicI64::new(0), AtomicUsize::new(2));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let held = gil.attach();
                let mut interpreter = match luck {
                    Luck::Clock => Interpreter::new(&counter),
                    Luck::EveryLook => {
                        Interpreter::with_check(&counter, |held| switch(held, &running))
                    }
                };
                interpreter.run(program, rounds, &held);
                // Relaxed: the lock, held here and by who reads it, orders the two.
                running.fetch_sub(1, Ordering::Relaxed);
            });
        }
    });
    // Relaxed: the threads were joined. It counts up from 0, and at most once for each update.
    2 * rounds - counter.load(Ordering::Relaxed).unsigned_abs()
}

/// Looks at the lock once the other thread wants it, if that still runs: so it is always handed over.
fn switch(held: &Held<'_>, running: &AtomicUsize) {
    // Relaxed: the other one changes it under the lock, which this thread has now.
    while running.load(Ordering::Relaxed) == 2 && held.gil().waiting() == 0 {
        thread::yield_now();
    }
    held.gil().ask();
    held.check();
}

/// A row in words.
pub(super) fn words(figures: &[f64]) -> String {
    format!("{} of {} lost", figures[1], figures[0])
}
