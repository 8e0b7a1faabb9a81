//! What was measured as JSON, for programs that plot or compare it.
//!
//! **Invariants**
//! - `RECORD-1` A name carries its unit: `p50_us`, `peak_memory_bytes`, `seconds`. Numbers are not rounded;
//!   one that is not known is `null` (`HISTOGRAM-4`, `CONTEST-5`).
//! - `RECORD-2` `right` is true only if every request was answered rightly; `failures` says in words why not.

use std::time::Duration;

use super::contest::{Contest, Entry, Outcome};
use super::load::Report;
use super::table::failures;
use crate::json::Json;

/// Writes the contest as one JSON object.
pub fn to_json(contest: &Contest, outcome: &Outcome) -> Json {
    // Null where server and client share the only processor.
    let pinned = |cpu: fn((usize, usize)) -> usize| {
        outcome.machine.pinned.map_or(Json::Null, |pair| Json::whole(cpu(pair) as u64))
    };
    let rows = outcome.entries.iter().map(|entry| row_json(entry, outcome.best()));
    Json::object(vec![
        ("connections", Json::whole(contest.connections as u64)),
        ("depth", Json::whole(contest.depth as u64)),
        ("requests", Json::whole(contest.requests)),
        ("rounds", Json::whole(contest.rounds as u64)),
        ("processors", Json::whole(outcome.machine.cpus as u64)),
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
        members.push(("of_best", Json::real(ratio)));
        members.extend(report_members(&row.report));
        members.push(("server_cpu_us_per_request", Json::real(row.cpu_micros())));
        members.push(("server_busy", Json::real(row.busy())));
        members.push(("peak_memory_bytes", Json::whole(row.most.peak_bytes)));
        members.push(("threads", Json::whole(row.most.threads)));
        members.push(("processes", Json::whole(row.most.processes)));
    }
    Json::object(members)
}

/// The members of a load's report, which `load --json` and a contest's rows have in common.
fn report_members(report: &Report) -> Vec<(&'static str, Json)> {
    let micros =
        |latency: Option<Duration>| Json::real(latency.map(|span| span.as_secs_f64() * 1e6));
    let per_mille = |rank| micros(report.latency.per_mille(rank));
    vec![
        ("answered", Json::whole(report.answered)),
        ("failed_connections", Json::whole(report.failed)),
        ("seconds", Json::real(report.elapsed.as_secs_f64())),
        ("requests_per_second", Json::real(report.per_second())),
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
            ("requests", Json::whole(self.requests)),
            ("right", Json::Bool(self.is_right())),
            ("failures", Json::List(self.failures.iter().map(Json::text).collect())),
        ];
        members.extend(report_members(self));
        Json::object(members)
    }
}
