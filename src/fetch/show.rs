//! Shows the modes side by side: the times, the order of events, and what they mean.
//!
//! **Invariants**
//! - `FETCHSHOW-1` Every link that failed is named, with the phase and the modes in which it failed.
//! - `FETCHSHOW-2` A link with different results in two modes is named.
//! - `FETCHSHOW-3` An address cannot break a line of the output (`FETCHLOG-2`).

use std::time::Duration;

use super::history::{FetchOutcome, LinkFetch};
use super::log::ShownAddress;
use super::plan::Mode;
use crate::http::without_password;
use crate::json::Json;
use crate::report::{columns, grouped, span, text_width};

/// How many links the table of the order shows. The logs contain all.
const MOST_SHOWN: usize = 20;

/// The headings of the table of times.
const HEADINGS: [&str; 7] =
    ["mode", "time", "times as fast", "mean at once", "most", "slowest", "failed"];

/// The widest address in the table of the order, in columns of a terminal: with three modes, a line has 80.
const WIDEST_LINK: usize = 31;

/// Returns everything as text.
pub fn table(links: &[String], outcomes: &[FetchOutcome]) -> String {
    // As fast as one after another; without that mode there is nothing to compare with.
    let base = outcomes.iter().find(|outcome| outcome.mode == Mode::Sequential);
    let rows: Vec<_> = outcomes.iter().map(|outcome| times(outcome, base)).collect();
    let mut text = columns(&HEADINGS, &rows);
    text.push_str(
        "\nmean at once: the times of all links added up, divided by the time of the mode\n\
         3 → 9: the start was the third event of the mode, and the answer the ninth\n",
    );
    if base.is_some_and(|base| outcomes.iter().any(|outcome| is_impossible(outcome, base))) {
        text.push_str("?: more than links at once can gain; they took longer in the first mode\n");
    }
    text.extend(["\n", &order(links, outcomes), "\n"]);
    let meanings = outcomes.iter().map(meaning);
    let different = disagreements(links, outcomes);
    let different = different.into_iter().map(|line| format!("not the same: {line}"));
    let failed = failures(links, outcomes).into_iter().map(|line| format!("failed: {line}"));
    text.extend(meanings.chain(different).chain(failed).map(|line| line + "\n"));
    text
}

/// Returns a mode's row in the table of times.
fn times(outcome: &FetchOutcome, base: Option<&FetchOutcome>) -> Vec<String> {
    let wall = outcome.wall;
    let faster = base.map(|base| match ratio(base.wall, wall) {
        _ if is_impossible(outcome, base) => "?".to_owned(),
        faster => format!("{faster:.2}"),
    });
    vec![
        outcome.mode.to_string(),
        span(wall),
        faster.unwrap_or_default(),
        format!("{:.1}", ratio(outcome.added_up(), wall)),
        grouped(outcome.most_at_once as u64),
        span(outcome.slowest()),
        grouped(outcome.failed() as u64),
    ]
}

/// Returns an address that fits its column, if need be without its beginning.
fn fitted(link: &str) -> String {
    let link = ShownAddress(link).to_string();
    if text_width(&link) <= WIDEST_LINK {
        return link;
    }
    let mut ends = link.char_indices().map(|(start, _)| &link[start..]);
    let end = ends.find(|end| text_width(end) < WIDEST_LINK).unwrap_or_default();
    format!("…{end}")
}

/// Whether a mode was faster than waiting for N links at once makes it: N times, and half of that for noise.
fn is_impossible(outcome: &FetchOutcome, base: &FetchOutcome) -> bool {
    2 * base.wall.as_nanos() > 3 * outcome.wall.as_nanos() * outcome.most_at_once as u128
}

/// Returns `one / other`.
fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// Returns the table of the order of events.
fn order(links: &[String], outcomes: &[FetchOutcome]) -> String {
    let mut headings = vec!["link"];
    headings.extend(outcomes.iter().map(|outcome| outcome.mode.name()));
    headings.extend(["answer", "bytes"]);
    let shown = links.iter().enumerate().take(MOST_SHOWN);
    let rows: Vec<_> = shown
        .map(|(number, link)| {
            let fetches = || outcomes.iter().map(|outcome| &outcome.fetches[number]);
            let mut cells = vec![fitted(link)];
            let places =
                |fetch: &LinkFetch| format!("{} → {}", fetch.started.place, fetch.ended.place);
            cells.extend(fetches().map(places));
            cells.extend(fetches().next().into_iter().flat_map(result_cells));
            cells
        })
        .collect();
    let mut text = columns(&headings, &rows);
    if links.len() > MOST_SHOWN {
        let more = grouped((links.len() - MOST_SHOWN) as u64);
        text.extend(["and ", &more, " more; the logs have all of them\n"]);
    }
    text
}

/// Returns the status and size of a link, or that it failed.
fn result_cells(fetch: &LinkFetch) -> [String; 2] {
    match &fetch.result {
        Ok(answer) => [answer.status.code().to_string(), grouped(answer.body_bytes)],
        Err(_) => ["failed".to_owned(), String::new()],
    }
}

/// Returns a sentence about a mode's figures, in lines that fit a terminal.
fn meaning(outcome: &FetchOutcome) -> String {
    let FetchOutcome { mode, most_at_once, .. } = outcome;
    let [wall, added_up, slowest] = [outcome.wall, outcome.added_up(), outcome.slowest()].map(span);
    let most = grouped(*most_at_once as u64);
    let why = match mode {
        Mode::Sequential => "each start waits for the answer before it".to_owned(),
        _ if *most_at_once < 2 => "no two links were under way at a time".to_owned(),
        Mode::Threads => format!("{most} links wait side by side, each on a thread"),
        Mode::Async => format!("{most} links wait side by side, all on one thread"),
    };
    format!("{mode}: {why}:\n  {added_up} of waiting took {wall}; the slowest link took {slowest}.")
}

/// Names the links with different results in two modes (`FETCHSHOW-2`).
fn disagreements(links: &[String], outcomes: &[FetchOutcome]) -> Vec<String> {
    let brief = |fetch: &LinkFetch| match &fetch.result {
        Ok(answer) => format!(
            "{} with {} bytes, checksum {:016x}",
            answer.status.code(),
            answer.body_bytes,
            answer.body_digest
        ),
        Err(failure) => failure.fault.to_string(),
    };
    let differ = |(number, link): (usize, &String)| {
        let answers: Vec<_> = outcomes
            .iter()
            .map(|outcome| (outcome.mode, brief(&outcome.fetches[number])))
            .collect();
        let first = answers.first()?;
        let other = answers.iter().find(|answer| answer.1 != first.1)?;
        let address = ShownAddress(link);
        Some(format!("{address}: {} got {}, {} {}", first.0, first.1, other.0, other.1))
    };
    links.iter().enumerate().filter_map(differ).collect()
}

/// Names the links that failed (`FETCHSHOW-1`).
pub fn failures(links: &[String], outcomes: &[FetchOutcome]) -> Vec<String> {
    let mut named = Vec::new();
    for (number, link) in links.iter().enumerate() {
        // A link that fails in the same way in several modes is named once.
        let mut faults: Vec<(String, Vec<&str>)> = Vec::new();
        for outcome in outcomes {
            let Err(failure) = &outcome.fetches[number].result else { continue };
            let fault = failure.fault.to_string();
            match faults.iter_mut().find(|(known, _)| *known == fault) {
                Some((_, modes)) => modes.push(outcome.mode.name()),
                None => faults.push((fault, vec![outcome.mode.name()])),
            }
        }
        for (fault, modes) in faults {
            named.push(format!("{}: {fault} ({})", ShownAddress(link), modes.join(", ")));
        }
    }
    named
}

/// Returns everything as JSON, times in microseconds.
pub fn to_json(links: &[String], outcomes: &[FetchOutcome]) -> Json {
    let modes = outcomes.iter().map(|outcome| {
        let fetches = links.iter().zip(&outcome.fetches);
        Json::object([
            ("mode", Json::text(outcome.mode.name())),
            ("wall_us", micros(outcome.wall)),
            ("added_up_us", micros(outcome.added_up())),
            ("slowest_us", micros(outcome.slowest())),
            ("most_at_once", Json::whole(outcome.most_at_once as u64)),
            ("failed", Json::whole(outcome.failed() as u64)),
            ("links", Json::List(fetches.map(|(link, fetch)| fetch_json(link, fetch)).collect())),
        ])
    });
    let different = disagreements(links, outcomes).into_iter().map(Json::Text);
    Json::object([
        ("modes", Json::List(modes.collect())),
        ("disagreements", Json::List(different.collect())),
    ])
}

/// Returns one link in one mode; unknown values are null.
fn fetch_json(link: &str, fetch: &LinkFetch) -> Json {
    let answer = fetch.result.as_ref().ok();
    let whole = |number: Option<u64>| number.map_or(Json::Null, Json::whole);
    let digest = answer.map(|answer| format!("{:016x}", answer.body_digest));
    let error = fetch.result.as_ref().err().map(|failure| failure.fault.to_string());
    Json::object([
        ("url", Json::text(without_password(link))),
        ("status", whole(answer.map(|answer| answer.status.code().into()))),
        ("body_bytes", whole(answer.map(|answer| answer.body_bytes))),
        ("body_digest", digest.map_or(Json::Null, Json::Text)),
        ("error", error.map_or(Json::Null, Json::Text)),
        ("start_place", Json::whole(fetch.started.place as u64)),
        ("start_us", micros(fetch.started.at)),
        ("end_place", Json::whole(fetch.ended.place as u64)),
        ("end_us", micros(fetch.ended.at)),
    ])
}

/// Returns a time in microseconds.
fn micros(span: Duration) -> Json {
    Json::real(span.as_secs_f64() * 1e6)
}
