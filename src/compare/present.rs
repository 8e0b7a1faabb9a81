//! A benchmark as a table, as a picture, and as JSON.
//!
//! **Invariants**
//! - `PRESENT-1` Each server has one line and one bar, also one that failed; below the table each failure is in words.
//! - `PRESENT-2` In JSON a name carries its unit: `p50_us`, `peak_memory_bytes`, `seconds`. Numbers are not rounded;
//!   one that is not known is `null`. `right` is true only if every request was answered rightly.

use std::time::Duration;

use super::benchmark::{Benchmark, BenchmarkReport, Measurement, ServerResult};
use super::load::LoadReport;
use crate::calc::Model;
use crate::json::Json;
use crate::report::{Bar, Bars, Ratio, columns, grouped, known, per_second, span};

/// The table's columns. `busy` is the share of the time in which the server was running: near 100 % the server was
/// the limit; otherwise the client was, or each waited for the other.
const HEADINGS: [&str; 11] = [
    "model",
    "requests/s",
    "of best",
    "p50",
    "p99",
    "max",
    "server CPU/request",
    "busy",
    "peak memory",
    "threads",
    "processes",
];

/// What the dashes mean in a run in which there were answers (`BENCH-5`).
const TOO_SHORT: &str =
    "-: the run was too short to tell processor time; more requests make it longer\n";

/// Bytes in a mebibyte.
const MIB: f64 = 1024.0 * 1024.0;

/// Writes a benchmark as text: what was measured where, the table, and what went wrong.
pub fn table(benchmark: &Benchmark, report: &BenchmarkReport) -> String {
    let mut text = conditions(benchmark, report);
    let best = report.best();
    let rows: Vec<_> = report.results.iter().map(|result| cells(result, best)).collect();
    text.push_str(&columns(&HEADINGS, &rows));
    let mut measured = report.results.iter().filter_map(|result| result.result.as_ref().ok());
    if measured.any(|each| each.load.answered > 0 && !each.is_long_enough()) {
        text.push_str(TOO_SHORT);
    }
    for failure in report.results.iter().flat_map(failures) {
        text.push_str(&failure);
        text.push('\n');
    }
    text
}

/// The load, and the machine.
fn conditions(benchmark: &Benchmark, report: &BenchmarkReport) -> String {
    let Benchmark { connections, depth, requests, rounds, .. } = benchmark;
    let cpus = report.cpus;
    let place = match report.pinned {
        Some((server, client)) => {
            format!("{cpus} processors: the server on number {server}, the load on {client}")
        }
        None => "1 processor, which server and load share: compare the processor time".to_owned(),
    };
    let best = if *rounds > 1 { format!("; the best of {rounds} rounds") } else { String::new() };
    let requests = grouped(*requests);
    format!("{requests} requests over {connections} connections, depth {depth}{best}\n{place}\n\n")
}

/// The line of a server.
fn cells(result: &ServerResult, best: f64) -> Vec<String> {
    let name = result.server.name.clone();
    let Ok(measured) = &result.result else { return vec![name, "failed".to_owned()] };
    let Measurement { load, most, .. } = measured;
    let speed = load.per_second();
    #[expect(clippy::cast_precision_loss, reason = "shown to a tenth of a mebibyte")]
    let peak_mib = most.peak_bytes as f64 / MIB;
    vec![
        name,
        per_second(speed),
        if best > 0.0 { Ratio(speed / best).to_string() } else { String::new() },
        known(load.latency.per_mille(500), span),
        known(load.latency.per_mille(990), span),
        known(load.latency.largest(), span),
        cpu_text(measured),
        known(measured.busy(), |share| format!("{:.0} %", 100.0 * share)),
        format!("{peak_mib:.1} MiB"),
        most.threads.to_string(),
        most.processes.to_string(),
    ]
}

/// Processor time for each request.
fn cpu_text(measured: &Measurement) -> String {
    known(measured.cpu_micros(), |micros| format!("{micros:.2} µs"))
}

/// What went wrong with a server, in words (`PRESENT-1`).
fn failures(result: &ServerResult) -> Vec<String> {
    let name = &result.server.name;
    let measured = match &result.result {
        Ok(measured) => measured,
        Err(reason) => return vec![format!("{name}: {reason}")],
    };
    let LoadReport { failed, answered, requests, failures, .. } = &measured.load;
    let mut lines: Vec<_> = failures.iter().map(|text| format!("{name}: {text}")).collect();
    // The lines above are the first failures; this one has the count of all.
    if answered < requests {
        let [answered, requests] = [*answered, *requests].map(grouped);
        lines.push(format!(
            "{name}: {answered} of {requests} requests were answered, {failed} connections failed"
        ));
    }
    if !measured.ended_well {
        lines.push(format!("{name}: did not end when it was asked to, and was killed"));
    }
    lines
}

/// Draws requests per second as bars, with the server's processor time beside each.
pub fn chart(benchmark: &Benchmark, report: &BenchmarkReport) -> String {
    let Benchmark { connections, depth, .. } = benchmark;
    let cpus = report.cpus;
    Bars {
        title: "Requests per second, and the server's processor time for each",
        conditions: &format!("{connections} connections, depth {depth}, {cpus} processors"),
        rows: report.results.iter().map(bar).collect(),
    }
    .svg()
}

/// The bar of a server; one that failed has no length, and says so.
fn bar(result: &ServerResult) -> Bar {
    let name = result.server.name.clone();
    let is_marked = result.server.model == Some(Model::Async);
    let Ok(measured) = &result.result else {
        return Bar { name, length: None, words: "failed".to_owned(), is_marked };
    };
    let speed = measured.load.per_second();
    let wrong = if result.is_right() { "" } else { "; not all was right" };
    let words = format!("{}  ({}{wrong})", per_second(speed), cpu_text(measured));
    Bar { name, length: Some(speed), words, is_marked }
}

/// Writes a benchmark as one JSON object.
pub fn to_json(benchmark: &Benchmark, report: &BenchmarkReport) -> Json {
    // Null where server and client share the only processor.
    let pinned = |cpu: fn((usize, usize)) -> usize| {
        report.pinned.map_or(Json::Null, |pair| Json::whole(cpu(pair) as u64))
    };
    let models = report.results.iter().map(|result| result_json(result, report.best()));
    Json::object(vec![
        ("connections", Json::whole(benchmark.connections as u64)),
        ("depth", Json::whole(benchmark.depth as u64)),
        ("requests", Json::whole(benchmark.requests)),
        ("rounds", Json::whole(benchmark.rounds as u64)),
        ("processors", Json::whole(report.cpus as u64)),
        ("server_processor", pinned(|(server, _)| server)),
        ("load_processor", pinned(|(_, load)| load)),
        ("complete", Json::Bool(!report.is_stopped)),
        ("models", Json::List(models.collect())),
    ])
}

/// A server as JSON; without numbers when it could not be run.
fn result_json(result: &ServerResult, best: f64) -> Json {
    let mut members = vec![
        ("model", Json::text(&result.server.name)),
        ("right", Json::Bool(result.is_right())),
        ("failures", Json::List(failures(result).into_iter().map(Json::Text).collect())),
    ];
    if let Ok(measured) = &result.result {
        let ratio = if best > 0.0 { measured.load.per_second() / best } else { 0.0 };
        members.push(("of_best", Json::real(ratio)));
        members.extend(load_members(&measured.load));
        members.push(("server_cpu_us_per_request", Json::real(measured.cpu_micros())));
        members.push(("server_busy", Json::real(measured.busy())));
        members.push(("peak_memory_bytes", Json::whole(measured.most.peak_bytes)));
        members.push(("threads", Json::whole(measured.most.threads)));
        members.push(("processes", Json::whole(measured.most.processes)));
    }
    Json::object(members)
}

/// Writes the report of a load as one JSON object.
pub fn load_json(report: &LoadReport) -> Json {
    let mut members = vec![
        ("requests", Json::whole(report.requests)),
        ("right", Json::Bool(report.is_right())),
        ("failures", Json::List(report.failures.iter().map(Json::text).collect())),
    ];
    members.extend(load_members(report));
    Json::object(members)
}

/// The members that the JSON of a load and of a server have in common.
fn load_members(report: &LoadReport) -> Vec<(&'static str, Json)> {
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
