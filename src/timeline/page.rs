//! The picture in a page of its own, which can be walked through event by event.
//!
//! **Invariants**
//! - `PAGE-T1` The page is one file that asks for nothing from the network. Without scripts it shows the whole picture.

use std::time::Duration;

use super::event::State;
use super::picture::{LEFT, PLOT, figures, picture};
use super::trace::Span;
use super::ways::Strip;
use crate::json::Json;
use crate::report::{Page, columns};

/// The text below the picture.
const TEXT: &str = include_str!("page.html");
/// What the page does with a pointer and keys.
const SCRIPT: &str = include_str!("page.js");
/// The most events of a strip that can be walked through.
const MOST_EVENTS: usize = 10_000;

/// The figures of all strips as a table.
pub fn figures_table(strips: &[Strip]) -> String {
    let row = |strip: &Strip| {
        let way = strip.title.split(':').next().map(str::to_owned);
        way.into_iter().chain(figures(strip).map(|(_, figure)| figure)).collect()
    };
    let rows: Vec<_> = strips.iter().map(row).collect();
    columns(&["way", "wall", "CPU", "CPU/wall", "work/wall", "switches"], &rows)
}

/// Makes the page.
pub fn page(title: &str, strips: &[Strip]) -> String {
    let longest = strips.iter().map(|strip| strip.trace.wall).max().unwrap_or_default();
    let data = Json::object([
        ("left", Json::real(LEFT)),
        ("plot", Json::real(PLOT)),
        ("longest", micros(longest)),
        ("strips", Json::List(strips.iter().map(steps).collect())),
    ]);
    // A name may hold anything, also the end of a script.
    let data = data.to_string().replace('<', "\\u003c");
    let mut page = Page::new("One workload in every way");
    page.picture(&format!("<div class=\"wide\" tabindex=\"0\">{}</div>\n", picture(title, strips)));
    page.picture(TEXT);
    page.text(&figures_table(strips));
    page.picture(&format!(
        "<script type=\"application/json\" id=\"data\">{data}</script>\n<script>{SCRIPT}</script>\n"
    ));
    page.finish()
}

/// A strip as the script reads it: its lanes, and the changes of their states in order: time, lane, state, and label.
fn steps(strip: &Strip) -> Json {
    let rows = &strip.trace.rows;
    let mut spans: Vec<(u64, &Span)> = Vec::new();
    for (number, row) in (0..).zip(rows) {
        // A lane that begins idle has changed nothing.
        let is_event = |span: &&Span| span.state != State::Idle || span.from > Duration::ZERO;
        spans.extend(row.spans.iter().filter(is_event).map(|span| (number, span)));
    }
    spans.sort_by_key(|(_, span)| span.from);
    let event = |(row, span): (u64, &Span)| {
        let [state, label] = [format!("{:?}", span.state), span.label.clone()].map(Json::text);
        Json::List(vec![micros(span.from), Json::whole(row), state, label])
    };
    let events = spans.into_iter().take(MOST_EVENTS).map(event).collect();
    let names = rows.iter().map(|row| Json::text(row.title())).collect();
    Json::object([
        ("title", Json::text(strip.title)),
        ("names", Json::List(names)),
        ("events", Json::List(events)),
    ])
}

/// A span in whole microseconds.
fn micros(span: Duration) -> Json {
    Json::whole(u64::try_from(span.as_micros()).unwrap_or(u64::MAX))
}
