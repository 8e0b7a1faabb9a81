//! Threads that wait: they give the lock up meanwhile, so they wait at the same time.
//!
//! Figures: the time.
//!
//! **Invariants**
//! - `NAPS-1`: a thread that sleeps does not have the lock; so n threads sleep n at a time.

use std::thread;
use std::time::{Duration, Instant};

use super::Row;
use super::section::milliseconds;
use crate::threads::gil::{Gil, SWITCH_INTERVAL};

/// How many sleeps there are in all.
pub const NAPS: u32 = 256;
/// How long each is.
pub const NAP: Duration = Duration::from_millis(5);
/// On how many threads.
const COUNTS: [u32; 3] = [1, 8, 32];

/// Measures each setting.
pub(super) fn measure() -> Vec<Row> {
    let row = |count| Row {
        what: format!("256 sleeps of 5 ms on {count} thread{}", if count == 1 { "" } else { "s" }),
        figures: vec![run(count, NAPS).as_secs_f64()],
    };
    COUNTS.into_iter().map(row).collect()
}

/// Parts so many naps over `count` threads; returns how long all took together.
///
/// # Panics
/// A thread cannot be started.
pub fn run(count: u32, naps: u32) -> Duration {
    let gil = Gil::new(SWITCH_INTERVAL);
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                let mut held = gil.attach();
                for _ in 0..naps / count {
                    held.allow_threads(|| thread::sleep(NAP));
                }
            });
        }
    });
    begun.elapsed()
}

/// A row in words.
pub(super) fn words(figures: &[f64]) -> String {
    milliseconds(figures[0])
}
