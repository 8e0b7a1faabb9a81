//! A benchmark as a table, and as JSON.
//!
//! **Invariants**
//! - `PRESENT-1` Each server has one line in each table, also one that failed; below them each failure is in words.
//! - `PRESENT-2` In JSON a name carries its unit: `p50_us`, `peak_memory_bytes`, `seconds`. Numbers are not rounded;
//!   one that is not known is `null`. `right` is true only if every request was answered rightly.

use std::time::Duration;

use super::benchmark::{Benchmark, BenchmarkReport, Measurement, ServerResult};
use super::load::Load;
use super::tally::LoadReport;
use crate::json::Json;
use crate::report::{columns, grouped, known, per_second, span};

/// What the clients saw.
const SEEN: [&str; 6] = ["model", "requests/s", "of best", "p50", "p99", "max"];
/// What the server used. `busy` is the share of the time in which it was running: near 100 % the server was the limit;
/// otherwise the client was, or each waited for the other. `others` is what other programs had of all processors.
const USED: [&str; 7] =
    ["model", "CPU/request", "busy", "others", "peak memory", "threads", "processes"];

/// What the dashes mean in a run in which there were answers (`BENCH-5`).
const TOO_SHORT: &str =
    "-: the run was too short to tell processor time; more requests make it longer\n";
/// What a high share of others means.
const DISTURBED: &str =
    "others: requests/s are too low beside other work; CPU/request stays right\n";

/// Writes a benchmark as text that fits 80 columns: what was measured where, the tables, and what went wrong.
pub fn table(benchmark: &Benchmark, report: &BenchmarkReport) -> String {
    let best = report.best();
    let seen: Vec<_> = report.results.iter().map(|result| seen(result, best)).collect();
    let used: Vec<_> = report.results.iter().map(used).collect();
    let mut text = conditions(benchmark, report) + "\n\n";
    text += &match &*report.results {
        [] => "No server was measured to its end.\n".to_owned(),
        _ => [columns(&SEEN, &seen), columns(&USED, &used)].join("\n"),
    };
    let measured = || report.results.iter().filter_map(|result| result.result.as_ref().ok());
    if measured().any(|each| each.load.answered > 0 && !each.knows_cpu()) {
        text.push_str(TOO_SHORT);
    }
    if measured().any(Measurement::is_disturbed) {
        text.push_str(DISTURBED);
    }
    text.extend(report.results.iter().flat_map(failures).map(|line| line + "\n"));
    text
}

/// The load, and the machine.
pub(super) fn conditions(benchmark: &Benchmark, report: &BenchmarkReport) -> String {
    let Benchmark { load: Load { connections, depth, requests, .. }, rounds, .. } = benchmark;
    let cpus = report.cpus;
    let place = match report.pinned {
        Some((server, client)) => {
            format!("{cpus} processors: server on {server}, load on {client}")
        }
        None if cpus == 1 => "1 processor, shared: compare the processor time".to_owned(),
        None if benchmark.may_pin => {
            format!("{cpus} processors, not pinned: {}", report.others_before)
        }
        None => format!("{cpus} processors, not pinned"),
    };
    let best = if *rounds > 1 { format!("; the best of {rounds} rounds") } else { String::new() };
    let requests = grouped(*requests);
    format!("{requests} requests over {connections} connections, depth {depth}{best}\n{place}")
}

/// The line of a server in the first table.
fn seen(result: &ServerResult, best: f64) -> Vec<String> {
    let name = result.server.name.clone();
    let Ok(Measurement { load, .. }) = &result.result else {
        return vec![name, "failed".to_owned()];
    };
    let speed = load.per_second();
    vec![
        name,
        per_second(speed),
        known((best > 0.0).then_some(speed / best), |ratio| format!("{ratio:.3}")),
        known(load.latency.per_mille(500), span),
        known(load.latency.per_mille(990), span),
        known(load.latency.largest(), span),
    ]
}

/// The line of a server in the second table.
fn used(result: &ServerResult) -> Vec<String> {
    let name = result.server.name.clone();
    let Ok(measured) = &result.result else { return vec![name, "failed".to_owned()] };
    let most = &measured.most;
    // Without /proc all of these are 0.
    let of_proc = |text: String| known((most.processes > 0).then_some(text), |text| text);
    let percent = |share| format!("{:.0} %", 100.0 * share);
    vec![
        name,
        known(measured.cpu_micros(), |micros| format!("{micros:.2} µs")),
        known(measured.busy(), percent),
        known(measured.others.share(), percent),
        of_proc(format!("{} KiB", grouped(most.peak_bytes >> 10))),
        of_proc(most.threads.to_string()),
        of_proc(most.processes.to_string()),
    ]
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

/// Writes a benchmark as one JSON object.
pub fn to_json(benchmark: &Benchmark, report: &BenchmarkReport) -> Json {
    // Null where server and client share the only processor.
    let pinned = |cpu: fn((usize, usize)) -> usize| {
        report.pinned.map_or(Json::Null, |pair| Json::whole(cpu(pair) as u64))
    };
    let models = report.results.iter().map(|result| result_json(result, report.best()));
    Json::object(vec![
        ("connections", Json::whole(benchmark.load.connections as u64)),
        ("depth", Json::whole(benchmark.load.depth as u64)),
        ("requests", Json::whole(benchmark.load.requests)),
        ("rounds", Json::whole(benchmark.rounds as u64)),
        ("processors", Json::whole(report.cpus as u64)),
        ("server_processor", pinned(|(server, _)| server)),
        ("load_processor", pinned(|(_, load)| load)),
        ("other_work_before", Json::real(report.others_before.share())),
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
        members.push(("other_work", Json::real(measured.others.share())));
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
        ("waiting", Json::whole(report.waiting)),
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
