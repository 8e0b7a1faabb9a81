//! Threads that compute under the lock: the same work on one and on several; how long a turn is; a native call that keeps
//! the lock; and updates that are lost although there is a lock.
//!
//! **Invariants**
//! - `SPEED-1`: however many threads share the work, its rounds are interpreted one after another.
//! - `HANDOVER-1`: a turn lasts from a thread's first check of the lock after another's to the next thread's first check.
//! - `NATIVE-1`: a holder that does not check keeps the lock (`GIL-3`), however often it is asked.
//! - `UPDATES-1`: if the lock is checked at the loop's jump only, no update is lost, wherever the switches fall.
//! - `UPDATES-2`: with a call between load and store, and a switch at every check, exactly half are lost:
//!   both threads load the same number and store the same sum.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::labs::samples::{Row, Samples};
use crate::threads::gil::{COUNT, COUNT_WITH_CALL, Gil, Held, Interpreter, Op, SWITCH_INTERVAL};

/// The rounds that are timed first, to learn how fast this machine is.
const TRIAL_ROUNDS: u64 = 1_000_000;
/// How long one thread takes for the work: many switch intervals.
const SPAN: Duration = Duration::from_millis(100);
/// How often each number of threads does the work.
const RUNS: usize = 4;
/// The settings of the turns: threads, interval in microseconds, whether forced, milliseconds to watch.
const SETTINGS: [(usize, u64, bool, u64); 5] = [
    (2, 5_000, true, 300),
    (3, 5_000, true, 300),
    (2, 1_000, true, 100),
    (2, 100, true, 100),
    (2, 5_000, false, 600),
];
/// The clock's tick beside the native call.
const TICK: Duration = Duration::from_millis(1);
/// How long the clock ticks alone before the call, and some time after it.
const QUIET: Duration = Duration::from_millis(50);
/// How long the call takes: about as long as `CPython`'s, which sums eight million numbers.
const CALL: Duration = Duration::from_millis(100);
/// How many updates each of the two threads makes with switches by the clock.
const ROUNDS: u64 = 500_000;
/// The same with a switch at every check, each of which waits for the kernel twice.
const FEW_ROUNDS: u64 = 500;
/// A short interval, so that there are many switches.
const SHORT_INTERVAL: Duration = Duration::from_micros(10);

/// Measures 1, 2 and 3 threads: the best time, the worst, and the best over that of one thread.
pub(super) fn speed() -> Vec<Row> {
    let trial = work(1, TRIAL_ROUNDS).as_secs_f64();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive count")]
    let rounds = (1e6 * SPAN.as_secs_f64() / trial) as u64;
    let run = |count| move || Ok::<_, Infallible>(work(count, rounds).as_secs_f64());
    let (mut one, mut two, mut three) = (run(1), run(2), run(3));
    let Ok(samples) = Samples::in_turns(RUNS, [&mut one, &mut two, &mut three]);
    let figures = samples.map(|it| vec![it.best, it.worst, it.over(samples[0])]);
    ["1 thread", "2 threads", "3 threads"].map(str::to_owned).into_iter().zip(figures).collect()
}

/// Divides so many rounds among `count` threads; returns how long all took together.
///
/// # Panics
/// A thread cannot be started.
pub fn work(count: u32, rounds: u64) -> Duration {
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

/// Measures each setting: the median and the 90th percentile of the turns, then each thread's share of their time.
pub(super) fn handover() -> Vec<Row> {
    let row = |(threads, interval, is_forced, span)| {
        let (interval, span) = (Duration::from_micros(interval), Duration::from_millis(span));
        let turns = turns(threads, interval, is_forced, span);
        let forced = if is_forced { "" } else { ", not forced" };
        let interval = interval.as_secs_f64() * 1e3;
        (format!("{threads} threads, {interval} ms{forced}"), figures(threads, &turns))
    };
    SETTINGS.into_iter().map(row).collect()
}

/// Lets so many threads compute for a span of time; returns every whole turn: how long, and of which thread. If the
/// switch is forced, a thread that released the lock on request waits until another has it.
///
/// # Panics
/// A thread cannot be started.
pub fn turns(
    threads: usize,
    interval: Duration,
    is_forced: bool,
    span: Duration,
) -> Vec<(Duration, usize)> {
    let mut gil = Gil::new(interval);
    if !is_forced {
        gil = gil.without_forced_switch();
    }
    let (last, starts) = (AtomicUsize::new(usize::MAX), Mutex::new(Vec::new()));
    let end = Instant::now() + span;
    let compute = |me| {
        let held = gil.attach();
        while Instant::now() < end {
            // Relaxed: only the holder of the lock comes here, and the lock orders the holders.
            if last.load(Ordering::Relaxed) != me {
                last.store(me, Ordering::Relaxed);
                let mut starts = starts.lock().unwrap_or_else(PoisonError::into_inner);
                starts.push((Instant::now(), me));
            }
            held.check();
        }
    };
    thread::scope(|scope| {
        for me in 0..threads {
            let compute = &compute;
            scope.spawn(move || compute(me));
        }
    });
    let starts = starts.into_inner().unwrap_or_else(PoisonError::into_inner);
    let spans = starts.windows(2).map(|turn| (turn[1].0 - turn[0].0, turn[0].1));
    // In the first turns some threads have not started yet.
    spans.skip(threads).collect()
}

/// The figures of a row; none without a turn.
fn figures(threads: usize, turns: &[(Duration, usize)]) -> Vec<f64> {
    let seconds = |turn: &(Duration, usize)| turn.0.as_secs_f64();
    let mut spans: Vec<_> = turns.iter().map(seconds).collect();
    let total: f64 = spans.iter().sum();
    spans.sort_by(f64::total_cmp);
    let (Some(median), Some(high)) = (spans.get(spans.len() / 2), spans.get(spans.len() * 9 / 10))
    else {
        return Vec::new();
    };
    let share = |me| turns.iter().filter(|turn| turn.1 == me).map(seconds).sum::<f64>() / total;
    [*median, *high].into_iter().chain((0..threads).map(share)).collect()
}

/// Measures a native call beside a clock: how long it took, the clock's longest gap before it, and its longest gap of all.
pub(super) fn native() -> Vec<Row> {
    let figures = native_call(CALL).map(|span| span.as_secs_f64());
    vec![("a call beside a clock".to_owned(), figures.to_vec())]
}

/// Makes a call of that length beside the clock; returns how long it took, and the clock's longest gap before it and of all.
///
/// # Panics
/// A thread cannot be started.
pub fn native_call(call: Duration) -> [Duration; 3] {
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
        [took, before, longest()]
    })
}

/// Where switches fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Luck {
    /// Where the interval ends.
    Clock,
    /// At every check of the lock: the worst that can happen.
    EveryLook,
}

/// Measures each setting: how many updates there were, and how many were lost.
pub(super) fn updates() -> Vec<Row> {
    let settings = [
        ("counter += 1", COUNT, ROUNDS, Luck::Clock),
        ("counter += one()", COUNT_WITH_CALL, ROUNDS, Luck::Clock),
        ("counter += 1, every check", COUNT, FEW_ROUNDS, Luck::EveryLook),
        ("counter += one(), every check", COUNT_WITH_CALL, FEW_ROUNDS, Luck::EveryLook),
    ];
    let row = |(what, program, rounds, luck): (&str, &'static [Op], u64, Luck)| {
        let counts = [2 * rounds, lost(program, rounds, luck)];
        let figures = counts.map(|n| f64::from(u32::try_from(n).unwrap_or(u32::MAX)));
        (what.to_owned(), figures.to_vec())
    };
    settings.into_iter().map(row).collect()
}

/// Lets two threads run a program that counts, so many rounds each; returns how many updates were lost.
///
/// # Panics
/// A thread cannot be started.
pub fn lost(program: &'static [Op], rounds: u64, luck: Luck) -> u64 {
    let interval = if luck == Luck::Clock { SHORT_INTERVAL } else { Duration::MAX };
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
