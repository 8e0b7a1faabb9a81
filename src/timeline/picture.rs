//! The strips as a picture, all ways under each other on one time axis, and a page that walks through it event by event.
//!
//! **Invariants**
//! - `LANE-1` The picture can be read without colours: each state has its own hatching, a gradient that repeats. Of a
//!   pattern, a browser would print each tile anew, some hundred megabytes.
//! - `LANE-2` What is narrower than a pixel is drawn once for each pixel, so the width bounds the picture's size.
//! - `PAGE-T1` The page is one file that asks for nothing from the network. Without scripts it shows the whole picture.

use std::collections::HashMap;
use std::fmt::Arguments;
use std::time::Duration;

use super::recorder::What::{Blocked, Idle, Lock, Parked, Ready, Running};
use super::trace::{Row, Span, Trace};
use super::trace_json::micros;
use crate::json::Json;
use crate::report::{BarAxis, Page, Picture, columns, grouped, known, span as in_words};

/// Where the time axis begins; the names of the lanes stand before it.
const LEFT: f64 = 150.0;
/// How long the time axis is; the figures stand behind it.
const PLOT: f64 = 850.0;
/// Where the first strip begins, below the legend and the numbers of the axis.
const TOP: f64 = 113.0;
/// A longer poll is outlined; the legend says it.
const SLOW: Duration = Duration::from_millis(10);
/// The height of a lane, and of a figure beside a strip.
const LANE: f64 = 15.0;

/// Draws the strips.
pub fn picture(title: &str, strips: &[Trace]) -> String {
    let bottom = TOP + strips.iter().map(height_of).sum::<f64>();
    let longest = strips.iter().map(|strip| strip.wall).max().unwrap_or_default();
    let note = "A lane is a thread, a process or a task. All strips have the same time axis, in milliseconds.";
    let picture = Picture::new(title, note, &figures_table(strips), [1180.0, bottom + 40.0]);
    let axis = BarAxis::new(LEFT, PLOT, longest.as_secs_f64() * 1e3, 12.0);
    let mut drawing = Drawing { picture, axis };
    drawing.picture.element(format_args!(
        "<g class=\"timeline\" data-left=\"{LEFT}\" data-ms=\"{}\" data-lane=\"{LANE}\">{}",
        drawing.axis.place(1.0) - LEFT,
        include_str!("picture.head.svg")
    ));
    drawing.axis.draw(&mut drawing.picture, [TOP - 26.0; 2], "");
    drawing.axis.draw(&mut drawing.picture, [TOP - 4.0, bottom], "milliseconds");
    let mut top = TOP;
    for (number, strip) in strips.iter().enumerate() {
        drawing.strip(number, strip, top);
        top += height_of(strip);
    }
    drawing.picture.element(format_args!("<g id=\"marks\"></g></g>"));
    drawing.picture.finish()
}

/// The figures of all strips as a table.
pub fn figures_table(strips: &[Trace]) -> String {
    let row = |strip: &Trace| {
        let way = strip.title.split(':').next().map(str::to_owned);
        way.into_iter().chain(figures(strip).map(|(_, figure)| figure)).collect()
    };
    let names = ["way", "wall", "CPU", "CPU/wall", "work/wall", "switches", "late"];
    columns(&names, &strips.iter().map(row).collect::<Vec<_>>())
}

/// Makes the page.
pub fn page(title: &str, strips: &[Trace]) -> String {
    // A name may hold anything, also the end of a script.
    let data = Json::List(strips.iter().map(states).collect()).to_string().replace('<', "\\u003c");
    let mut page = Page::new("One workload in every way");
    page.picture(&format!("<div class=\"wide\" tabindex=\"0\">{}</div>\n", picture(title, strips)));
    page.picture(include_str!("page.html"));
    page.text(&figures_table(strips));
    page.picture(&format!("<script type=\"application/json\" id=\"data\">{data}</script>\n"));
    page.picture(concat!("<script type=\"module\">", include_str!("page.js"), "</script>\n"));
    page.finish()
}

/// The states in a strip as the script reads them: lane, beginning, end, state, and a label that is not the lane's job.
fn states(trace: &Trace) -> Json {
    let spans = trace.spans_in_order().into_iter();
    let events = spans.filter(|(_, span)| span.state != Idle || span.from > Duration::ZERO);
    let event = |(row, span): (usize, &Span)| {
        let label = if span.label == trace.rows[row].job() { "" } else { &span.label };
        let [state, label] = [format!("{:?}", span.state), label.to_owned()].map(Json::text);
        Json::List(vec![Json::whole(row as u64), micros(span.from), micros(span.to), state, label])
    };
    Json::List(events.map(event).collect())
}

/// The figures beside a strip, each with its name; a dash is not known.
fn figures(trace: &Trace) -> [(&'static str, String); 6] {
    let wall = trace.wall.as_secs_f64().max(1e-9);
    [
        ("wall", in_words(trace.wall)),
        ("CPU", in_words(trace.usage.cpu)),
        ("CPU / wall", format!("{:.2}", trace.usage.cpu.as_secs_f64() / wall)),
        ("work / wall", format!("{:.2}", trace.work.as_secs_f64() / wall)),
        ("context switches", grouped(trace.usage.voluntary + trace.usage.involuntary)),
        ("timers late", known(trace.late, in_words)),
    ]
}

/// The height of a strip: its heading, and its lanes or figures.
fn height_of(strip: &Trace) -> f64 {
    real(2 + strip.rows.len().max(figures(strip).len())) * LANE
}

/// A small count as a length.
fn real(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// A picture that is being drawn.
struct Drawing {
    /// What was drawn.
    picture: Picture,
    /// The time in milliseconds.
    axis: BarAxis,
}

impl Drawing {
    /// Draws lines.
    fn path(&mut self, class: &str, lines: Arguments<'_>) {
        self.picture.element(format_args!("<path d=\"{lines}\" class=\"{class}\"/>"));
    }

    /// Writes into a part of a lane what it is if there is room: `factorial 1`, `fac 1` or `1`.
    fn words(&mut self, [x, end, top]: [f64; 3], words: &str) {
        let last = words.rsplit(' ').next().unwrap_or(words);
        let fits = |words: &&str| end - x > 6.2 * real(words.chars().count()) + 4.0;
        if let Some(words) = [words, &*format!("{words:.3} {last}"), last].into_iter().find(fits) {
            self.picture.text([f64::midpoint(x, end), top + LANE - 3.5], "middle", words);
        }
    }

    /// The place of an instant.
    fn x(&self, at: Duration) -> f64 {
        self.axis.place(at.as_secs_f64() * 1e3)
    }

    /// Draws a strip: its heading, its lanes, and its figures.
    fn strip(&mut self, number: usize, strip: &Trace, top: f64) {
        let (top, height) = (top + 2.0 * LANE, height_of(strip) - 2.0 * LANE);
        self.picture.element(format_args!(
            "<g data-strip=\"{number}\" data-top=\"{top}\" data-height=\"{height}\">"
        ));
        self.picture.text([12.0, top - 6.0], "start", strip.title);
        for (number, row) in strip.rows.iter().enumerate() {
            self.row(row, top + LANE * real(number));
        }
        self.arrows(strip, top + LANE / 2.0);
        for (line, (name, figure)) in figures(strip).iter().enumerate() {
            let place = [LEFT + PLOT + 10.0, top + 11.0 + LANE * real(line)];
            self.picture.text(place, "start", &format!("{name} {figure}"));
        }
        self.picture.element(format_args!("</g>"));
    }

    /// Draws a lane: each state as lines of its own hatching, and words where there is room.
    fn row(&mut self, row: &Row, top: f64) {
        let middle = top + LANE / 2.0;
        let end = row.spans.last().map_or(LEFT, |last| self.x(last.to));
        self.picture.element(format_args!("<g>"));
        self.path("base", format_args!("M{LEFT:.1} {middle:.1}H{end:.1}"));
        self.picture.text([12.0, top + LANE - 3.5], "start", &row.name);
        // What runs is drawn last, so that no other state covers a thin poll.
        for state in [Parked, Lock, Blocked, Ready, Running] {
            let (mut lines, mut drawn) = (String::new(), f64::NEG_INFINITY);
            for span in row.spans.iter().filter(|span| span.state == state) {
                let [from, to] = [span.from, span.to].map(|at| self.x(at));
                // LANE-2
                if to - drawn >= 1.0 {
                    drawn = to.max(from + 1.0);
                    lines.extend([format!("M{from:.1} {middle:.1}H{drawn:.1}")]);
                }
            }
            if !lines.is_empty() {
                self.path(&format!("state {state:?}"), format_args!("{lines}"));
            }
        }
        let is_polled = row.lane.task.is_some() || row.name == "event loop";
        for span in &row.spans {
            let took = span.to.saturating_sub(span.from);
            let place @ [x, end, _] = [self.x(span.from), self.x(span.to), top];
            match span.state {
                Parked | Idle => {}
                Running if is_polled && took > SLOW => {
                    let top = top + 1.5;
                    self.path("slow", format_args!("M{x:.1} {top:.1}H{end:.1}v12H{x:.1}z"));
                    self.words(place, &format!("{}\u{a0}ms", took.as_millis()));
                }
                _ if span.label != row.job() => self.words(place, &span.label),
                other => self.words(place, &format!("{other:?}").to_lowercase()),
            }
        }
        self.picture.element(format_args!("</g>"));
    }

    /// Draws the arrows between lanes; of those that lie upon each other, the first (`LANE-2`).
    fn arrows(&mut self, trace: &Trace, top: f64) {
        let mut drawn = HashMap::new();
        for &(what, (from, sent), (to, came)) in &trace.arrows {
            let [x1, x2] = [sent, came].map(|at| self.x(at));
            let last = drawn.entry((from, to)).or_insert(f64::NEG_INFINITY);
            if from != to && x2 - *last >= 2.0 {
                *last = x2;
                let [y1, y2] = [from, to].map(|row| top + LANE * real(row));
                let y2 = if y2 > y1 { y2 - 5.0 } else { y2 + 5.0 };
                let class = if what == Ready { "wake" } else { "sent" };
                self.path(class, format_args!("M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}"));
            }
        }
    }
}
