//! Threads that wait: they release the lock meanwhile, and must get it back afterwards.
//!
//! **Invariants**
//! - `NAPS-1`: a thread that sleeps does not have the lock, so n threads sleep at the same time.
//! - `CONVOY-1`: a thread that returns from a wait, beside a thread that computes, waits a whole interval for the lock.
//! - `PIPE-1`: every call that may wait releases the lock, also a call that does not wait. Beside a thread that computes
//!   it finds the lock taken once that thread is awake: some tens of microseconds later, after dozens of short calls.
//! - `BESIDE-1`: the threads that compute end with the experiment, also when that panics.

use std::io::{Read, Write, pipe};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::labs::samples::Row;
use crate::threads::gil::{COUNT, Gil, Held, Interpreter, SWITCH_INTERVAL};

/// How many naps there are in all.
pub const NAPS: u32 = 64;
/// How long a nap is.
pub const NAP: Duration = Duration::from_millis(5);
/// How long a sleep of the convoy is.
pub const SHORT_NAP: Duration = Duration::from_micros(500);
/// How many of these are measured in a setting.
const SHORT_NAPS: u32 = 20;
/// How often a pipe is measured in a setting, and for how long each time.
const TRANSFERS: (usize, Duration) = (3, Duration::from_millis(100));
/// Rounds of counting for what an interpreter does between two calls. Chosen so that a transfer alone takes about as long
/// as `CPython`'s.
const OVERHEAD_ROUNDS: u64 = 16;
/// How many rounds a thread computes before it checks whether it must end: some microseconds.
const ROUNDS: u64 = 1_000;

/// Measures naps on 1, 8 and 32 threads: the time.
pub(super) fn naps() -> Vec<Row> {
    [(1, "64 of 5 ms, 1 thread"), (8, "8 threads"), (32, "32 threads")]
        .map(|(count, what)| (what.to_owned(), vec![sleep_on(count, NAPS).as_secs_f64()]))
        .to_vec()
}

/// Divides so many naps among `count` threads; returns how long all took together.
///
/// # Panics
/// A thread cannot be started.
pub fn sleep_on(count: u32, naps: u32) -> Duration {
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

/// Measures short sleeps beside 0, 1, 2 and 4 threads that compute: mean and median.
pub(super) fn convoy() -> Vec<Row> {
    let row = |(count, what): (usize, &str)| {
        let mut spans: Vec<_> =
            sleep_beside(count, SHORT_NAPS).iter().map(Duration::as_secs_f64).collect();
        let mean = spans.iter().sum::<f64>() / f64::from(SHORT_NAPS);
        spans.sort_by(f64::total_cmp);
        (what.to_owned(), vec![mean, spans[spans.len() / 2]])
    };
    [(0, "0.5 ms, alone"), (1, "beside 1 thread"), (2, "beside 2"), (4, "beside 4")]
        .map(row)
        .to_vec()
}

/// Sleeps so many times beside `count` threads that compute; returns how long each took, until it had the lock again.
///
/// # Panics
/// A thread cannot be started.
pub fn sleep_beside(count: usize, naps: u32) -> Vec<Duration> {
    beside(&Gil::new(SWITCH_INTERVAL), count, |held| {
        let mut nap = || {
            let begun = Instant::now();
            held.allow_threads(|| thread::sleep(SHORT_NAP));
            held.check();
            begun.elapsed()
        };
        (0..naps).map(|_| nap()).collect()
    })
}

/// Measures a pipe that is always ready, alone and beside a thread that computes: transfers a second, the best of some.
pub(super) fn ready_pipe() -> Vec<Row> {
    let (runs, span) = TRANSFERS;
    let mut best = [0.0_f64; 2];
    for _ in 0..runs {
        for (count, best) in best.iter_mut().enumerate() {
            *best = best.max(transfer(count, span));
        }
    }
    let what = ["a ready pipe, alone", "beside 1 thread"].map(str::to_owned);
    what.into_iter().zip(best.map(|rate| vec![rate])).collect()
}

/// Writes a byte into a pipe and reads it, again and again for `span`, beside `count` threads that compute; returns how
/// many transfers that were a second.
///
/// # Panics
/// A pipe or a thread cannot be made.
pub fn transfer(count: usize, span: Duration) -> f64 {
    let (mut reader, mut writer) = pipe().expect("holds because this program has few descriptors");
    beside(&Gil::new(SWITCH_INTERVAL), count, |held| {
        let counter = AtomicI64::new(0);
        let mut interpreter = Interpreter::new(&counter);
        let (mut transfers, begun) = (0_u32, Instant::now());
        while begun.elapsed() < span {
            let mut byte = [b'x'];
            held.allow_threads(|| writer.write_all(&byte)).expect("holds: its reader is open");
            interpreter.run(COUNT, OVERHEAD_ROUNDS, held);
            held.allow_threads(|| reader.read_exact(&mut byte)).expect("holds: a byte is there");
            interpreter.run(COUNT, OVERHEAD_ROUNDS, held);
            transfers += 1;
        }
        f64::from(transfers) / begun.elapsed().as_secs_f64()
    })
}

/// Runs `experiment` under the lock on this thread, beside `count` threads that compute.
///
/// # Panics
/// When the experiment does, or a thread cannot be started.
pub fn beside<T>(gil: &Gil, count: usize, experiment: impl FnOnce(&mut Held<'_>) -> T) -> T {
    /// Ends the threads when it is dropped (`BESIDE-1`).
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            // Relaxed, as the loads below: the flag orders nothing else.
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (is_over, begun) = (AtomicBool::new(false), AtomicUsize::new(0));
    let compute = || {
        let (held, counter) = (gil.attach(), AtomicI64::new(0));
        begun.fetch_add(1, Ordering::Relaxed);
        let mut interpreter = Interpreter::new(&counter);
        while !is_over.load(Ordering::Relaxed) {
            interpreter.run(COUNT, ROUNDS, &held);
        }
    };
    thread::scope(|scope| {
        let _over = Over(&is_over);
        for _ in 0..count {
            scope.spawn(compute);
        }
        // Until each has had the lock, the figures would be those of fewer threads. Relaxed: a count, no more.
        while begun.load(Ordering::Relaxed) < count {
            thread::sleep(Duration::from_millis(1));
        }
        experiment(&mut gil.attach())
    })
}
