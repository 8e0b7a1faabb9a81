//! The modes side by side: how long each took, in which order things happened, and what that shows.
//!
//! **Invariants**
//! - `FETCHSHOW-1` Every link that failed is named, with the phase in which it did and the modes in which it did.
//! - `FETCHSHOW-2` A link that had different answers in two modes is named: they are supposed to do the same.
//! - `FETCHSHOW-3` What a server or a file of links can put into an address breaks no line here (`FETCHLOG-2`).

use std::fmt::Write as _;
use std::time::Duration;

use super::history::Trip;
use super::log::Address;
use super::mode::Mode;
use super::order::Outcome;
use crate::json::Json;
use crate::report::{columns, grouped, span};

/// How many links the table of the order shows; the logs have all. Taste: what a screen shows.
const MOST_SHOWN: usize = 20;

/// Why writing into a text cannot fail.
const TAKES_ALL: &str = "holds because a String takes all that is written";

/// The headings of the table of times.
const HEADINGS: [&str; 7] =
    ["mode", "wall time", "added up", "ratio", "slowest link", "most at once", "failed"];

/// Writes everything for humans.
pub fn table(links: &[String], outcomes: &[Outcome]) -> String {
    let mut text = columns(&HEADINGS, &outcomes.iter().map(times).collect::<Vec<_>>());
    text.push_str(
        "\nOrder of events: \"3 → 9\" was started third, and its answer was the ninth event of the mode\n\n",
    );
    text.push_str(&order(links, outcomes));
    text.push('\n');
    for line in outcomes.iter().map(what_it_shows).chain(both(outcomes)) {
        text.push_str(&line);
        text.push('\n');
    }
    for line in disagreements(links, outcomes) {
        writeln!(text, "not the same: {line}").expect(TAKES_ALL);
    }
    for line in failures(links, outcomes) {
        writeln!(text, "failed: {line}").expect(TAKES_ALL);
    }
    text
}

/// A mode's line in the table of times.
fn times(outcome: &Outcome) -> Vec<String> {
    let (wall, added_up) = (outcome.wall, outcome.added_up());
    vec![
        outcome.mode.to_string(),
        span(wall),
        span(added_up),
        format!("{:.2}", ratio(added_up, wall)),
        span(outcome.slowest()),
        grouped(outcome.most_at_once as u64),
        grouped(outcome.failed() as u64),
    ]
}

/// How many times one span is the other.
fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// The table of the order.
fn order(links: &[String], outcomes: &[Outcome]) -> String {
    let mut headings = vec!["link"];
    headings.extend(outcomes.iter().map(|outcome| outcome.mode.name()));
    headings.extend(["answer", "bytes"]);
    let shown = links.iter().enumerate().take(MOST_SHOWN);
    let rows: Vec<_> = shown
        .map(|(number, link)| {
            let trips = || outcomes.iter().map(|outcome| &outcome.trips[number]);
            let mut cells = vec![Address(link).to_string()];
            let places = |trip: &Trip| format!("{} → {}", trip.started.place, trip.ended.place);
            cells.extend(trips().map(places));
            cells.extend(trips().next().into_iter().flat_map(came));
            cells
        })
        .collect();
    let mut text = columns(&headings, &rows);
    if links.len() > MOST_SHOWN {
        let more = grouped((links.len() - MOST_SHOWN) as u64);
        writeln!(text, "and {more} more; the logs have all of them").expect(TAKES_ALL);
    }
    text
}

/// What came of a link: its status and size, or that it failed.
fn came(trip: &Trip) -> [String; 2] {
    match &trip.result {
        Ok(answer) => [answer.status.code().to_string(), grouped(answer.body_bytes)],
        Err(_) => ["failed".to_owned(), String::new()],
    }
}

/// What a mode's figures show.
fn what_it_shows(outcome: &Outcome) -> String {
    let Outcome { mode, most_at_once, .. } = outcome;
    let [wall, added_up, slowest] = [outcome.wall, outcome.added_up(), outcome.slowest()].map(span);
    if *most_at_once < 2 && *mode != Mode::Sequential {
        return format!(
            "{mode}: no two links were under way at a time: {added_up} of waiting took {wall}."
        );
    }
    if *most_at_once < 2 {
        return format!(
            "{mode}: each start waits for the answer before it, so the waits add up: {added_up} of waiting took {wall}."
        );
    }
    format!(
        "{mode}: up to {} links wait side by side, so {added_up} of waiting took {wall}; the slowest link alone took {slowest}.",
        grouped(*most_at_once as u64)
    )
}

/// What the two modes that overlap have in common, if both ran and overlapped.
fn both(outcomes: &[Outcome]) -> Option<String> {
    let find = |mode| outcomes.iter().find(|it| it.mode == mode && it.most_at_once > 1);
    let (threads, _) = (find(Mode::Threads)?, find(Mode::Async)?);
    let threads = grouped(threads.most_at_once as u64);
    Some(format!("Both overlap the same waits: threads with {threads} threads, async with one."))
}

/// Names the links that had different answers in two modes (`FETCHSHOW-2`).
fn disagreements(links: &[String], outcomes: &[Outcome]) -> Vec<String> {
    let brief = |trip: &Trip| match &trip.result {
        Ok(answer) => format!(
            "{} with {} bytes, checksum {:016x}",
            answer.status.code(),
            answer.body_bytes,
            answer.body_digest
        ),
        Err(failure) => failure.fault.to_string(),
    };
    let differ = |(number, link): (usize, &String)| {
        let answers: Vec<_> =
            outcomes.iter().map(|outcome| (outcome.mode, brief(&outcome.trips[number]))).collect();
        let first = answers.first()?;
        let other = answers.iter().find(|answer| answer.1 != first.1)?;
        let address = Address(link);
        Some(format!("{address}: {} got {}, {} {}", first.0, first.1, other.0, other.1))
    };
    links.iter().enumerate().filter_map(differ).collect()
}

/// Names the links that failed (`FETCHSHOW-1`).
pub fn failures(links: &[String], outcomes: &[Outcome]) -> Vec<String> {
    let mut named = Vec::new();
    for (number, link) in links.iter().enumerate() {
        // A link mostly fails alike in all modes; then that is said once.
        let mut faults: Vec<(String, Vec<&str>)> = Vec::new();
        for outcome in outcomes {
            let Err(failure) = &outcome.trips[number].result else { continue };
            let fault = failure.fault.to_string();
            match faults.iter_mut().find(|(known, _)| *known == fault) {
                Some((_, modes)) => modes.push(outcome.mode.name()),
                None => faults.push((fault, vec![outcome.mode.name()])),
            }
        }
        let address = Address(link);
        let name = |(fault, modes): (String, Vec<&str>)| {
            format!("{address}: {fault} ({})", modes.join(", "))
        };
        named.extend(faults.into_iter().map(name));
    }
    named
}

/// Writes everything for programs; times in microseconds.
pub fn to_json(links: &[String], outcomes: &[Outcome]) -> Json {
    let modes = outcomes.iter().map(|outcome| {
        let trips = links.iter().zip(&outcome.trips);
        Json::object([
            ("mode", Json::text(outcome.mode.name())),
            ("wall_us", micros(outcome.wall)),
            ("added_up_us", micros(outcome.added_up())),
            ("slowest_us", micros(outcome.slowest())),
            ("most_at_once", Json::whole(outcome.most_at_once as u64)),
            ("failed", Json::whole(outcome.failed() as u64)),
            ("links", Json::List(trips.map(|(link, trip)| trip_json(link, trip)).collect())),
        ])
    });
    Json::object([
        ("modes", Json::List(modes.collect())),
        (
            "disagreements",
            Json::List(disagreements(links, outcomes).into_iter().map(Json::Text).collect()),
        ),
    ])
}

/// One link in one mode; what it does not have is null.
fn trip_json(link: &str, trip: &Trip) -> Json {
    let answer = trip.result.as_ref().ok();
    let whole = |number: Option<u64>| number.map_or(Json::Null, Json::whole);
    let error = trip.result.as_ref().err().map(|failure| failure.fault.to_string());
    Json::object([
        ("url", Json::text(link)),
        ("status", whole(answer.map(|answer| answer.status.code().into()))),
        ("body_bytes", whole(answer.map(|answer| answer.body_bytes))),
        (
            "body_digest",
            answer.map_or(Json::Null, |it| Json::text(format!("{:016x}", it.body_digest))),
        ),
        ("error", error.map_or(Json::Null, Json::Text)),
        ("start_place", Json::whole(trip.started.place as u64)),
        ("start_us", micros(trip.started.at)),
        ("end_place", Json::whole(trip.ended.place as u64)),
        ("end_us", micros(trip.ended.at)),
    ])
}

/// A span in microseconds.
fn micros(span: Duration) -> Json {
    Json::real(span.as_secs_f64() * 1e6)
}
