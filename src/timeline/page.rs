//! The picture in a page of its own, which can be walked through event by event.
//!
//! **Invariants**
//! - `PAGE-T1` The page is one file that asks for nothing from the network. Without scripts it shows the whole picture.

use std::time::Duration;

use super::event::{Event, State, What};
use super::picture::{LEFT, PLOT, figures, picture};
use super::trace::Row;
use super::ways::Strip;
use crate::json::Json;
use crate::report::{columns, escaped};

/// The text below the picture.
const TEXT: &str = include_str!("page.html");
/// What the page does with a pointer and keys.
const SCRIPT: &str = include_str!("page.js");
/// The most events of a strip that can be walked through.
const MOST_EVENTS: usize = 10_000;

/// The figures of all strips as a table.
pub fn figures_table(strips: &[Strip]) -> String {
    let headings = ["way", "wall", "CPU", "CPU/wall", "work/wall", "switches"];
    let rows: Vec<_> = strips
        .iter()
        .map(|strip| {
            let title = strip.way.title();
            let mut row = vec![title.split(':').next().unwrap_or(title).to_owned()];
            let figures = figures(strip);
            let names = ["wall ", "CPU ", "CPU / wall ", "work / wall ", " context switches"];
            row.extend(figures.iter().zip(names).map(|(figure, name)| figure.replace(name, "")));
            row
        })
        .collect();
    columns(&headings, &rows)
}

/// Makes the page.
pub fn page(title: &str, strips: &[Strip]) -> String {
    let longest = strips.iter().map(|strip| strip.trace.wall()).max().unwrap_or_default();
    let data = Json::object([
        ("left", Json::real(LEFT)),
        ("plot", Json::real(PLOT)),
        ("longest", micros(longest)),
        ("strips", Json::List(strips.iter().map(steps).collect())),
    ]);
    // A name may hold anything, also the end of a script.
    let data = data.to_string().replace('<', "\\u003c");
    let (svg, table) = (picture(title, strips), escaped(&figures_table(strips)));
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n</head>\n<body>\n\
         <div class=\"wide\" tabindex=\"0\">{svg}</div>\n{TEXT}<pre>{table}</pre>\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// The events of a strip as the script reads them: time, kind, the number of a name, and what more there is to say; and
/// the names.
fn steps(strip: &Strip) -> Json {
    let trace = &strip.trace;
    let mut events: Vec<_> = strip.recording.events.iter().collect();
    // A poll is noted when it has ended, and shown when it begins.
    events.sort_by_key(|event| event.at);
    let step = |event: &&Event| {
        let of_task = |row: &Row| row.task == Some((event.lane, event.task));
        let (row, lane) = (trace.rows.iter().position(of_task), Some(event.lane as usize));
        let (kind, row, more) = match event.what {
            What::Enters(State::Idle) | What::Used(..) => ("state", lane, "ends".to_owned()),
            What::Enters(state) => ("state", lane, format!("{}: {}", event.label, state.name())),
            What::Sends(_) => ("state", lane, "sends".to_owned()),
            What::Receives(_) => ("state", lane, "has received".to_owned()),
            What::Spawned => ("spawn", row, String::new()),
            What::Woken => ("wake", row, String::new()),
            What::Polled(_) => ("poll", row, event.label.clone()),
            What::Finished => ("end", row, String::new()),
            What::Waits(_) => ("select", lane, String::new()),
            What::Woke(timers, _) => ("back", lane, format!("{timers} timers fired")),
        };
        let row = row.and_then(|row| u64::try_from(row).ok()).map_or(Json::Null, Json::whole);
        let after = micros(event.at.saturating_sub(trace.from));
        Json::List(vec![after, Json::text(kind), row, Json::text(more)])
    };
    let names = trace.rows.iter().map(|row| Json::text(&*row.lane.name));
    let events = events.iter().take(MOST_EVENTS).map(step).collect();
    Json::object([("names", Json::List(names.collect())), ("events", Json::List(events))])
}

/// A span in whole microseconds.
fn micros(span: Duration) -> Json {
    Json::whole(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
}
