//! Traces as JSON in the Trace Event format, which Perfetto and `chrome://tracing` open.
//!
//! A process, thread or task is a track; its states are slices, which follow each other. A wake is a flow from a slice on
//! the waker's track to the poll. How many tasks are ready is a counter.
//!
//! **Source**: "Trace Event Format", Google, 2016.

use std::time::Duration;

use super::recorder::State;
use super::trace::Trace;
use crate::json::Json;

/// Writes traces, each with a name and as a process, all from the same zero.
pub fn trace_json<'a>(traces: impl IntoIterator<Item = (&'a str, &'a Trace)>) -> Json {
    let (mut events, mut dropped) = (Vec::new(), 0);
    for (process, (name, trace)) in (1..).zip(traces) {
        dropped += trace.dropped;
        // Phase, number of the track, time, name, and what is more.
        let put = |phase: &str, track: usize, at: Duration, name: &str, more: Members<'_>| {
            let members = vec![
                ("ph", Json::text(phase)),
                ("name", Json::text(name)),
                ("pid", Json::whole(process)),
                ("tid", Json::whole(track as u64)),
                ("ts", micros(at)),
            ];
            events.push(Json::object(members.into_iter().chain(more)));
        };
        append(put, process, name, trace);
    }
    Json::object([
        ("traceEvents", Json::List(events)),
        ("displayTimeUnit", Json::text("ms")),
        ("otherData", Json::object([("dropped events", Json::whole(dropped))])),
    ])
}

/// The members of an event that not every event has.
type Members<'a> = Vec<(&'a str, Json)>;

/// Writes the events of a trace.
fn append(
    mut put: impl FnMut(&str, usize, Duration, &str, Members<'_>),
    process: u64,
    name: &str,
    trace: &Trace,
) {
    let mut about =
        |what, track, name, value| put("M", track, Duration::ZERO, what, args(name, value));
    about("process_name", 0, "name", Json::text(name));
    about("process_sort_index", 0, "sort_index", Json::whole(process));
    for (track, row) in (1..).zip(&trace.rows) {
        about("thread_name", track, "name", Json::text(row.title()));
        about("thread_sort_index", track, "sort_index", Json::whole(track as u64));
    }
    let mut ready: Vec<(Duration, bool)> = Vec::new();
    for (track, row) in (1..).zip(&trace.rows) {
        for span in row.spans.iter().filter(|span| span.state != State::Idle) {
            let state = span.state.name();
            let job = if span.label.is_empty() { row.job() } else { &span.label };
            let name = if span.state == State::Running { job } else { &state };
            let argument = if span.state == State::Parked { "waits" } else { "job" };
            let mut more = args(argument, Json::text(job));
            more.extend([("dur", micros(span.took())), ("cat", Json::text(&*state))]);
            put("X", track, span.from, name, more);
            if row.lane.task.is_some() && span.state == State::Ready {
                ready.extend([(span.from, true), (span.to, false)]);
            }
        }
    }
    ready.sort_unstable();
    let mut count = 0_u64;
    for (at, comes) in ready {
        count = if comes { count + 1 } else { count.saturating_sub(1) };
        put("C", 0, at, "ready tasks", args("ready", Json::whole(count)));
    }
    for (number, arrow) in (0..).zip(&trace.arrows) {
        let name = if arrow.is_wake { "wake" } else { "message" };
        for (phase, (row, at)) in [("s", arrow.from), ("f", arrow.to)] {
            let id = Json::whole(process << 32 | number);
            // "e" binds the flow to the slice that encloses the instant: the poll that follows the wake.
            let more = vec![("id", id), ("cat", Json::text("flow")), ("bp", Json::text("e"))];
            put(phase, row + 1, at, name, more);
        }
    }
}

/// The arguments of an event that has one.
fn args(name: &str, value: Json) -> Members<'static> {
    vec![("args", Json::object([(name, value)]))]
}

/// A span in microseconds, exact to the nanosecond.
fn micros(span: Duration) -> Json {
    Json::real(span.as_secs_f64() * 1e6)
}
