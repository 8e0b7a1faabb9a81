//! The sizes of the benchmark, what it has measured of each, and what follows from it.
//!
//! **Invariants**
//! - `OUTCOME-1`: a speed-up is the sequential time divided by the pool's, of the same row. One that the processors do not
//!   allow is a fault of the measurement and is not returned.

use std::time::Duration;

use super::pool::PoolKind;
use crate::report::{OtherWork, grouped};

/// The usual numbers of tasks, each from a number on. Few long ones, but two for each of two workers.
const USUAL: [(u32, usize); 6] =
    [(0, 10_000), (1_000, 2_000), (10_000, 200), (100_000, 8), (100_001, 4), (10_000_000, 2)];
/// Factorials below this number are looked up in a table.
const TINY: u32 = 20;
/// Sizes up to this number take less than a second together.
const SHORT_NUMBER: u32 = 1_000;
/// The time of a task grows with this power of its number, as Toom–Cook's does.
const GROWTH: f64 = 1.4;
/// The sizes after the tiny ones; then come 2, 5 and 10 times the largest, and so on.
const CLIMB: [u32; 4] = [100, 1_000, 10_000, 100_000];
/// The least number of chunks for each worker, if there are enough tasks: the last worker then ends at most a sixteenth
/// later than the others.
const CHUNKS_PER_WORKER: usize = 16;
/// How many tasks are handed over together at most.
const MOST_IN_CHUNK: usize = 32;
/// How far a speed-up may be above what the processors allow: the best of several runs still varies.
const TOLERANCE: f64 = 1.15;
/// A pool's speed-up with the largest size, at least, if its crossover is shown; another pool's crossover is chance.
const GAIN: f64 = 1.2;
/// Tasks that compute for less are short: every pool loses.
const SHORT: f64 = 1e-6;
/// Tasks that compute for longer are long: the cost of a pool no longer matters.
const LONG: f64 = 5e-3;

/// Tasks of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// What it is called in the table.
    pub label: String,
    /// The numbers, one for each task.
    pub numbers: Vec<u32>,
}

/// The times of several runs of one pool with one size.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// From the first submit to the last result, in the fastest run.
    pub wall: Duration,
    /// The sum of the workers' computing times in that run.
    pub computing: Duration,
    /// The time of the slowest run.
    pub slowest: Duration,
}

/// One size.
#[derive(Clone, Debug)]
pub struct Row {
    /// The tasks.
    pub size: Size,
    /// How many tasks were handed over together.
    pub chunk: usize,
    /// Decimal digits of the largest result.
    pub digits: u64,
    /// The checksum of the largest result.
    pub checksum: u64,
    /// How many workers of a pool could run at once: as many as there are workers and processors.
    pub at_once: usize,
    /// Each pool's runs, or why there are none.
    pub runs: Vec<(PoolKind, Result<Run, String>)>,
}

/// The outcome of a benchmark.
#[derive(Clone, Debug)]
pub struct BenchmarkOutcome {
    /// Processors that this process may use.
    pub cpus: usize,
    /// Workers of each pool.
    pub workers: usize,
    /// The pools, in the order of the table, and how long each took until every worker had done its first tasks.
    pub ready: Vec<(PoolKind, Duration)>,
    /// The sizes, from the smallest.
    pub rows: Vec<Row>,
    /// The largest factorial once more, divided among the workers; its tasks are one.
    pub parted: Option<Row>,
    /// How busy other programs kept the processors.
    pub other_work: OtherWork,
    /// Whether it was stopped.
    pub is_stopped: bool,
}

impl Size {
    /// So many tasks of one number, or the usual count.
    pub fn of(n: u32, tasks: Option<usize>) -> Self {
        let usual =
            USUAL.iter().rev().find(|(least, _)| n >= *least).map_or(1, |(_, tasks)| *tasks);
        Self { label: grouped(u64::from(n)), numbers: vec![n; tasks.unwrap_or(usual)] }
    }

    /// The sizes from the smallest up: nothing to compute, numbers that are looked up, and larger and larger ones.
    pub fn from_the_smallest(tasks: Option<usize>) -> Vec<Self> {
        let tiny = (0..TINY).cycle().take(tasks.unwrap_or(USUAL[0].1)).collect();
        let tiny = Self { label: format!("< {TINY}"), numbers: tiny };
        let powers = [100_000, 1_000_000, 10_000_000].into_iter();
        let larger = powers.flat_map(|power| [2, 5, 10].map(|times| times * power));
        let large = CLIMB.into_iter().chain(larger).map(|n| Self::of(n, tasks));
        [Self::of(0, tasks), tiny].into_iter().chain(large).collect()
    }

    /// How many tasks are handed over together: so few that all workers end at about the same time, and that the cost of
    /// handing over short tasks is visible.
    pub fn chunk(&self, workers: usize) -> usize {
        (self.numbers.len() / (workers * CHUNKS_PER_WORKER)).clamp(1, MOST_IN_CHUNK)
    }

    /// About how many times as long as this size the next one takes; the short ones take little time in any case.
    pub(super) fn growth(&self, next: &Self) -> f64 {
        if next.largest() <= SHORT_NUMBER {
            return 0.0;
        }
        let ratio = |large: u32, small: u32| f64::from(large) / f64::from(small.max(1));
        let count = |size: &Self| u32::try_from(size.numbers.len()).unwrap_or(u32::MAX);
        ratio(next.largest(), self.largest()).powf(GROWTH) * ratio(count(next), count(self))
    }

    /// The largest of the numbers; 0 if there is none.
    pub fn largest(&self) -> u32 {
        self.numbers.iter().copied().max().unwrap_or(0)
    }
}

impl Run {
    /// Adds another run of the same.
    pub(super) fn and(self, other: Self) -> Self {
        let fastest = if other.wall < self.wall { other } else { self };
        Self { slowest: self.slowest.max(other.slowest), ..fastest }
    }

    /// By which share of the fastest run the slowest took longer.
    pub fn spread(self) -> f64 {
        self.slowest.as_secs_f64() / self.wall.as_secs_f64().max(f64::MIN_POSITIVE) - 1.0
    }
}

impl Row {
    /// The runs of a pool, if it has some.
    pub(super) fn run(&self, kind: PoolKind) -> Option<Run> {
        let result = self.runs.iter().find(|(own, _)| *own == kind);
        result.and_then(|(_, result)| result.as_ref().ok()).copied()
    }

    /// How many times as fast as the sequential run a pool was, if that can be (`OUTCOME-1`).
    pub fn speed_up(&self, kind: PoolKind) -> Option<f64> {
        let [alone, pool] = [PoolKind::Sequential, kind].map(|kind| self.run(kind));
        let ratio = alone?.wall.as_secs_f64() / pool?.wall.as_secs_f64();
        (ratio <= self.most(kind) * TOLERANCE).then_some(ratio)
    }

    /// How many times as fast as the sequential run a pool can be.
    fn most(&self, kind: PoolKind) -> f64 {
        let is_parallel = matches!(kind, PoolKind::Threads | PoolKind::Processes);
        let at_once = if is_parallel { self.at_once } else { 1 };
        u32::try_from(at_once).map_or(f64::MAX, f64::from)
    }

    /// Whether a pool ran, but its speed-up cannot be (`OUTCOME-1`).
    pub(super) fn is_impossible(&self, kind: PoolKind) -> bool {
        let ran = self.run(PoolKind::Sequential).and(self.run(kind)).is_some();
        ran && self.speed_up(kind).is_none()
    }

    /// How many seconds one task computes when nothing else runs.
    pub(super) fn computing(&self) -> Option<f64> {
        self.run(PoolKind::Sequential).map(|run| self.for_each_task(run.computing))
    }

    /// How many seconds a pool adds to each task: the time besides computing of the workers that can run at once.
    pub(super) fn added(&self, kind: PoolKind) -> Option<f64> {
        let workers = if kind == PoolKind::Sequential { 1 } else { self.at_once };
        let run = self.run(kind)?;
        let all = run.wall * u32::try_from(workers).unwrap_or(u32::MAX);
        Some(self.for_each_task(all.saturating_sub(run.computing)))
    }

    /// A span's share of one task, in seconds: it may be less than a nanosecond.
    fn for_each_task(&self, span: Duration) -> f64 {
        let tasks = u32::try_from(self.size.numbers.len().max(1)).unwrap_or(u32::MAX);
        span.as_secs_f64() / f64::from(tasks)
    }

    /// What the course says of this row: each claim, and whether it holds.
    fn claims(&self) -> Vec<(String, bool)> {
        let mut claims = Vec::new();
        let computing = self.computing().unwrap_or(SHORT);
        for (kind, _) in self.runs.iter().filter(|(kind, _)| *kind != PoolKind::Sequential) {
            let (speed, most) = (self.speed_up(*kind).unwrap_or(f64::NAN), self.most(*kind));
            let (claim, holds) = if computing < SHORT {
                ("costs more than it gains".to_owned(), speed < 1.0)
            } else if computing > LONG && *kind == PoolKind::Gil {
                ("is as fast as one thread, and no faster".to_owned(), speed > 0.8)
            } else if computing > LONG && self.size.numbers.len() >= 2 * self.at_once {
                (format!("is nearly {most} times as fast as one thread"), speed > 0.75 * most)
            } else {
                continue;
            };
            claims.push((format!("{}!: the {kind} pool {claim}", self.size.label), holds));
        }
        claims
    }
}

impl BenchmarkOutcome {
    /// The pools, in the order of the table.
    pub(super) fn kinds(&self) -> Vec<PoolKind> {
        self.ready.iter().map(|(kind, _)| *kind).collect()
    }

    /// What went wrong, in words.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for row in self.rows.iter().chain(&self.parted) {
            for (kind, result) in &row.runs {
                let why = result.as_ref().err();
                failures.extend(why.map(|why| format!("{kind}, {}!: {why}", row.size.label)));
            }
        }
        failures
    }

    /// What the course says of the smallest and the largest tasks, each with a verdict.
    pub fn claims(&self) -> Vec<(String, String)> {
        let last = self.rows.iter().skip(1).next_back();
        let claims = self.rows.first().into_iter().chain(last).flat_map(Row::claims);
        claims.map(|(claim, holds)| (claim, self.other_work.verdict(holds))).collect()
    }

    /// From which computing time of a task on a pool gains, and the sizes below and above it: the last size with which
    /// it loses, and the next.
    pub fn crossover(&self, kind: PoolKind) -> Option<(Duration, [&Row; 2])> {
        self.rows.last()?.speed_up(kind).filter(|speed| *speed >= GAIN)?;
        let point = |row| Some((row, Row::computing(row)?.ln(), Row::speed_up(row, kind)?.ln()));
        let points: Vec<_> = self.rows.iter().filter_map(point).collect();
        let last_loss = points.iter().rposition(|(.., speed)| *speed < 0.0)?;
        let (below, time_below, speed_below) = points[last_loss];
        let (above, time_above, speed_above) = *points.get(last_loss + 1)?;
        // On a straight line between the two points of the picture, whose axes are logarithmic.
        let share = -speed_below / (speed_above - speed_below);
        let seconds = (time_below + share * (time_above - time_below)).exp();
        Some((Duration::try_from_secs_f64(seconds).ok()?, [below, above]))
    }
}
