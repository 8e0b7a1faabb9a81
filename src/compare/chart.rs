//! A contest as a picture: bars, in SVG.
//!
//! **Invariants**
//! - `CHART-1` One bar for each entrant, also for one that failed: that one has no length, and says so.
//! - `CHART-2` The picture stands alone: no script, no style sheet, nothing from the network. It brings its own
//!   background, so that it can be read on a dark page.
//! - `CHART-3` A name may be anything: it is escaped.
//!
//! **Source**: SVG 2, basic shapes and text.

use std::fmt::Write as _;

use super::contest::{Contest, Entry, Outcome};
use super::figures::{known, per_second};

/// The picture's width, in its own units.
const WIDTH: f64 = 760.0;
/// Where the bars begin; the names stand before it.
const BARS_LEFT: f64 = 150.0;
/// The longest bar; the numbers stand behind it.
const BAR_MOST: f64 = 330.0;
/// From one bar to the next.
const ROW_HEIGHT: f64 = 30.0;
/// The height of a bar.
const BAR_HEIGHT: f64 = 20.0;
/// The room of the heading.
const TOP: f64 = 58.0;
/// The room below the last bar.
const BOTTOM: f64 = 16.0;
/// From a row's top to its text's base line.
const BASE_LINE: f64 = 15.0;
/// The colour of a bar.
const PLAIN: &str = "#5b8db8";
/// The colour of the event loop's bar, which the house is about.
const OURS: &str = "#c26a3d";

/// Draws requests per second as bars, with the server's processor time behind each.
pub fn chart(contest: &Contest, outcome: &Outcome) -> String {
    let rows = outcome.entries.iter().fold(0.0, |rows: f64, _| rows + 1.0);
    let height = TOP + rows * ROW_HEIGHT + BOTTOM;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"14\" role=\"img\">\n\
         <title>Requests per second by model</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let heading = format!(
        "{} connections, depth {}, {} processors",
        contest.connections, contest.depth, outcome.machine.cpus
    );
    text(
        &mut svg,
        12.0,
        24.0,
        "font-weight=\"bold\"",
        "Requests per second, and the server's processor time for each",
    );
    text(&mut svg, 12.0, 44.0, "", &heading);
    let best = outcome.best();
    let mut top = TOP;
    for entry in &outcome.entries {
        bar(&mut svg, entry, top, best);
        top += ROW_HEIGHT;
    }
    svg.push_str("</svg>\n");
    svg
}

/// Draws one entrant: name, bar, numbers (`CHART-1`).
fn bar(svg: &mut String, entry: &Entry, top: f64, best: f64) {
    let base = top + BASE_LINE;
    text(svg, BARS_LEFT - 10.0, base, "text-anchor=\"end\"", &entry.entrant.name);
    let Ok(row) = &entry.result else {
        text(svg, BARS_LEFT, base, "", "failed");
        return;
    };
    let speed = row.report.per_second();
    let length = if best > 0.0 { speed / best * BAR_MOST } else { 0.0 };
    let is_ours = entry.entrant.model == Some(crate::calc::Model::Async);
    let colour = if is_ours { OURS } else { PLAIN };
    writeln!(
        svg,
        "<rect x=\"{BARS_LEFT}\" y=\"{top}\" width=\"{length:.1}\" height=\"{BAR_HEIGHT}\" fill=\"{colour}\"/>"
    )
    .expect("holds because a String takes all");
    let wrong = if entry.is_right() { "" } else { "; not all was right" };
    let cpu = known(row.cpu_micros(), |micros| format!("{micros:.2} µs"));
    let numbers = format!("{}  ({cpu}{wrong})", per_second(speed));
    text(svg, BARS_LEFT + length + 8.0, base, "", &numbers);
}

/// Writes one piece of text.
fn text(svg: &mut String, x: f64, y: f64, attributes: &str, words: &str) {
    let words = escaped(words);
    writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"#222222\" {attributes}>{words}</text>")
        .expect("holds because a String takes all");
}

/// Replaces the characters that XML and HTML take for their own (`CHART-3`).
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
