//! Threads that compute under the lock: the same work on one and on several, and how long a turn is.
//!
//! **Invariants**
//! - `SPEED-1`: however many threads share the work, its rounds are interpreted one after another.
//! - `HANDOVER-1`: a turn lasts from a thread's first check of the lock after another's to the next thread's first check.

use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::labs::samples::{Row, Samples};
use crate::threads::gil::{COUNT, Gil, Interpreter, SWITCH_INTERVAL};

/// The rounds that are timed first, to learn how fast this machine is.
const TRIAL_ROUNDS: u64 = 1_000_000;
/// How long one thread takes for the work: many switch intervals.
const SPAN: Duration = Duration::from_millis(100);
/// How often each number of threads does the work.
const RUNS: usize = 4;

/// Measures 1, 2 and 3 threads: the best time, the worst, and the best over that of one thread.
pub(super) fn speed() -> Vec<Row> {
    let trial = work(1, TRIAL_ROUNDS).as_secs_f64();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive count")]
    let rounds = (1e6 * SPAN.as_secs_f64() / trial) as u64;
    let run = |count| move || Ok::<_, Infallible>(work(count, rounds).as_secs_f64());
    let (mut one, mut two, mut three) = (run(1), run(2), run(3));
    let Ok(samples) = Samples::in_turns(RUNS, [&mut one, &mut two, &mut three]);
    let row =
        |(what, it): (&str, &Samples)| Row::new(what, vec![it.best, it.worst, it.over(samples[0])]);
    ["1 thread", "2 threads", "3 threads"].into_iter().zip(&samples).map(row).collect()
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

/// One setting of the turns.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How many threads compute.
    pub threads: usize,
    /// The switch interval.
    pub interval: Duration,
    /// Whether a thread that released the lock on request waits until another has it.
    pub is_forced: bool,
    /// How long it is watched.
    pub span: Duration,
}

/// The settings of the lab: threads, interval in microseconds, whether forced, milliseconds to watch.
const SETTINGS: [(usize, u64, bool, u64); 5] = [
    (2, 5_000, true, 500),
    (3, 5_000, true, 500),
    (2, 1_000, true, 200),
    (2, 100, true, 100),
    (2, 5_000, false, 1_000),
];

/// Measures each setting: the median and the 90th percentile of the turns, then each thread's share of their time.
pub(super) fn handover() -> Vec<Row> {
    let row = |(threads, interval, is_forced, span)| {
        let (interval, span) = (Duration::from_micros(interval), Duration::from_millis(span));
        let turns = turns(Setting { threads, interval, is_forced, span });
        let forced = if is_forced { "" } else { ", not forced" };
        let interval = interval.as_secs_f64() * 1e3;
        let what = format!("{threads} threads, {interval} ms{forced}");
        Row::new(&what, figures(threads, &turns))
    };
    SETTINGS.into_iter().map(row).collect()
}

/// Lets the threads compute; returns every whole turn: how long, and of which thread.
///
/// # Panics
/// A thread cannot be started.
pub fn turns(setting: Setting) -> Vec<(Duration, usize)> {
    let mut gil = Gil::new(setting.interval);
    if !setting.is_forced {
        gil = gil.without_forced_switch();
    }
    let (last, starts) = (AtomicUsize::new(usize::MAX), Mutex::new(Vec::new()));
    let end = Instant::now() + setting.span;
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
        for me in 0..setting.threads {
            let compute = &compute;
            scope.spawn(move || compute(me));
        }
    });
    let starts = starts.into_inner().unwrap_or_else(PoisonError::into_inner);
    let spans = starts.windows(2).map(|turn| (turn[1].0 - turn[0].0, turn[0].1));
    // In the first turns some threads have not started yet.
    spans.skip(setting.threads).collect()
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
