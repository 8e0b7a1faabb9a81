//! How long a thread keeps the lock while others want it.
//!
//! Figures: the median and the 90th percentile of the turns, then each thread's share of their time.
//!
//! **Invariants**
//! - `HANDOVER-1`: a turn goes from a thread's first look after another's to the first look of the next one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Row;
use super::section::milliseconds;
use crate::threads::gil::Gil;

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How many threads compute.
    pub threads: usize,
    /// The switch interval.
    pub interval: Duration,
    /// Whether a holder that was asked waits for the switch.
    pub is_forced: bool,
    /// How long it is watched.
    pub span: Duration,
}

/// The settings of the lab: threads, interval in microseconds, whether forced, milliseconds to watch. The last has
/// few turns, so it takes longest.
const SETTINGS: [(usize, u64, bool, u64); 5] = [
    (2, 5_000, true, 500),
    (3, 5_000, true, 500),
    (2, 1_000, true, 200),
    (2, 100, true, 100),
    (2, 5_000, false, 1_000),
];

/// Measures each setting.
pub(super) fn measure() -> Vec<Row> {
    let row = |(threads, interval, is_forced, span)| {
        let (interval, span) = (Duration::from_micros(interval), Duration::from_millis(span));
        let turns = watch(Setting { threads, interval, is_forced, span });
        let forced = if is_forced { "" } else { ", not forced" };
        let interval = interval.as_secs_f64() * 1e3;
        Row {
            what: format!("{threads} threads, interval {interval} ms{forced}"),
            figures: figures(threads, &turns),
        }
    };
    SETTINGS.into_iter().map(row).collect()
}

/// Lets the threads compute; returns every whole turn: how long, and by which thread.
///
/// # Panics
/// A thread cannot be started.
pub fn watch(setting: Setting) -> Vec<(Duration, usize)> {
    let mut gil = Gil::new(setting.interval);
    if !setting.is_forced {
        gil = gil.without_forced_switch();
    }
    let (last, starts) = (AtomicUsize::new(usize::MAX), Mutex::new(Vec::new()));
    let end = Instant::now() + setting.span;
    let compute = |me| {
        let held = gil.attach();
        while Instant::now() < end {
            // Relaxed: only the holder of the lock comes here, and the lock's mutex orders the holders.
            if last.load(Ordering::Relaxed) != me {
                last.store(me, Ordering::Relaxed);
                let mut starts = starts.lock().expect("holds because nobody panics under it");
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
    let starts = starts.into_inner().expect("holds because nobody panics under it");
    let spans = starts.windows(2).map(|turn| (turn[1].0 - turn[0].0, turn[0].1));
    // The first turns belong to threads that are still being started.
    spans.skip(setting.threads).collect()
}

/// The figures of a row; none when there were no turns.
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

/// A row in words.
pub(super) fn words(figures: &[f64]) -> String {
    let [median, high, shares @ ..] = figures else { return "no turn ended".to_owned() };
    let shares: Vec<_> = shares.iter().map(|share| format!("{share:.2}")).collect();
    format!("{}, p90 {}; {}", milliseconds(*median), milliseconds(*high), shares.join(" "))
}
