//! The strips as a picture, all ways under each other on one time axis, and a page that walks through it event by event.
//!
//! **Invariants**
//! - `LANE-1` The picture stands alone: no script, nothing from the network. It can be read on light and on dark paper,
//!   and without colours: each state has its own hatching.
//! - `LANE-2` What is narrower than a fraction of a pixel is drawn once for each such fraction, so the size of the
//!   picture is bounded by its width and not by the number of events.
//! - `PAGE-T1` The page is one file that asks for nothing from the network. Without scripts it shows the whole picture.

use std::collections::HashMap;
use std::fmt::{Arguments, Write as _};
use std::time::Duration;

use super::recorder::State::{Blocked, Idle, Lock, Parked, Ready, Running};
use super::trace::{Row, Span, Trace};
use super::ways::Strip;
use crate::json::Json;
use crate::report::{Page, columns, escaped, span as in_words};

/// Style, hatchings and legend.
const HEAD: &str = include_str!("picture.head.svg");
/// The text below the picture.
const TEXT: &str = include_str!("page.html");
/// What the page does with a pointer and keys.
const SCRIPT: &str = include_str!("page.js");
/// The most events of a strip that can be walked through: the page stays small.
const MOST_EVENTS: usize = 10_000;
/// The width of the picture, in its own units.
const WIDTH: f64 = 1180.0;
/// Where the time axis begins; the names of the lanes stand before it.
const LEFT: f64 = 150.0;
/// How long the time axis is; the figures stand behind it.
const PLOT: f64 = 850.0;
/// The height above the strips: title, legend and axis.
const TOP: f64 = 84.0;
/// The height of a strip's heading.
const HEADING: f64 = 24.0;
/// The height of a lane.
const LANE: f64 = 15.0;
/// The height of the lane of a strip that has only this.
const TALL_LANE: f64 = 46.0;
/// The least height of a strip's lanes: the figures need it.
const LEAST: f64 = 76.0;
/// Spans of a state that begin so near to each other are drawn once (`LANE-2`).
const NEAR: f64 = 0.4;
/// A narrower span is a line.
const THIN: f64 = 1.5;
/// A poll that takes longer is outlined.
const SLOW_POLL: Duration = Duration::from_millis(20);
/// A timer that is later is shown.
const LATE: Duration = Duration::from_millis(5);

/// Draws the strips.
pub fn picture(title: &str, strips: &[Strip]) -> String {
    let longest = strips.iter().map(|strip| strip.trace.wall).max().unwrap_or_default();
    let height = TOP + strips.iter().map(|strip| HEADING + height_of(strip)).sum::<f64>() + 24.0;
    let mut picture =
        Picture { svg: String::new(), longest: longest.max(Duration::from_micros(1)) };
    let described = |strip: &Strip| {
        let (lanes, figures) = (strip.trace.rows.len(), facts(strip).join(", "));
        format!("{}. {lanes} lanes, {figures}.\n", strip.title)
    };
    let [name, words] = [title, &strips.iter().map(described).collect::<String>()].map(escaped);
    picture.put(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"timeline\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\"><title>{name}</title>\n<desc>{words}</desc>\n{HEAD}"
    ));
    picture.text([12.0, 24.0], "title", title);
    picture.axis(height);
    let mut top = TOP + HEADING;
    for (number, strip) in strips.iter().enumerate() {
        picture.strip(number, strip, top);
        top += height_of(strip) + HEADING;
    }
    picture.put(format_args!("<g id=\"cursor\"></g></svg>\n"));
    picture.svg
}

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
        let is_event = |span: &&Span| span.state != Idle || span.from > Duration::ZERO;
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

/// The figures beside a strip, each with its name.
fn figures(strip: &Strip) -> [(&'static str, String); 5] {
    let (usage, wall) = (strip.usage, strip.trace.wall.as_secs_f64().max(1e-9));
    [
        ("wall", in_words(strip.trace.wall)),
        ("CPU", in_words(usage.cpu)),
        ("CPU / wall", format!("{:.2}", usage.cpu.as_secs_f64() / wall)),
        ("work / wall", format!("{:.2}", strip.work.as_secs_f64() / wall)),
        ("context switches", (usage.voluntary + usage.involuntary).to_string()),
    ]
}

/// The same in words, and the latest timer.
fn facts(strip: &Strip) -> Vec<String> {
    let figures = figures(strip).map(|(name, figure)| format!("{name} {figure}"));
    let latest = strip.trace.late.iter().map(|(_, due, fired)| fired.saturating_sub(*due)).max();
    let latest = latest.map(|late| format!("timers up to {} late", in_words(late)));
    figures.into_iter().chain(latest).collect()
}

/// The height of a strip's lanes.
fn height_of(strip: &Strip) -> f64 {
    (real(strip.trace.rows.len()) * LANE).max(LEAST)
}

/// A small count as a length.
fn real(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// A picture that is being drawn.
struct Picture {
    /// What was drawn.
    svg: String,
    /// How long the axis is.
    longest: Duration,
}

impl Picture {
    /// Writes a piece.
    fn put(&mut self, piece: Arguments<'_>) {
        self.svg.write_fmt(piece).expect("holds because a String takes all");
    }

    /// Writes text at a place.
    fn text(&mut self, [x, y]: [f64; 2], class: &str, words: &str) {
        let words = escaped(words);
        self.put(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{words}</text>\n"
        ));
    }

    /// Draws lines.
    fn path(&mut self, class: &str, lines: Arguments<'_>) {
        self.put(format_args!("<path d=\"{lines}\" class=\"{class}\"/>\n"));
    }

    /// The place of an instant.
    fn x(&self, at: Duration) -> f64 {
        LEFT + PLOT * at.as_secs_f64() / self.longest.as_secs_f64()
    }

    /// Draws the time axis, with a line at each 1, 2 or 5 times a power of ten milliseconds.
    fn axis(&mut self, height: f64) {
        let mut steps = (0..8).flat_map(|power| [1, 2, 5].map(|times| times * 10_u64.pow(power)));
        let fits = |ms: &u64| Duration::from_millis(*ms) * 14 > self.longest;
        let step = steps.find(fits).unwrap_or(u64::from(u32::MAX));
        let (mut ms, above, below) = (0, TOP - 10.0, height - 20.0);
        while Duration::from_millis(ms) <= self.longest {
            let x = self.x(Duration::from_millis(ms));
            self.path("grid", format_args!("M{x:.1} {above}V{below}"));
            for y in [TOP - 14.0, height - 8.0] {
                self.text([x - 3.0, y], "faint", &format!("{ms} ms"));
            }
            ms += step;
        }
    }

    /// Draws a strip whose lanes begin at `top`.
    fn strip(&mut self, number: usize, strip: &Strip, top: f64) {
        let (trace, height) = (&strip.trace, height_of(strip));
        let lane = (TALL_LANE / real(trace.rows.len())).max(LANE);
        self.put(format_args!(
            "<g data-strip=\"{number}\" data-top=\"{top}\" data-height=\"{height}\">\n"
        ));
        self.text([12.0, top - 7.0], "head", strip.title);
        for (number, row) in trace.rows.iter().enumerate() {
            // A loop or a task, which runs only while it is polled.
            let is_polled =
                |other: &Row| other.lane.task.is_some_and(|_| other.lane.thread == row.lane.thread);
            self.row(row, trace.rows.iter().any(is_polled), [top + lane * real(number), lane]);
        }
        self.arrows(trace, top + lane / 2.0, lane);
        self.lateness(trace, top, lane);
        for (line, words) in facts(strip).iter().enumerate() {
            let class = if line == 0 { "head" } else { "" };
            self.text([LEFT + PLOT + 10.0, top + 11.0 + 13.0 * real(line)], class, words);
        }
        self.put(format_args!("</g>\n"));
    }

    /// Draws a lane.
    fn row(&mut self, row: &Row, is_polled: bool, [top, height]: [f64; 2]) {
        let (middle, job) = (top + height / 2.0, row.job());
        self.put(format_args!("<g data-job=\"{}\">", escaped(job)));
        let end = row.spans.last().map_or(LEFT, |last| self.x(last.to));
        self.path("base", format_args!("M{LEFT:.1} {middle:.1}H{end:.1}"));
        self.text([12.0, middle + 4.0], "", &row.title().chars().take(26).collect::<String>());
        // What runs is drawn last, so that no other state covers a thin poll.
        for state in [Parked, Lock, Blocked, Ready, Running] {
            let (mut thin, mut drawn) = (String::new(), f64::NEG_INFINITY);
            for span in row.spans.iter().filter(|span| span.state == state) {
                let [from, to] = [span.from, span.to].map(|at| self.x(at));
                if to - drawn < NEAR {
                    continue;
                }
                drawn = to;
                if to - from < THIN {
                    let line = format!("M{from:.1} {:.1}v{:.1}", top + 1.5, height - 3.0);
                    thin.push_str(&line);
                } else {
                    self.span(span, job, is_polled, [from, to - from, top, height]);
                }
            }
            if !thin.is_empty() {
                self.path(&format!("thin thin-{state:?} ink-{state:?}"), format_args!("{thin}"));
            }
        }
        self.put(format_args!("</g>\n"));
    }

    /// Draws a span of a lane that is there for a job, with words if there is room.
    fn span(&mut self, span: &Span, own: &str, is_polled: bool, [x, width, top, height]: [f64; 4]) {
        let (state, took) = (span.state, span.took());
        let is_parked = state == Parked;
        let job = if is_parked || span.label.is_empty() { own } else { &span.label };
        let inset = if is_parked { 4.5 } else { 1.5 };
        let (y, tall) = (top + inset, height - 2.0 * inset);
        let place = format!("x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{tall:.1}\"");
        let paint = match state {
            Running => "class=\"Running\"".to_owned(),
            _ => format!("fill=\"url(#{state:?})\""),
        };
        let [job_name, label] = [job, &span.label].map(escaped);
        let (long, began) = (in_words(took), in_words(span.from));
        self.put(format_args!(
            "<rect {place} {paint} data-job=\"{job_name}\"><title>{state:?} {label}, {long} from {began}</title></rect>\n"
        ));
        let is_slow = is_polled && state == Running && took >= SLOW_POLL;
        if is_slow {
            self.put(format_args!("<rect {place} class=\"slow\"/>\n"));
        }
        let words = match state {
            _ if is_slow => format!("{} ms", took.as_millis()),
            _ if job != own => job.to_owned(),
            Running => "computes".to_owned(),
            _ => state.name(),
        };
        let room = 6.2 * real(words.len()) + 4.0;
        if width > room && !is_parked {
            self.text([x + (width - room) / 2.0 + 2.0, top + height / 2.0 + 4.0], "in", &words);
        }
    }

    /// Draws the arrows between lanes; of those that lie upon each other, the first (`LANE-2`).
    fn arrows(&mut self, trace: &Trace, top: f64, lane: f64) {
        let mut drawn = HashMap::new();
        for arrow in &trace.arrows {
            let ((from, sent), (to, came)) = (arrow.from, arrow.to);
            let [x1, x2] = [sent, came].map(|at| self.x(at));
            if from == to || drawn.get(&(from, to)).is_some_and(|last| x2 - last < 2.0) {
                continue;
            }
            drawn.insert((from, to), x2);
            let [y1, y2] = [from, to].map(|row| top + lane * real(row));
            let y2 = if y2 > y1 { y2 - 5.0 } else { y2 + 5.0 };
            let class = if arrow.is_wake { "wake" } else { "sent" };
            self.path(class, format_args!("M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}"));
        }
    }

    /// Draws how late timers fired; with words where they have room.
    fn lateness(&mut self, trace: &Trace, top: f64, lane: f64) {
        let mut free = 0.0;
        let is_late = |(_, due, fired): &&(usize, Duration, Duration)| *fired > *due + LATE;
        for (row, due, fired) in trace.late.iter().filter(is_late) {
            let ([x1, x2], y) =
                ([*due, *fired].map(|at| self.x(at)), top + lane * real(*row) + 1.0);
            let (tall, width) = (lane - 2.0, x2 - x1);
            self.path("late", format_args!("M{x1:.1} {y:.1}h{width:.1}v{tall:.1}h-{width:.1}z"));
            if x2 >= free {
                let words = format!("{} ms late", fired.saturating_sub(*due).as_millis());
                self.text([x2 + 4.0, y + lane / 2.0 + 3.0], "in", &words);
                free = x2 + 70.0;
            }
        }
    }
}
