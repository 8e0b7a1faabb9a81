//! What the benchmark has measured, and what follows from it.
//!
//! **Invariants**
//! - `OUTCOME-1`: a speed-up is the sequential time divided by the pool's, of the same row. One that the processors do not
//!   allow is a fault of the measurement and is not returned.

use std::time::Duration;

use super::pool_kind::{PoolKind, StartTimes};
use super::sizes::Size;
use crate::report::OtherWork;

/// How far a speed-up may be above what the processors allow: the best of several runs still varies.
const TOLERANCE: f64 = 1.15;
/// A pool's speed-up with the largest size, at least, if its crossover is shown; another pool's crossover is chance.
const GAIN: f64 = 1.2;
/// Tasks that compute for less are short: every pool loses.
const SHORT: f64 = 1e-6;
/// Tasks that compute for longer are long: the cost of a pool no longer matters.
const LONG: f64 = 5e-3;

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
    /// The pools, in the order of the table.
    pub ready: Vec<StartTimes>,
    /// The sizes, from the smallest.
    pub rows: Vec<Row>,
    /// The largest factorial once more, divided among the workers; its tasks are one.
    pub parted: Option<Row>,
    /// How busy other programs kept the processors.
    pub other_work: OtherWork,
    /// Whether it was stopped.
    pub is_stopped: bool,
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
        match kind {
            PoolKind::Sequential | PoolKind::Gil => 1.0,
            PoolKind::Threads | PoolKind::Processes => {
                u32::try_from(self.at_once).map_or(f64::MAX, f64::from)
            }
        }
    }

    /// Whether a pool ran, but its speed-up cannot be (`OUTCOME-1`).
    pub(super) fn is_impossible(&self, kind: PoolKind) -> bool {
        let ran = self.run(PoolKind::Sequential).and(self.run(kind));
        ran.is_some() && self.speed_up(kind).is_none()
    }

    /// How many seconds one task computes when nothing else runs.
    pub(super) fn computing(&self) -> Option<f64> {
        self.run(PoolKind::Sequential).map(|run| self.for_each_task(run.computing))
    }

    /// How many seconds a pool adds to each task: its workers' time besides computing.
    pub(super) fn added(&self, kind: PoolKind, workers: usize) -> Option<f64> {
        let workers = if kind == PoolKind::Sequential { 1 } else { workers };
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
        let (computing, label) = (self.computing().unwrap_or(SHORT), &self.size.label);
        for (kind, _) in self.runs.iter().filter(|(kind, _)| *kind != PoolKind::Sequential) {
            let (speed, most) = (self.speed_up(*kind), self.most(*kind));
            let mut claim = |what: String, holds: fn(f64, f64) -> bool| {
                claims.push((
                    format!("{label}!: the {kind} pool {what}"),
                    speed.is_some_and(|speed| holds(speed, most)),
                ));
            };
            if computing < SHORT {
                claim("costs more than it gains".to_owned(), |speed, _| speed < 1.0);
            } else if computing > LONG && *kind == PoolKind::Gil {
                claim("is as fast as one thread, and no faster".to_owned(), |speed, _| speed > 0.8);
            } else if computing > LONG && self.size.numbers.len() >= 2 * self.at_once {
                let what = format!("is nearly {most} times as fast as one thread");
                claim(what, |speed, most| speed > 0.75 * most);
            }
        }
        claims
    }
}

impl BenchmarkOutcome {
    /// The pools, in the order of the table.
    pub(super) fn kinds(&self) -> Vec<PoolKind> {
        self.ready.iter().map(|ready| ready.kind).collect()
    }

    /// What went wrong, in words.
    pub fn failures(&self) -> Vec<String> {
        let rows = self.rows.iter().chain(&self.parted);
        let runs = rows.flat_map(|row| row.runs.iter().map(|run| (&row.size.label, run)));
        let why = |(label, (kind, result)): (_, &(_, Result<_, String>))| {
            result.as_ref().err().map(|why| format!("{kind}, {label}!: {why}"))
        };
        runs.filter_map(why).collect()
    }

    /// What the course says of the smallest and the largest tasks, each with a verdict.
    pub fn claims(&self) -> Vec<(String, String)> {
        let last = self.rows.iter().skip(1).next_back();
        let claims = self.rows.first().into_iter().chain(last).flat_map(Row::claims);
        claims.map(|(claim, holds)| (claim, self.other_work.verdict(holds))).collect()
    }

    /// From which computing time of a task on a pool gains, and the sizes below and above it: the last size with which
    /// it loses, and the next.
    pub fn crossover(&self, kind: PoolKind) -> Option<(Duration, &Row, &Row)> {
        self.rows.last()?.speed_up(kind).filter(|speed| *speed >= GAIN)?;
        let point = |row| Some((row, Row::computing(row)?, Row::speed_up(row, kind)?));
        let points: Vec<_> = self.rows.iter().filter_map(point).collect();
        let last_loss = points.iter().rposition(|(.., speed)| *speed < 1.0)?;
        let (below, time_below, speed_below) = points[last_loss];
        let (above, time_above, speed_above) = *points.get(last_loss + 1)?;
        // On a straight line between the two points of the picture, whose axes are logarithmic.
        let share = -speed_below.ln() / (speed_above.ln() - speed_below.ln());
        let seconds = (time_below.ln() + share * (time_above.ln() - time_below.ln())).exp();
        Some((Duration::try_from_secs_f64(seconds).ok()?, below, above))
    }
}
