//! Threads that only compute, beside whatever is measured.
//!
//! **Invariants**
//! - `BESIDE-1`: they end with the experiment, also when that panics.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::threads::gil::{COUNT, Gil, Held, Interpreter};

/// How many rounds of the loop a thread computes before it sees whether it should end: some microseconds' worth.
const ROUNDS: u64 = 1_000;

/// How often it is looked whether all of them have begun.
const LOOK: Duration = Duration::from_millis(1);

/// Runs `experiment` under the lock on this thread, beside so many threads that compute.
///
/// # Panics
/// When the experiment does, or a thread cannot be started.
///
/// # Blocking
/// As long as the experiment takes.
pub fn beside<T>(gil: &Gil, count: usize, experiment: impl FnOnce(&mut Held<'_>) -> T) -> T {
    /// Says that it is over, whichever way the experiment ends (`BESIDE-1`).
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            // Relaxed, as the load in the loop below: it says nothing but itself.
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (is_over, begun) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _over = Over(&is_over);
        for _ in 0..count {
            scope.spawn(|| compute(gil, &begun, &is_over));
        }
        // Until each has had a turn, the figures would be those of fewer threads. Relaxed: a count, no more.
        while begun.load(Ordering::Relaxed) < count {
            thread::sleep(LOOK);
        }
        experiment(&mut gil.attach())
    })
}

/// Computes until it is over; says so once it has had the lock.
fn compute(gil: &Gil, begun: &AtomicUsize, is_over: &AtomicBool) {
    let (held, counter) = (gil.attach(), AtomicI64::new(0));
    begun.fetch_add(1, Ordering::Relaxed);
    let mut interpreter = Interpreter::new(&counter);
    while !is_over.load(Ordering::Relaxed) {
        interpreter.run(COUNT, ROUNDS, &held);
    }
}
