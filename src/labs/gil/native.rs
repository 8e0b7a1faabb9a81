//! A native call that keeps the lock: meanwhile no other thread runs, not even a clock.
//!
//! **Invariants**
//! - `NATIVE-1`: a holder that does not check keeps the lock (`GIL-3`), however often it is asked.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::labs::samples::Row;
use crate::threads::gil::{Gil, SWITCH_INTERVAL};

/// The clock's tick.
const TICK: Duration = Duration::from_millis(1);
/// How long the clock ticks alone before the call, and some time after it.
const QUIET: Duration = Duration::from_millis(50);
/// How long the call takes: about as long as `CPython`'s, which sums eight million numbers.
const CALL: Duration = Duration::from_millis(100);

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// How long the call took.
    pub call: Duration,
    /// The clock's longest gap before it.
    pub before: Duration,
    /// The clock's longest gap of all.
    pub longest: Duration,
}

/// Measures it: how long the call took, the clock's longest gap before it, and its longest gap of all.
pub(super) fn measure() -> Vec<Row> {
    let Seen { call, before, longest } = run(CALL);
    let figures = [call, before, longest].map(|span| span.as_secs_f64()).to_vec();
    vec![Row::new("a call beside a clock", figures)]
}

/// Makes a call of that length beside the clock.
///
/// # Panics
/// A thread cannot be started.
pub fn run(call: Duration) -> Seen {
    let gil = Gil::new(SWITCH_INTERVAL);
    let (gaps, is_over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let longest = || {
        let gaps = gaps.lock().unwrap_or_else(PoisonError::into_inner);
        gaps.iter().max().copied().unwrap_or_default()
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut held, mut last) = (gil.attach(), Instant::now());
            // Relaxed, as the store below: the flag orders nothing else.
            while !is_over.load(Ordering::Relaxed) {
                held.allow_threads(|| thread::sleep(TICK));
                let gap = last.elapsed();
                last += gap;
                gaps.lock().unwrap_or_else(PoisonError::into_inner).push(gap);
            }
        });
        let mut held = gil.attach();
        held.allow_threads(|| thread::sleep(QUIET));
        // On a busy machine the clock may not have started yet.
        while longest().is_zero() {
            held.allow_threads(|| thread::sleep(TICK));
        }
        let (before, begun) = (longest(), Instant::now());
        while begun.elapsed() < call {
            black_box((0..1_000_u64).sum::<u64>());
        }
        let took = begun.elapsed();
        held.allow_threads(|| thread::sleep(QUIET));
        is_over.store(true, Ordering::Relaxed);
        Seen { call: took, before, longest: longest() }
    })
}
