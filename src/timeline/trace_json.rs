//! Traces as JSON in the Trace Event format, which Perfetto and `chrome://tracing` open.
//!
//! A process, thread or task is a track; its states are slices, which follow each other or nest. A wake is a flow from a
//! short slice on the waker's track to the poll. How many tasks are ready is a counter.
//!
//! **Source**: "Trace Event Format", Google, 2016.

use std::time::Duration;

use super::event::{LaneKind, State};
use super::trace::{Arrow, Span, Trace};
use super::ways::Strip;
use crate::json::Json;

/// The events of one trace, as a process with this number and name.
fn append(events: &mut Vec<Json>, pid: u64, name: &str, trace: &Trace) {
    events.push(about(pid, 0, "process_name", "name", Json::text(name)));
    events.push(about(pid, 0, "process_sort_index", "sort_index", Json::whole(pid)));
    let mut ready: Vec<(Duration, bool)> = Vec::new();
    for (tid, row) in (1..).zip(&trace.rows) {
        let kind = format!("{:?} ", row.lane.kind).to_lowercase();
        let kind = if row.lane.name.contains(kind.trim()) { String::new() } else { kind };
        let name = Json::text(kind + &row.lane.name);
        events.push(about(pid, tid, "thread_name", "name", name));
        events.push(about(pid, tid, "thread_sort_index", "sort_index", Json::whole(tid)));
        for span in row.spans.iter().filter(|span| span.state != State::Idle) {
            events.push(slice(trace, pid, tid, span));
            if row.lane.kind == LaneKind::Task && span.state == State::Ready {
                ready.extend([(span.from, true), (span.to, false)]);
            }
        }
    }
    ready.sort_unstable();
    let mut count = 0_u64;
    for (when, comes) in ready {
        count = if comes { count + 1 } else { count.saturating_sub(1) };
        let mut counter = at(trace, "C", pid, 0, when, "ready tasks");
        counter.push(("args", Json::object([("ready", Json::whole(count))])));
        events.push(Json::object(counter));
    }
    for (number, arrow) in (0..).zip(&trace.arrows) {
        events.extend(flow(trace, pid, number, arrow));
    }
}

/// A name or a place of a process or a track.
fn about(pid: u64, tid: u64, what: &str, member: &str, value: Json) -> Json {
    Json::object([
        ("ph", Json::text("M")),
        ("name", Json::text(what)),
        ("pid", Json::whole(pid)),
        ("tid", Json::whole(tid)),
        ("args", Json::object([(member, value)])),
    ])
}

/// A state as a slice.
fn slice(trace: &Trace, pid: u64, tid: u64, span: &Span) -> Json {
    let is_run = span.state == State::Running && !span.job.is_empty();
    let name = if is_run { &*span.job } else { span.state.name() };
    let args = [("job", Json::text(&*span.job)), ("waits", Json::text(&*span.detail))];
    let args = args.into_iter().filter(|(_, text)| text.as_text() != Some(""));
    let mut slice = at(trace, "X", pid, tid, span.from, name);
    slice.push(("dur", micros(span.to.saturating_sub(span.from))));
    slice.push(("cat", Json::text(span.state.name())));
    slice.push(("args", Json::object(args)));
    Json::object(slice)
}

/// The two ends of an arrow.
fn flow(trace: &Trace, pid: u64, number: u64, arrow: &Arrow) -> [Json; 2] {
    let name = if arrow.is_wake { "wake" } else { "message" };
    // "e" binds the flow to the slice that encloses the instant: the poll that follows the wake.
    [("s", arrow.from), ("f", arrow.to)].map(|(phase, (row, when))| {
        let tid = 1 + u64::try_from(row).unwrap_or(0);
        let mut flow = at(trace, phase, pid, tid, when, name);
        let id = Json::whole(pid << 32 | number);
        flow.extend([("id", id), ("cat", Json::text("flow")), ("bp", Json::text("e"))]);
        Json::object(flow)
    })
}

/// The members that every event has.
fn at(
    trace: &Trace,
    phase: &str,
    pid: u64,
    tid: u64,
    when: Duration,
    name: &str,
) -> Vec<(&'static str, Json)> {
    vec![
        ("ph", Json::text(phase)),
        ("name", Json::text(name)),
        ("pid", Json::whole(pid)),
        ("tid", Json::whole(tid)),
        ("ts", micros(when.saturating_sub(trace.from))),
    ]
}

/// A span in microseconds, exact to the nanosecond.
fn micros(span: Duration) -> Json {
    Json::real(span.as_secs_f64() * 1e6)
}

/// The file.
fn file(events: Vec<Json>, dropped: u64) -> Json {
    Json::object([
        ("traceEvents", Json::List(events)),
        ("displayTimeUnit", Json::text("ms")),
        ("otherData", Json::object([("dropped events", Json::whole(dropped))])),
    ])
}

/// Writes one trace.
pub fn trace_json(name: &str, trace: &Trace) -> Json {
    let mut events = Vec::new();
    append(&mut events, 1, name, trace);
    file(events, trace.dropped)
}

/// Writes all strips, each as a process, all from the same zero.
pub fn traces_json(strips: &[Strip]) -> Json {
    let mut events = Vec::new();
    for (pid, strip) in (1..).zip(strips) {
        append(&mut events, pid, strip.way.title(), &strip.trace);
    }
    file(events, strips.iter().map(|strip| strip.trace.dropped).sum())
}
