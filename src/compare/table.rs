//! A contest as a table for humans, and as JSON for programs.
//!
//! **Invariants**
//! - `TABLE-1` Each entrant has one line, also one that failed; below the table each failure is told in words.
//! - `TABLE-2` The columns are as wide as their widest cell; numbers stand at the right, names at the left.

use std::fmt::Write as _;
use std::time::Duration;

use super::contest::{Contest, Entry, Outcome, Row};
use super::json::Json;
use super::load::Report;

/// The table's columns.
const HEADINGS: [&str; 11] = [
    "model",
    "requests/s",
    "of best",
    "p50",
    "p90",
    "p99",
    "max",
    "server CPU/request",
    "peak memory",
    "threads",
    "processes",
];

/// Bytes in a mebibyte.
const MIB: f64 = 1024.0 * 1024.0;
/// The blanks between two columns.
const GAP: &str = "  ";

/// A ratio that shows three digits behind the point, so that 0.3 % can be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio(pub f64);

impl std::fmt::Display for Ratio {
    /// Writes it, in as many columns as are asked for.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(&format!("{:.3}", self.0))
    }
}

/// Writes the contest as a text: what was asked where, the table, and what went wrong.
pub fn table(contest: &Contest, outcome: &Outcome) -> String {
    let mut text = conditions(contest, outcome);
    let mut lines = vec![HEADINGS.map(str::to_owned)];
    lines.extend(outcome.entries.iter().map(|entry| cells(entry, outcome.best())));
    let mut widths = [0; HEADINGS.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    for [name, numbers @ ..] in &lines {
        let mut line = format!("{name:<0$}", widths[0]);
        for (cell, width) in numbers.iter().zip(&widths[1..]) {
            write!(line, "{GAP}{cell:>width$}").expect("holds because a String takes all");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    for failure in outcome.entries.iter().flat_map(failures) {
        text.push_str(&failure);
        text.push('\n');
    }
    text
}

/// What was asked, and where.
fn conditions(contest: &Contest, outcome: &Outcome) -> String {
    let Contest { connections, depth, requests, rounds, .. } = contest;
    let machine = outcome.machine;
    let place = match machine.pinned {
        Some((server, client)) => {
            format!(
                "{} processors: the server on number {server}, the load on {client}",
                machine.cpus
            )
        }
        None => "1 processor, which server and load share: compare the processor time".to_owned(),
    };
    let best = if *rounds > 1 { format!("; the best of {rounds} rounds") } else { String::new() };
    let requests = grouped(*requests);
    format!("{requests} requests over {connections} connections, depth {depth}{best}\n{place}\n\n")
}

/// An entrant's line.
fn cells(entry: &Entry, best: f64) -> [String; HEADINGS.len()] {
    let name = entry.entrant.name.clone();
    let Ok(row) = &entry.result else {
        let mut cells = [const { String::new() }; HEADINGS.len()];
        cells[0] = name;
        "failed".clone_into(&mut cells[1]);
        return cells;
    };
    let Row { report, most, .. } = row;
    let speed = report.per_second();
    #[expect(clippy::cast_precision_loss, reason = "shown to a tenth of a mebibyte")]
    let peak_mib = most.peak_bytes as f64 / MIB;
    [
        name,
        per_second(speed),
        if best > 0.0 { Ratio(speed / best).to_string() } else { String::new() },
        span(report.latency.per_mille(500)),
        span(report.latency.per_mille(900)),
        span(report.latency.per_mille(990)),
        span(report.latency.largest()),
        format!("{:.2} µs", row.cpu_micros()),
        format!("{peak_mib:.1} MiB"),
        most.threads.to_string(),
        most.processes.to_string(),
    ]
}

/// What went wrong with an entrant, in words (`TABLE-1`).
fn failures(entry: &Entry) -> Vec<String> {
    let name = &entry.entrant.name;
    match &entry.result {
        Err(reason) => vec![format!("{name}: {reason}")],
        Ok(row) => {
            let Report { failed, answered, requests, failures, .. } = &row.report;
            let mut told: Vec<_> = failures.iter().map(|text| format!("{name}: {text}")).collect();
            if answered < requests {
                let [answered, requests] = [*answered, *requests].map(grouped);
                told.push(format!(
                    "{name}: {answered} of {requests} requests were answered, {failed} connections failed"
                ));
            }
            if !row.ended_well {
                told.push(format!("{name}: did not end when it was asked to, and was killed"));
            }
            told
        }
    }
}

/// Writes the contest as one JSON object.
pub fn to_json(contest: &Contest, outcome: &Outcome) -> Json {
    let pinned = |cpu: fn((usize, usize)) -> usize| {
        outcome.machine.pinned.map_or(Json::Null, |pair| Json::Whole(cpu(pair) as u64))
    };
    let rows = outcome.entries.iter().map(|entry| row_json(entry, outcome.best()));
    Json::Object(vec![
        ("connections", Json::Whole(contest.connections as u64)),
        ("depth", Json::Whole(contest.depth as u64)),
        ("requests", Json::Whole(contest.requests)),
        ("rounds", Json::Whole(contest.rounds as u64)),
        ("processors", Json::Whole(outcome.machine.cpus as u64)),
        ("server_processor", pinned(|(server, _)| server)),
        ("load_processor", pinned(|(_, load)| load)),
        ("complete", Json::Bool(!outcome.is_stopped)),
        ("models", Json::List(rows.collect())),
    ])
}

/// An entrant as JSON; without numbers when it could not be run.
fn row_json(entry: &Entry, best: f64) -> Json {
    let mut members = vec![
        ("model", Json::text(&entry.entrant.name)),
        ("right", Json::Bool(entry.is_right())),
        ("failures", Json::List(failures(entry).into_iter().map(Json::Text).collect())),
    ];
    if let Ok(row) = &entry.result {
        let ratio = if best > 0.0 { row.report.per_second() / best } else { 0.0 };
        members.push(("of_best", Json::Real(ratio)));
        members.extend(report_members(&row.report));
        members.push(("server_cpu_us_per_request", Json::Real(row.cpu_micros())));
        members.push(("peak_memory_bytes", Json::Whole(row.most.peak_bytes)));
        members.push(("threads", Json::Whole(row.most.threads)));
        members.push(("processes", Json::Whole(row.most.processes)));
    }
    Json::Object(members)
}

/// The members of a load's report, which `load --json` and a contest's rows have in common.
fn report_members(report: &Report) -> Vec<(&'static str, Json)> {
    let micros = |latency: Duration| Json::Real(latency.as_secs_f64() * 1e6);
    let per_mille = |rank| micros(report.latency.per_mille(rank));
    vec![
        ("answered", Json::Whole(report.answered)),
        ("failed_connections", Json::Whole(report.failed)),
        ("seconds", Json::Real(report.elapsed.as_secs_f64())),
        ("requests_per_second", Json::Real(report.per_second())),
        ("p50_us", per_mille(500)),
        ("p90_us", per_mille(900)),
        ("p99_us", per_mille(990)),
        ("p999_us", per_mille(999)),
        ("max_us", micros(report.latency.largest())),
    ]
}

impl Report {
    /// Writes the report as one JSON object.
    pub fn to_json(&self) -> Json {
        let mut members = vec![
            ("requests", Json::Whole(self.requests)),
            ("right", Json::Bool(self.is_right())),
            ("failures", Json::List(self.failures.iter().map(Json::text).collect())),
        ];
        members.extend(report_members(self));
        Json::Object(members)
    }
}

impl std::fmt::Display for Report {
    /// Writes the report as lines for a human.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let speed = per_second(self.per_second());
        let [answered, requests] = [self.answered, self.requests].map(grouped);
        let seconds = self.elapsed.as_secs_f64();
        writeln!(out, "requests/s  {speed}")?;
        writeln!(out, "answered    {answered} of {requests} in {seconds:.3} s")?;
        writeln!(out, "errors      {}", self.failed)?;
        for (name, rank) in [("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999)] {
            writeln!(out, "{name:<12}{}", span(self.latency.per_mille(rank)))?;
        }
        write!(out, "{:<12}{}", "max", span(self.latency.largest()))
    }
}

/// A span in the unit that suits it, with three digits or a few more.
fn span(span: Duration) -> String {
    let micros = span.as_secs_f64() * 1e6;
    match micros {
        0.0..1e3 => format!("{micros:.1} µs"),
        1e3..1e6 => format!("{:.2} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

/// A speed as a whole number in groups of three.
pub(super) fn per_second(speed: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rounded speed")]
    grouped(speed.round() as u64)
}

/// A number in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
