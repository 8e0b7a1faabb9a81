//! The convoy again, behind a pipe that is always ready: calls that never wait, and still give the lock up.
//!
//! Figures: transfers a second, each one byte into the pipe and out of it again.
//!
//! **Invariants**
//! - `PIPE-1`: every call gives the lock up, because it may wait. Beside a thread
//!   that computes it comes back to a lock that is taken, as soon as that thread is awake.
//!
//! That is not at the first call: the other thread needs tens of microseconds to wake, in which dozens of short
//! calls get through. So this convoy is not as slow as an interval for each call.

use std::io::{Read, Write, pipe};
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use super::Row;
use super::beside::beside;
use crate::threads::gil::{COUNT, Gil, Interpreter, SWITCH_INTERVAL};

/// Beside how many threads that compute, and how many milliseconds it is watched.
const SETTINGS: [(usize, u64); 2] = [(0, 150), (1, 400)];

/// Rounds of counting that stand for what an interpreter has to do for one transfer besides the two calls: look up
/// names, make an object of the byte, read the clock. Chosen so that a transfer alone takes about as long as
/// `CPython`'s.
const OVERHEAD_ROUNDS: u64 = 32;

/// Measures each setting.
pub(super) fn measure() -> Vec<Row> {
    let row = |(count, span)| Row {
        what: match count {
            0 => "a pipe that is always ready, alone".to_owned(),
            _ => format!("beside {count} that computes"),
        },
        figures: vec![run(count, Duration::from_millis(span))],
    };
    SETTINGS.into_iter().map(row).collect()
}

/// Transfers bytes for as long as `span` beside `count` threads that compute; returns how many a second.
///
/// # Panics
/// A pipe or a thread cannot be made.
pub fn run(count: usize, span: Duration) -> f64 {
    let (mut reader, mut writer) = pipe().expect("holds because this program has few descriptors");
    beside(&Gil::new(SWITCH_INTERVAL), count, |held| {
        let counter = AtomicI64::new(0);
        let mut interpreter = Interpreter::new(&counter);
        let (mut transfers, begun) = (0_u32, Instant::now());
        while begun.elapsed() < span {
            let mut byte = [b'x'];
            held.allow_threads(|| writer.write_all(&byte)).expect("holds: its reader is open");
            interpreter.run(COUNT, OVERHEAD_ROUNDS / 2, held);
            held.allow_threads(|| reader.read_exact(&mut byte)).expect("holds: a byte is there");
            interpreter.run(COUNT, OVERHEAD_ROUNDS / 2, held);
            transfers += 1;
        }
        f64::from(transfers) / begun.elapsed().as_secs_f64()
    })
}

/// A row in words.
pub(super) fn words(figures: &[f64]) -> String {
    match figures[0] {
        million if million >= 1e6 => format!("{:.2} million transfers/s", million / 1e6),
        some => format!("{some:.0} transfers/s"),
    }
}
