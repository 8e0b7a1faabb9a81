//! The outcome of a benchmark as a table, as a picture and as JSON.
//!
//! **Invariants**
//! - `SHOW-1`: speed-up is the sequential time through the pool's, of one and the same row; without a sequential run
//!   there is none.
//! - `SHOW-2`: what a pool adds is its workers' time beside computing: waiting, handing over, transfer. It is shown for
//!   each task, apart from the computing.
//! - `SHOW-3`: the crossover is between the last size at which a pool loses and the first from which on it gains. It is
//!   told only of a pool that gains [`GAIN`] with the largest: another one's is chance.

use std::fmt::Write as _;
use std::time::Duration;

use super::pool_kind::PoolKind;
use super::runs::{BenchmarkOutcome, Row, Run};
use crate::json::Json;
use crate::report::{Curve, Lines, columns, grouped, known, span};

/// What a pool gains at least with the largest size, for a crossover to be told.
const GAIN: f64 = 1.2;
/// What never fails in this file.
const TAKES_ALL: &str = "holds because a String takes all";

impl Row {
    /// The run of a pool, if it has one.
    fn run(&self, kind: PoolKind) -> Option<Run> {
        let result = self.runs.iter().find(|(own, _)| *own == kind);
        result.and_then(|(_, result)| result.as_ref().ok()).copied()
    }

    /// How many times as fast as the sequential run a pool was (`SHOW-1`).
    pub fn speed_up(&self, kind: PoolKind) -> Option<f64> {
        let [alone, pool] = [PoolKind::Sequential, kind].map(|kind| self.run(kind));
        Some(alone?.wall.as_secs_f64() / pool?.wall.as_secs_f64())
    }

    /// How many seconds one task computes, where nothing else happens.
    fn computing(&self) -> Option<f64> {
        self.run(PoolKind::Sequential).map(|run| self.for_each_task(run.computing))
    }

    /// How many seconds a pool adds to each task (`SHOW-2`).
    fn added(&self, kind: PoolKind, workers: usize) -> Option<f64> {
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
}

impl BenchmarkOutcome {
    /// The pools, in the order of the table.
    fn kinds(&self) -> Vec<PoolKind> {
        self.ready.iter().map(|ready| ready.kind).collect()
    }

    /// What went wrong, in words.
    pub fn failures(&self) -> Vec<String> {
        let rows = self.rows.iter().chain(&self.parted);
        let runs =
            rows.flat_map(|row| row.runs.iter().map(move |(kind, result)| (row, kind, result)));
        runs.filter_map(|(row, kind, result)| {
            let why = result.as_ref().err()?;
            Some(format!("{kind}, {}!: {why}", row.size.label))
        })
        .collect()
    }

    /// From how long a task on a pool gains, and the sizes on both sides of it (`SHOW-3`).
    pub fn crossover(&self, kind: PoolKind) -> Option<(Duration, &Row, &Row)> {
        self.rows.last()?.speed_up(kind).filter(|speed| *speed >= GAIN)?;
        let points: Vec<_> = self
            .rows
            .iter()
            .filter_map(|row| Some((row, row.computing()?, row.speed_up(kind)?)))
            .collect();
        let last_loss = points.iter().rposition(|(.., speed)| *speed < 1.0)?;
        let (below, time_below, speed_below) = points[last_loss];
        let (above, time_above, speed_above) = *points.get(last_loss + 1)?;
        // On a straight line between the two, both axes logarithmic, as in the picture.
        let share = -speed_below.ln() / (speed_above.ln() - speed_below.ln());
        let seconds = (time_below.ln() + share * (time_above.ln() - time_below.ln())).exp();
        Some((Duration::try_from_secs_f64(seconds).ok()?, below, above))
    }
}

/// Writes everything for humans: what was started, the times, what the pools add, and from where on they gain.
pub fn table(outcome: &BenchmarkOutcome) -> String {
    let mut text = format!(
        "{} processors; {} workers to a pool, and one for the sequential run\n\n",
        outcome.cpus, outcome.workers
    );
    let ready: Vec<_> = outcome
        .ready
        .iter()
        .map(|ready| vec![ready.kind.to_string(), span(ready.starting), span(ready.warming)])
        .collect();
    text.push_str(&columns(&["pool", "starting", "warming"], &ready));
    text.push_str(
        "\nTime for all tasks of a row, and how many times as fast as the sequential run\n\n",
    );
    text.push_str(&times(outcome, &outcome.rows));
    if let Some(parted) = &outcome.parted {
        text.push_str("\nOne factorial, parted over the workers\n\n");
        text.push_str(&times(outcome, std::slice::from_ref(parted)));
    }
    text.push_str("\nWhat a task computes, and what each pool adds to it: waiting, handing over, transfer\n\n");
    text.push_str(&additions(outcome));
    text.push('\n');
    for kind in outcome.kinds() {
        if let Some((time, below, above)) = outcome.crossover(kind) {
            let speeds =
                [below, above].map(|row| known(row.speed_up(kind), |speed| format!("{speed:.2}")));
            writeln!(
                text,
                "{kind}: gain from about {} of computing a task on; at {}! {} times as fast, at {}! {}.",
                span(time),
                below.size.label,
                speeds[0],
                above.size.label,
                speeds[1]
            )
            .expect(TAKES_ALL);
        }
    }
    for failure in outcome.failures() {
        writeln!(text, "{failure}").expect(TAKES_ALL);
    }
    text
}

/// The table of times.
fn times(outcome: &BenchmarkOutcome, rows: &[Row]) -> String {
    let kinds = outcome.kinds();
    let mut headings = vec!["n", "tasks", "at once", "digits", "checksum"];
    for kind in &kinds {
        headings.push(kind.name());
        if *kind != PoolKind::Sequential {
            headings.push("times");
        }
    }
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let tasks = grouped(row.size.numbers.len() as u64);
            let mut cells = vec![
                row.size.label.clone(),
                tasks,
                row.chunk.to_string(),
                grouped(row.digits),
                format!("{:016x}", row.checksum),
            ];
            for &kind in &kinds {
                let failed = row.runs.iter().any(|(own, result)| *own == kind && result.is_err());
                let time = known(row.run(kind), |run| span(run.wall));
                cells.push(if failed { "failed".to_owned() } else { time });
                if kind != PoolKind::Sequential {
                    cells.push(known(row.speed_up(kind), |speed| format!("{speed:.2}")));
                }
            }
            cells
        })
        .collect();
    columns(&headings, &rows)
}

/// The table of what the pools add.
fn additions(outcome: &BenchmarkOutcome) -> String {
    let kinds = outcome.kinds();
    let headings: Vec<_> =
        ["n", "computing"].into_iter().chain(kinds.iter().map(|kind| kind.name())).collect();
    let rows: Vec<_> = outcome
        .rows
        .iter()
        .map(|row| {
            let added =
                kinds.iter().map(|&kind| known(row.added(kind, outcome.workers), short_span));
            [row.size.label.clone(), known(row.computing(), short_span)]
                .into_iter()
                .chain(added)
                .collect()
        })
        .collect();
    columns(&headings, &rows)
}

/// Seconds that may be a few nanoseconds.
fn short_span(seconds: f64) -> String {
    if seconds < 1e-7 {
        return format!("{:.1} ns", seconds * 1e9);
    }
    Duration::try_from_secs_f64(seconds).map_or_else(|_| format!("{seconds} s"), span)
}

/// Draws how many times as fast as the sequential run each pool is, over how long a task computes.
pub fn chart(outcome: &BenchmarkOutcome) -> String {
    let conditions = format!("{} processors, {} workers to a pool", outcome.cpus, outcome.workers);
    let pools = outcome.kinds().into_iter().filter(|kind| *kind != PoolKind::Sequential);
    let curves = pools.map(|kind| Curve {
        name: kind.to_string(),
        points: outcome
            .rows
            .iter()
            .filter_map(|row| Some([row.computing()? * 1e6, row.speed_up(kind)?]))
            .collect(),
    });
    Lines {
        title: "How many times as fast as one after another",
        conditions: &conditions,
        across: "computing time of one task, in microseconds",
        curves: curves.collect(),
    }
    .svg()
}

/// Writes everything for programs; times in microseconds.
pub fn to_json(outcome: &BenchmarkOutcome) -> Json {
    let micros = |time: Duration| Json::real(time.as_secs_f64() * 1e6);
    let ready = outcome.ready.iter().map(|ready| {
        Json::object([
            ("pool", Json::text(ready.kind.name())),
            ("starting_us", micros(ready.starting)),
            ("warming_us", micros(ready.warming)),
        ])
    });
    let crossovers = outcome
        .kinds()
        .into_iter()
        .filter_map(|kind| outcome.crossover(kind).map(|(time, ..)| (kind.name(), micros(time))));
    Json::object([
        ("processors", Json::whole(outcome.cpus as u64)),
        ("workers", Json::whole(outcome.workers as u64)),
        ("complete", Json::Bool(!outcome.is_stopped)),
        ("failures", Json::List(outcome.failures().into_iter().map(Json::Text).collect())),
        ("pools", Json::List(ready.collect())),
        (
            "rows",
            Json::List(outcome.rows.iter().map(|row| row_json(row, outcome.workers)).collect()),
        ),
        (
            "parted",
            outcome.parted.as_ref().map_or(Json::Null, |row| row_json(row, outcome.workers)),
        ),
        ("crossover_us", Json::object(crossovers)),
    ])
}

/// One row; a pool that failed has nulls.
fn row_json(row: &Row, workers: usize) -> Json {
    let micros = |time: Option<Duration>| Json::real(time.map(|time| time.as_secs_f64() * 1e6));
    let runs = row.runs.iter().map(|(kind, result)| {
        let run = result.as_ref().ok();
        Json::object([
            ("pool", Json::text(kind.name())),
            ("wall_us", micros(run.map(|run| run.wall))),
            ("computing_us", micros(run.map(|run| run.computing))),
            (
                "added_us_per_task",
                Json::real(row.added(*kind, workers).map(|seconds| seconds * 1e6)),
            ),
            ("speed_up", Json::real(row.speed_up(*kind))),
        ])
    });
    Json::object([
        ("n", Json::text(row.size.label.replace(',', ""))),
        ("tasks", Json::whole(row.size.numbers.len() as u64)),
        ("at_once", Json::whole(row.chunk as u64)),
        ("digits", Json::whole(row.digits)),
        ("checksum", Json::text(format!("{:016x}", row.checksum))),
        ("runs", Json::List(runs.collect())),
    ])
}
