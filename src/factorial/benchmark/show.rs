//! The outcome of a benchmark as tables and as JSON.

use std::slice;
use std::time::Duration;

use super::outcome::{BenchmarkOutcome, Row, Run};
use super::pool::PoolKind;
use crate::json::Json;
use crate::report::{columns, grouped, known, output_columns, per_second, seconds, span, wrapped};

/// Writes the outcome for a terminal: times, what was computed, what the pools add, where they gain, and the claims.
pub fn table(outcome: &BenchmarkOutcome) -> String {
    let paragraph = |text: &str| wrapped(text, output_columns()) + "\n";
    let BenchmarkOutcome { cpus, workers, other_work, .. } = outcome;
    let conditions = format!(
        "{cpus} processors; {workers} workers in each pool, and one in the sequential run; {other_work}."
    );
    if outcome.rows.is_empty() && outcome.parted.is_none() {
        return paragraph(&conditions) + "\nNo size was measured to its end.\n";
    }
    let times_are = "\nTime for all tasks of a row, the best of several runs; \"times\": how many times as fast as the \
         sequential run; \"spread\": how much longer the slowest run took, of the pool whose runs differ most.";
    let parted = outcome.parted.as_ref().map(|parted| {
        let table = times(outcome, slice::from_ref(parted));
        format!("\nOne factorial, divided among the workers:\n{table}")
    });
    let ready = outcome.ready.iter().map(|(kind, took)| vec![kind.to_string(), span(*took)]);
    let ready = columns(&["pool", "time"], &ready.collect::<Vec<_>>());
    [
        paragraph(&conditions),
        paragraph(times_are),
        times(outcome, &outcome.rows),
        parted.unwrap_or_default(),
        "\nThe tasks of a row, how many are handed over at once, and the largest result:\n".into(),
        tasks(outcome),
        "\nComputing one task, and what a pool adds to it (waiting, transfer):\n".into(),
        additions(outcome),
        format!("\nStarting each pool, with the first tasks of each worker:\n{ready}\n"),
        conclusions(outcome).iter().map(|line| paragraph(&format!("- {line}"))).collect(),
    ]
    .concat()
}

/// The sentences below the tables.
fn conclusions(outcome: &BenchmarkOutcome) -> Vec<String> {
    let mut lines = Vec::new();
    let other_work = outcome.other_work;
    let is_beside_work = other_work.share().is_some() && !other_work.is_small();
    for kind in outcome.kinds() {
        if let Some((time, rows)) = outcome.crossover(kind) {
            if is_beside_work {
                lines.push(format!(
                    "from what size on {kind} gains: {}.",
                    other_work.verdict(false)
                ));
                continue;
            }
            let [below, above] = rows.map(|row| {
                format!("{}! {} times", row.size.label, known(row.speed_up(kind), two_decimals))
            });
            let time = span(time);
            lines.push(format!(
                "{kind} gains if a task computes for more than about {time}: {below}, {above}."
            ));
        }
    }
    lines.extend(outcome.claims().iter().map(|(claim, verdict)| format!("{claim}: {verdict}.")));
    let mut rows = outcome.rows.iter().chain(&outcome.parted);
    if rows.any(|row| outcome.kinds().iter().any(|kind| row.is_impossible(*kind))) {
        lines.push(format!(
            "\"?\": the times had a ratio that {} processors do not allow; {}.",
            outcome.cpus, outcome.other_work
        ));
    }
    lines.extend(outcome.failures());
    lines
}

/// A ratio as the tables show it.
fn two_decimals(ratio: f64) -> String {
    format!("{ratio:.2}")
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
        for &kind in &kinds {
            let failed = row.runs.iter().any(|(own, result)| *own == kind && result.is_err());
            let time = known(row.run(kind), |run| span(run.wall));
            cells.push(if failed { "failed".to_owned() } else { time });
            if kind != PoolKind::Sequential {
                let speed = known(row.speed_up(kind), two_decimals);
                cells.push(if row.is_impossible(kind) { "?".to_owned() } else { speed });
            }
        }
        let spreads = kinds.iter().filter_map(|kind| row.run(*kind)).map(Run::spread);
        cells.push(known(spreads.reduce(f64::max), longer));
        cells
    };
    columns(&headings, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// How much longer the slowest run took: in percent, or from ten times on how many times as long as the fastest.
fn longer(spread: f64) -> String {
    let fold = spread + 1.0;
    if fold < 10.0 { format!("{:.0} %", spread * 100.0) } else { per_second(fold) + "-fold" }
}

/// The table of what was computed.
fn tasks(outcome: &BenchmarkOutcome) -> String {
    let cells = |row: &Row| {
        vec![
            row.size.label.clone(),
            grouped(row.size.numbers.len() as u64),
            row.chunk.to_string(),
            grouped(row.digits),
            format!("{:016x}", row.checksum),
        ]
    };
    let rows: Vec<_> = outcome.rows.iter().map(cells).collect();
    columns(&["n", "tasks", "at once", "digits", "checksum"], &rows)
}

/// The table of what the pools add.
fn additions(outcome: &BenchmarkOutcome) -> String {
    let kinds = outcome.kinds();
    let headings: Vec<_> =
        ["n", "computing"].into_iter().chain(kinds.iter().map(|kind| kind.name())).collect();
    let cells = |row: &Row| {
        let added = kinds.iter().map(|&kind| row.added(kind));
        let figures = [row.computing()].into_iter().chain(added);
        [row.size.label.clone()].into_iter().chain(figures.map(|it| known(it, seconds))).collect()
    };
    columns(&headings, &outcome.rows.iter().map(cells).collect::<Vec<_>>())
}

/// Writes everything for programs; times in microseconds.
pub fn to_json(outcome: &BenchmarkOutcome) -> Json {
    let ready = outcome.ready.iter().map(|(kind, took)| {
        Json::object([("pool", Json::text(kind.name())), ("starting_us", micros(*took))])
    });
    let crossover =
        |kind| outcome.crossover(kind).map(|(time, _)| (PoolKind::name(kind), micros(time)));
    let crossovers = outcome.kinds().into_iter().filter_map(crossover);
    let claims = outcome.claims().into_iter().map(|(name, it)| (name, Json::Text(it)));
    Json::object([
        ("processors", Json::whole(outcome.cpus as u64)),
        ("workers", Json::whole(outcome.workers as u64)),
        ("other_work", Json::real(outcome.other_work.share())),
        ("complete", Json::Bool(!outcome.is_stopped)),
        ("failures", Json::List(outcome.failures().into_iter().map(Json::Text).collect())),
        ("pools", Json::List(ready.collect())),
        ("rows", Json::List(outcome.rows.iter().map(row_json).collect())),
        ("parted", outcome.parted.as_ref().map_or(Json::Null, row_json)),
        ("crossover_us", Json::object(crossovers)),
        ("claims", Json::object(claims)),
    ])
}

/// A span in microseconds.
fn micros(span: Duration) -> Json {
    Json::real(span.as_secs_f64() * 1e6)
}

/// One row; a pool that failed has nulls.
fn row_json(row: &Row) -> Json {
    let runs = row.runs.iter().map(|(kind, result)| {
        let run = result.as_ref().ok();
        Json::object([
            ("pool", Json::text(kind.name())),
            ("wall_us", run.map_or(Json::Null, |run| micros(run.wall))),
            ("slowest_us", run.map_or(Json::Null, |run| micros(run.slowest))),
            ("computing_us", run.map_or(Json::Null, |run| micros(run.computing))),
            ("added_us_per_task", Json::real(row.added(*kind).map(|it| it * 1e6))),
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
