//! `counter += 1` on two threads: what is lost although there is a lock.
//!
//! **Invariants**
//! - `UPDATES-1`: if the lock is checked at the loop's jump only, no update is lost, wherever the switches fall.
//! - `UPDATES-2`: with a call between load and store, and a switch at every check, exactly half are lost:
//!   both threads load the same number and store the same sum.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::labs::samples::Row;
use crate::threads::gil::{COUNT, COUNT_WITH_CALL, Gil, Held, Interpreter, Op};

/// How many updates each of the two threads makes with switches by the clock.
const ROUNDS: u64 = 500_000;
/// The same with a switch at every check, each of which waits for the kernel twice.
const FEW_ROUNDS: u64 = 500;
/// A short interval, so that there are many switches.
const INTERVAL: Duration = Duration::from_micros(10);

/// Where switches fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Luck {
    /// Where the interval ends.
    Clock,
    /// At every check of the lock: the worst that can happen.
    EveryLook,
}

/// Measures each setting: how many updates there were, and how many were lost.
pub(super) fn measure() -> Vec<Row> {
    let settings = [
        ("counter += 1", COUNT, ROUNDS, Luck::Clock),
        ("counter += one()", COUNT_WITH_CALL, ROUNDS, Luck::Clock),
        ("counter += 1, every check", COUNT, FEW_ROUNDS, Luck::EveryLook),
        ("counter += one(), every check", COUNT_WITH_CALL, FEW_ROUNDS, Luck::EveryLook),
    ];
    let row = |(what, program, rounds, luck): (&str, &'static [Op], u64, Luck)| {
        let counts = [2 * rounds, lost(program, rounds, luck)];
        let figures = counts.map(|n| f64::from(u32::try_from(n).unwrap_or(u32::MAX))).to_vec();
        Row::new(what, figures)
    };
    settings.into_iter().map(row).collect()
}

/// Lets two threads run a program that counts, so many rounds each; returns how many updates were lost.
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
                // Relaxed: the lock, held here and by the reader, orders the two.
                running.fetch_sub(1, Ordering::Relaxed);
            });
        }
    });
    // Relaxed: the threads were joined. It counts up from 0, and at most once for each update.
    2 * rounds - counter.load(Ordering::Relaxed).unsigned_abs()
}

/// Checks the lock once the other thread wants it, if that still runs, so that it is always handed over.
fn switch(held: &Held<'_>, running: &AtomicUsize) {
    // Relaxed: the other thread changes it under the lock, which this thread has now.
    while running.load(Ordering::Relaxed) == 2 && held.gil().waiting() == 0 {
        thread::yield_now();
    }
    held.gil().ask();
    held.check();
}
