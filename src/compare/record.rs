//! What was measured as JSON, for programs that plot or compare it.
//!
//! **Invariants**
//! - `RECORD-1` A name carries its unit: `p50_us`, `peak_memory_bytes`, `seconds`. Numbers are not rounded;
//!   one that is not known is `null` (`HISTOGRAM-4`, `CONTEST-5`).
//! - `RECORD-2` `right` is true only if every request was answered rightly; `failures` says in words why not.

use std::time::Duration;

use super::contest::{Contest, Entry, Outcome};
use super::json::Json;
use super::load::Report;
use super::table::failures;

/// Writes the contest as one JSON object.
pub fn to_json(contest: &Contest, outcome: &Outcome) -> Json {
    // Null where server and client share the only processor.
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
        members.push(("server_cpu_us_per_request", Json::real(row.cpu_micros())));
        members.push(("server_busy", Json::real(row.busy())));
        members.push(("peak_memory_bytes", Json::Whole(row.most.peak_bytes)));
        members.push(("threads", Json::Whole(row.most.threads)));
        members.push(("processes", Json::Whole(row.most.processes)));
    }
    Json::Object(members)
}

/// The members of a load's report, which `load --json` and a contest's rows have in common.
fn report_members(report: &Report) -> Vec<(&'static str, Json)> {
    let micros =
        |latency: Option<Duration>| Json::real(latency.map(|span| span.as_secs_f64() * 1e6));
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
