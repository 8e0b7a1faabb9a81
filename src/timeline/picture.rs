//! The strips as a picture: all ways under each other on one time axis.
//!
//! **Invariants**
//! - `LANE-1` The picture stands alone: no script, nothing from the network. It can be read on light and on dark paper,
//!   and without colours: each state has its own hatching.
//! - `LANE-2` What is narrower than a fraction of a pixel is drawn once for each such fraction, so the size of the
//!   picture is bounded by its width and not by the number of events.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::event::{LaneKind, State};
use super::trace::{Row, Span, Trace};
use super::ways::Strip;
use crate::report::{escaped, span as in_words};

/// Style, hatchings and legend.
const HEAD: &str = include_str!("picture.head.svg");
/// The width of the picture, in its own units.
const WIDTH: f64 = 1180.0;
/// Where the time axis begins; the names of the lanes stand before it.
pub(super) const LEFT: f64 = 150.0;
/// How long the time axis is; the figures stand behind it.
pub(super) const PLOT: f64 = 850.0;
/// The height above the strips: title, legend and axis.
const TOP: f64 = 84.0;
/// The height of a strip's heading.
const HEADING: f64 = 24.0;
/// The height of a lane.
const LANE: f64 = 15.0;
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

/// A picture that is being drawn.
struct Picture {
    /// What was drawn.
    svg: String,
    /// How long the axis is.
    longest: Duration,
}

/// Draws the strips.
pub fn picture(title: &str, strips: &[Strip]) -> String {
    let longest = strips.iter().map(|strip| strip.trace.wall()).max().unwrap_or_default();
    let mut picture =
        Picture { svg: String::new(), longest: longest.max(Duration::from_micros(1)) };
    let height_of = |strip: &Strip| HEADING + height_of(&strip.trace);
    let height = TOP + strips.iter().map(height_of).sum::<f64>() + 24.0;
    picture.put(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"timeline\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\"><title>{}</title>\n{HEAD}",
        escaped(title)
    ));
    picture.text([12.0, 24.0], "title", title);
    picture.axis(height);
    let mut top = TOP;
    for (number, strip) in strips.iter().enumerate() {
        picture.strip(number, strip, top);
        top += height_of(strip);
    }
    picture.svg.push_str("<g id=\"cursor\"></g></svg>\n");
    picture.svg
}

/// The rows in the order of the picture: a loop, its tasks, and the threads beside it.
fn order(trace: &Trace) -> Vec<usize> {
    let has_loop = trace.rows.iter().any(|row| row.lane.kind == LaneKind::Loop);
    let mut order: Vec<_> = (0..trace.rows.len()).collect();
    order.sort_by_key(|&at| match trace.rows[at].lane.kind {
        LaneKind::Task => (1, trace.rows[at].task.map_or(0, |(_, number)| number)),
        LaneKind::Thread if has_loop => (2, 0),
        _ => (0, 0),
    });
    order
}

/// The height of a strip's lanes.
fn height_of(trace: &Trace) -> f64 {
    (real(trace.rows.len()) * LANE).max(LEAST)
}

/// A small count as a length.
fn real(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

impl Picture {
    /// Writes a piece.
    fn put(&mut self, piece: std::fmt::Arguments<'_>) {
        self.svg.write_fmt(piece).expect("holds because a String takes all");
    }

    /// Writes text at a place.
    fn text(&mut self, [x, y]: [f64; 2], class: &str, words: &str) {
        let words = escaped(words);
        self.put(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{words}</text>\n"
        ));
    }

    /// The place of an instant after a strip's beginning.
    fn x(&self, after: Duration) -> f64 {
        LEFT + PLOT * after.as_secs_f64() / self.longest.as_secs_f64()
    }

    /// Draws the time axis, with a line at each 1, 2 or 5 times a power of ten milliseconds.
    fn axis(&mut self, height: f64) {
        let powers = (0..8).map(|power| 10_u64.pow(power));
        let mut steps = powers.flat_map(|power| [1, 2, 5].map(|times| times * power));
        let fits = |ms: &u64| Duration::from_millis(*ms) * 14 > self.longest;
        let step = steps.find(fits).unwrap_or(u64::from(u32::MAX));
        let ends = self.longest;
        for at in
            (0..).map(|number| Duration::from_millis(step * number)).take_while(|at| *at <= ends)
        {
            let (x, above, below) = (self.x(at), TOP - 10.0, height - 20.0);
            self.put(format_args!("<path d=\"M{x:.1} {above}V{below}\" class=\"grid\"/>\n"));
            for y in [TOP - 14.0, height - 8.0] {
                self.text([x - 3.0, y], "faint", &format!("{} ms", at.as_millis()));
            }
        }
    }

    /// Draws a strip whose heading begins at `top`.
    fn strip(&mut self, number: usize, strip: &Strip, top: f64) {
        let trace = &strip.trace;
        let (lanes, height) = (top + HEADING, height_of(trace));
        let order = order(trace);
        let lane = if order.len() < 3 { height / real(order.len().max(1)) } else { LANE };
        let mut tops = vec![lanes; order.len()];
        for (place, &row) in order.iter().enumerate() {
            tops[row] = lanes + lane * real(place);
        }
        self.put(format_args!(
            "<g data-strip=\"{number}\" data-top=\"{lanes}\" data-height=\"{height}\">\n"
        ));
        self.text([12.0, top + 17.0], "head", strip.way.title());
        for (row, &top) in trace.rows.iter().zip(&tops) {
            self.row(trace, row, [top, lane.min(46.0)]);
        }
        self.arrows(trace, &tops, lane);
        self.lateness(trace, &tops, lane);
        let mut figures = figures(strip);
        let lateness = trace.late.iter().map(|(_, due, fired)| fired.saturating_sub(*due));
        figures
            .extend(lateness.max().map(|worst| format!("timers up to {} late", in_words(worst))));
        for (line, words) in figures.iter().enumerate() {
            let class = if line == 0 { "head" } else { "" };
            self.text([LEFT + PLOT + 10.0, lanes + 11.0 + 13.0 * real(line)], class, words);
        }
        self.svg.push_str("</g>\n");
    }

    /// Draws a lane.
    fn row(&mut self, trace: &Trace, row: &Row, [top, height]: [f64; 2]) {
        let middle = top + height / 2.0;
        let (kind, name) = (format!("{:?}", row.lane.kind).to_lowercase(), &row.lane.name);
        let words = match row.lane.kind {
            LaneKind::Task | LaneKind::Process if *name != "block_on" => format!("{kind}: {name}"),
            LaneKind::Thread if !name.contains("thread") => format!("{kind}: {name}"),
            _ => name.clone(),
        };
        let (x1, x2) = (self.x(Duration::ZERO), self.x(trace.wall()));
        self.put(format_args!(
            "<g data-job=\"{}\"><path d=\"M{x1:.1} {middle:.1}H{x2:.1}\" class=\"base\"/>\n",
            escaped(name)
        ));
        self.text([12.0, middle + 4.0], "", &words.chars().take(26).collect::<String>());
        // What runs is drawn last, so that no other state covers a thin poll.
        for state in State::ALL.into_iter().rev().filter(|state| *state != State::Idle) {
            let (mut thin, mut drawn) = (String::new(), f64::NEG_INFINITY);
            for span in row.spans.iter().filter(|span| span.state == state) {
                let [from, to] =
                    [span.from, span.to].map(|at| self.x(at.saturating_sub(trace.from)));
                if to - drawn < NEAR {
                    continue;
                }
                drawn = to;
                if to - from < THIN {
                    let tall = height - 3.0;
                    let line = format!("M{from:.1} {:.1}v{tall:.1}", top + 1.5);
                    thin.push_str(&line);
                } else {
                    self.span(trace, row, span, [from, to - from], [top, height]);
                }
            }
            if !thin.is_empty() {
                self.put(format_args!(
                    "<path d=\"{thin}\" class=\"thin thin-{state:?} ink-{state:?}\"/>\n"
                ));
            }
        }
        self.svg.push_str("</g>\n");
    }

    /// Draws a span, with its name if there is room.
    fn span(
        &mut self,
        trace: &Trace,
        row: &Row,
        span: &Span,
        [x, width]: [f64; 2],
        [top, height]: [f64; 2],
    ) {
        let Span { state, from, to, job, detail } = span;
        let took = to.saturating_sub(*from);
        let after = in_words(from.saturating_sub(trace.from));
        let is_own = job.is_empty() || *job == row.lane.name;
        let (of, mark) = match escaped(job) {
            _ if is_own => Default::default(),
            job => (format!("{job}, "), format!(" data-job=\"{job}\"")),
        };
        let tip = format!("{of}{state:?} {} {} from {after}", escaped(detail), in_words(took));
        let is_parked = *state == State::Parked;
        let inset = if is_parked { 4.5 } else { 1.5 };
        let (y, tall) = (top + inset, height - 2.0 * inset);
        let paint = match state {
            State::Running => "class=\"Running\"".to_owned(),
            _ => format!("fill=\"url(#{state:?})\""),
        };
        self.put(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{tall:.1}\" {paint}{mark}>\
             <title>{tip}</title></rect>\n"
        ));
        let is_poll = matches!(row.lane.kind, LaneKind::Loop | LaneKind::Task);
        let is_slow = is_poll && *state == State::Running && took >= SLOW_POLL;
        if is_slow {
            self.put(format_args!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{tall:.1}\" class=\"slow\"/>\n"
            ));
        }
        let words = match state {
            _ if is_slow => format!("{} ms", took.as_millis()),
            _ if !is_own => job.clone(),
            State::Running => "computes".to_owned(),
            _ => state.name().split([' ', ',', ':']).next().unwrap_or_default().to_owned(),
        };
        let room = 6.2 * real(words.len()) + 4.0;
        if width > room && !is_parked {
            self.text([x + (width - room) / 2.0 + 2.0, top + height / 2.0 + 4.0], "in", &words);
        }
    }

    /// Draws the arrows between lanes; of those that lie upon each other, the first (`LANE-2`).
    fn arrows(&mut self, trace: &Trace, tops: &[f64], lane: f64) {
        let mut drawn = HashMap::new();
        for arrow in &trace.arrows {
            let ((from, sent), (to, came)) = (arrow.from, arrow.to);
            let [x1, x2] = [sent, came].map(|at| self.x(at.saturating_sub(trace.from)));
            if from == to || drawn.get(&(from, to)).is_some_and(|last| x2 - last < 2.0) {
                continue;
            }
            drawn.insert((from, to), x2);
            let (y1, y2) = (tops[from] + lane / 2.0, tops[to] + lane / 2.0);
            let y2 = if y2 > y1 { y2 - 5.0 } else { y2 + 5.0 };
            let class = if arrow.is_wake { "wake" } else { "sent" };
            self.put(format_args!(
                "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" class=\"{class}\" marker-end=\"url(#{class})\"/>\n"
            ));
        }
    }

    /// Draws how late timers fired; with words where they have room.
    fn lateness(&mut self, trace: &Trace, tops: &[f64], lane: f64) {
        let mut free = 0.0;
        for &(row, due, fired) in &trace.late {
            let by = fired.saturating_sub(due);
            if by < LATE {
                continue;
            }
            let [x1, x2] = [due, fired].map(|at| self.x(at.saturating_sub(trace.from)));
            let (y, tall, width) = (tops[row] + 1.0, lane - 2.0, x2 - x1);
            self.put(format_args!(
                "<path d=\"M{x1:.1} {y:.1}h{width:.1}v{tall:.1}h-{width:.1}z\" class=\"late\"/>\n"
            ));
            if x2 >= free {
                let words = format!("{} ms late", by.as_millis());
                self.text([x2 + 4.0, tops[row] + lane / 2.0 + 4.0], "in", &words);
                free = x2 + 70.0;
            }
        }
    }
}

/// The figures beside a strip.
pub(super) fn figures(strip: &Strip) -> Vec<String> {
    let (trace, wall) = (&strip.trace, strip.trace.wall().as_secs_f64().max(1e-9));
    vec![
        format!("wall {}", in_words(trace.wall())),
        format!("CPU {}", in_words(trace.cpu)),
        format!("CPU / wall {:.2}", trace.cpu.as_secs_f64() / wall),
        format!("work / wall {:.2}", strip.work.as_secs_f64() / wall),
        format!("{} context switches", trace.switches),
    ]
}
