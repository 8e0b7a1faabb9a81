//! The same work on one thread and on several: under the lock they are no faster.
//!
//! Figures: the time, and the same over that of one thread.
//!
//! **Invariants**
//! - `SPEED-1`: however many threads share the work, its rounds are interpreted one after another.

use std::sync::atomic::AtomicI64;
use std::thread;
use std::time::{Duration, Instant};

use super::Row;
use super::section::milliseconds;
use crate::threads::gil::{COUNT, Gil, Interpreter, SWITCH_INTERVAL};

/// The rounds that are timed to learn how fast this machine is.
const TRIAL_ROUNDS: u64 = 1_000_000;
/// How long one thread shall take: many switch intervals, and short for who waits.
const SPAN: Duration = Duration::from_millis(150);
/// On how many threads.
const COUNTS: [u32; 3] = [1, 2, 3];

/// Measures each setting.
pub(super) fn measure() -> Vec<Row> {
    let trial = run(1, TRIAL_ROUNDS).as_secs_f64();
    // Twice the clock's precision is lost here, which is of no matter.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive count")]
    let rounds = (f64::from(1_000_000) * SPAN.as_secs_f64() / trial) as u64;
    let spans = COUNTS.map(|count| run(count, rounds).as_secs_f64());
    let row = |(count, span): (u32, f64)| Row {
        what: format!("{count} thread{}", if count == 1 { "" } else { "s" }),
        figures: vec![span, span / spans[0]],
    };
    COUNTS.into_iter().zip(spans).map(row).collect()
}

/// Parts so many rounds over `count` threads; returns how long all took together.
///
/// # Panics
/// A thread cannot be started.
pub fn run(count: u32, rounds: u64) -> Duration {
    let gil = Gil::new(SWITCH_INTERVAL);
    let share = rounds / u64::from(count);
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                let (held, counter) = (gil.attach(), AtomicI64::new(0));
                Interpreter::new(&counter).run(COUNT, share, &held);
            });
        }
    });
    begun.elapsed()
}

/// A row in words.
pub(super) fn words(figures: &[f64]) -> String {
    format!("{}, {:.2} of one thread's", milliseconds(figures[0]), figures[1])
}
