//! The outcome of a benchmark as tables and as JSON.

use std::time::Duration;

use super::outcome::{BenchmarkOutcome, Row};
use super::pool_kind::PoolKind;
use crate::json::Json;
use crate::report::{columns, grouped, known, output_columns, seconds, span, wrapped};

/// Writes the outcome for a terminal: times, what was computed, what the pools add, where they gain, and the claims.
pub fn table(outcome: &BenchmarkOutcome) -> String {
    let (cpus, workers) = (outcome.cpus, outcome.workers);
    let mut text = paragraph(&format!(
        "{cpus} processors; {workers} workers in each pool, and one in the sequential run; {}.",
        outcome.other_work
    ));
    text.push('\n');
    text.push_str(&paragraph(
        "Time for all tasks of a row, the best of several runs; \"times\": how many times as fast as the sequential run; \
         \"spread\": how much longer the slowest run took, of the pool whose runs differ most.",
    ));
    text.push_str(&times(outcome, &outcome.rows));
    if let Some(parted) = &outcome.parted {
        text.push_str("\nOne factorial, divided among the workers:\n");
        text.push_str(&times(outcome, std::slice::from_ref(parted)));
    }
    text.push_str(
        "\nThe tasks of a row, how many are handed over at once, and the largest result:\n",
    );
    let tasks: Vec<_> = outcome.rows.iter().map(tasks).collect();
    text.push_str(&columns(&["n", "tasks", "at once", "digits", "checksum"], &tasks));
    text.push_str("\nComputing one task, and what a pool adds to it (waiting, transfer):\n");
    text.push_str(&additions(outcome));
    text.push_str("\nStarting each pool, and its first tasks:\n");
    let ready = outcome.ready.iter();
    let ready = ready.map(|it| vec![it.kind.to_string(), span(it.starting), span(it.warming)]);
    text.push_str(&columns(&["pool", "starting", "warming"], &ready.collect::<Vec<_>>()));
    text.push('\n');
    for line in conclusions(outcome) {
        text.push_str(&paragraph(&line));
    }
    text
}

/// A text in lines that fit the terminal.
fn paragraph(text: &str) -> String {
    wrapped(text, output_columns()) + "\n"
}

/// The sentences below the tables.
fn conclusions(outcome: &BenchmarkOutcome) -> Vec<String> {
    let mut lines = Vec::new();
    for kind in outcome.kinds() {
        if let Some((time, below, above)) = outcome.crossover(kind) {
            let speed = |row: &Row| known(row.speed_up(kind), |speed| format!("{speed:.2}"));
            lines.push(format!(
                "- {kind} gains if a task computes for more than about {}: {}! {} times, {}! {} times.",
                span(time),
                below.size.label,
                speed(below),
                above.size.label,
                speed(above),
            ));
        }
    }
    lines.extend(outcome.claims().iter().map(|(claim, verdict)| format!("- {claim}: {verdict}.")));
    let rows = || outcome.rows.iter().chain(&outcome.parted);
    if rows().any(|row| outcome.kinds().iter().any(|kind| row.is_impossible(*kind))) {
        lines.push(format!(
            "- \"?\": the times had a ratio that {} processors do not allow; {}.",
            outcome.cpus, outcome.other_work
        ));
    }
    lines.extend(outcome.failures().iter().map(|failure| format!("- {failure}")));
    lines
}

/// The table of times.
fn times(outcome: &BenchmarkOutcome, rows: &[Row]) -> String {
    let kinds = outcome.kinds();
    let mut headings = vec!["n"];
    for kind in &kinds {
        headings.push(kind.name());
        if *kind != PoolKind::Sequential {
            headings.push("times");
        }
    }
    headings.push("spread");
    let cells = |row: &Row| {
        let mut cells = vec![row.size.label.clone()];
        let mut spread: Option<f64> = None;
        for &kind in &kinds {
            let failed = row.runs.iter().any(|(own, result)| *own == kind && result.is_err());
            let time = known(row.run(kind), |run| span(run.wall));
            cells.push(if failed { "failed".to_owned() } else { time });
            spread = row.run(kind).map(|run| run.spread().max(spread.unwrap_or(0.0))).or(spread);
            if kind != PoolKind::Sequential {
                let speed = known(row.speed_up(kind), |speed| format!("{speed:.2}"));
                cells.push(if row.is_impossible(kind) { "?".to_owned() } else { speed });
            }
        }
        cells.push(known(spread, |spread| format!("{:.0} %", spread * 100.0)));
        cells
    };
    columns(&headings, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// What a row computes.
fn tasks(row: &Row) -> Vec<String> {
    vec![
        row.size.label.clone(),
        grouped(row.size.numbers.len() as u64),
        row.chunk.to_string(),
        grouped(row.digits),
        format!("{:016x}", row.checksum),
    ]
}

/// The table of what the pools add.
fn additions(outcome: &BenchmarkOutcome) -> String {
    let kinds = outcome.kinds();
    let headings: Vec<_> =
        ["n", "computing"].into_iter().chain(kinds.iter().map(|kind| kind.name())).collect();
    let cells = |row: &Row| {
        let mut cells = vec![row.size.label.clone(), known(row.computing(), seconds)];
        cells.extend(kinds.iter().map(|&kind| known(row.added(kind, outcome.workers), seconds)));
        cells
    };
    columns(&headings, &outcome.rows.iter().map(cells).collect::<Vec<_>>())
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
    let claims = outcome.claims();
    let row = |row: &Row| row_json(row, outcome.workers);
    Json::object([
        ("processors", Json::whole(outcome.cpus as u64)),
        ("workers", Json::whole(outcome.workers as u64)),
        ("other_work", Json::real(outcome.other_work.share())),
        ("complete", Json::Bool(!outcome.is_stopped)),
        ("failures", Json::List(outcome.failures().into_iter().map(Json::Text).collect())),
        ("pools", Json::List(ready.collect())),
        ("rows", Json::List(outcome.rows.iter().map(row).collect())),
        ("parted", outcome.parted.as_ref().map_or(Json::Null, row)),
        ("crossover_us", Json::object(crossovers)),
        ("claims", Json::object(claims.into_iter().map(|(name, it)| (name, Json::Text(it))))),
    ])
}

/// One row; a pool that failed has nulls.
fn row_json(row: &Row, workers: usize) -> Json {
    let micros = |time: Option<Duration>| Json::real(time.map(|time| time.as_secs_f64() * 1e6));
    let runs = row.runs.iter().map(|(kind, result)| {
        let run = result.as_ref().ok();
        let added = row.added(*kind, workers).map(|seconds| seconds * 1e6);
        Json::object([
            ("pool", Json::text(kind.name())),
            ("wall_us", micros(run.map(|run| run.wall))),
            ("slowest_us", micros(run.map(|run| run.slowest))),
            ("computing_us", micros(run.map(|run| run.computing))),
            ("added_us_per_task", Json::real(added)),
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
