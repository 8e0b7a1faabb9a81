//! The convoy: a thread that waits often and computes little, behind threads that only compute.
//!
//! Figures: the mean and the median of one sleep, from before it until the thread has the lock again.
//!
//! **Invariants**
//! - `CONVOY-1`: a thread that comes back from a wait beside one that computes waits a whole interval for the lock.
//!
//! ```text
//! waits often    gives up ─ sleeps 0.5 ms ─ wants the lock ─────── an interval ──────── has it
//! computes                 has it ──────────────────────────────────────────────────── asked
//! ```

use std::thread;
use std::time::{Duration, Instant};

use super::Row;
use super::beside::beside;
use super::section::milliseconds;
use crate::threads::gil::{Gil, SWITCH_INTERVAL};

/// How long a sleep is.
pub const NAP: Duration = Duration::from_micros(500);
/// How many are measured in a setting.
const NAPS: u32 = 40;
/// Beside how many threads that compute.
const COUNTS: [usize; 4] = [0, 1, 2, 4];

/// Measures each setting.
pub(super) fn measure() -> Vec<Row> {
    let row = |count| {
        let mut spans: Vec<_> = run(count, NAPS).iter().map(Duration::as_secs_f64).collect();
        let mean = spans.iter().sum::<f64>() / f64::from(NAPS);
        spans.sort_by(f64::total_cmp);
        let what = match count {
            0 => "a sleep of 0.5 ms alone".to_owned(),
            _ => format!("beside {count} that compute{}", if count == 1 { "s" } else { "" }),
        };
        Row { what, figures: vec![mean, spans[spans.len() / 2]] }
    };
    COUNTS.into_iter().map(row).collect()
}

/// Sleeps so many times beside `count` threads that compute; returns how long each took.
///
/// # Panics
/// A thread cannot be started.
pub fn run(count: usize, naps: u32) -> Vec<Duration> {
    beside(&Gil::new(SWITCH_INTERVAL), count, |held| {
        let mut nap = || {
            let begun = Instant::now();
            held.allow_threads(|| thread::sleep(NAP));
            held.check();
            begun.elapsed()
        };
        (0..naps).map(|_| nap()).collect()
    })
}

/// A row in words.
pub(super) fn words(figures: &[f64]) -> String {
    format!("mean {}, median {}", milliseconds(figures[0]), milliseconds(figures[1]))
}
