//! A contest as a table for humans.
//!
//! **Invariants**
//! - `ROWS-1` Each entrant has one line, also one that failed; below the table each failure is told in words.

use super::contest::{Contest, Entry, Outcome, Row};
use super::load::Report;
use crate::report::{Ratio, columns, grouped, known, per_second, span};

/// The table's columns. `busy` is the share of the time in which the server was at work: near to 100 % it was the
/// limit, and far from it the client was, or both waited for each other.
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

/// What the dashes say of a run in which there were answers (`CONTEST-5`).
const TOO_SHORT: &str =
    "-: the run was too short to tell processor time; more requests make it longer\n";

/// Bytes in a mebibyte.
const MIB: f64 = 1024.0 * 1024.0;

/// Writes the contest as a text: what was asked where, the table, and what went wrong.
pub fn table(contest: &Contest, outcome: &Outcome) -> String {
    let mut text = conditions(contest, outcome);
    let best = outcome.best();
    let rows: Vec<_> = outcome.entries.iter().map(|entry| cells(entry, best)).collect();
    text.push_str(&columns(&HEADINGS, &rows));
    let mut rows = outcome.entries.iter().filter_map(|entry| entry.result.as_ref().ok());
    if rows.any(|row| row.report.answered > 0 && !row.is_long_enough()) {
        text.push_str(TOO_SHORT);
    }
    // ROWS-1: a line in the table has no room for a reason.
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
fn cells(entry: &Entry, best: f64) -> Vec<String> {
    let name = entry.entrant.name.clone();
    let Ok(row) = &entry.result else {
        // It was not measured at all: a name, a word, and blanks.
        return vec![name, "failed".to_owned()];
    };
    let Row { report, most, .. } = row;
    let speed = report.per_second();
    #[expect(clippy::cast_precision_loss, reason = "shown to a tenth of a mebibyte")]
    let peak_mib = most.peak_bytes as f64 / MIB;
    vec![
        name,
        per_second(speed),
        if best > 0.0 { Ratio(speed / best).to_string() } else { String::new() },
        known(report.latency.per_mille(500), span),
        known(report.latency.per_mille(990), span),
        known(report.latency.largest(), span),
        known(row.cpu_micros(), |micros| format!("{micros:.2} µs")),
        known(row.busy(), |share| format!("{:.0} %", 100.0 * share)),
        format!("{peak_mib:.1} MiB"),
        most.threads.to_string(),
        most.processes.to_string(),
    ]
}

/// What went wrong with an entrant, in words (`ROWS-1`).
pub(super) fn failures(entry: &Entry) -> Vec<String> {
    let name = &entry.entrant.name;
    match &entry.result {
        Err(reason) => vec![format!("{name}: {reason}")],
        Ok(row) => {
            let Report { failed, answered, requests, failures, .. } = &row.report;
            let mut told: Vec<_> = failures.iter().map(|text| format!("{name}: {text}")).collect();
            // The reasons are those of the first few; how many there were stands here.
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
