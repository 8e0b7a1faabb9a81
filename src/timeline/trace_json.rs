//! Traces as JSON in the Trace Event format, which Perfetto and `chrome://tracing` open.
//!
//! A process, thread or task is a track; its states are slices, which follow each other. A wake is a flow from a slice on
//! the waker's track to the poll. How many tasks are ready is a counter. Each event is a line.
//!
//! **Source**: "Trace Event Format", Google, 2016.

use std::collections::HashSet;
use std::iter;
use std::time::Duration;

use super::recorder::What;
use super::trace::Trace;
use crate::json::Json;

/// Writes traces, each as a process, all from the same zero.
pub fn trace_json(traces: &[Trace]) -> String {
    let (mut lines, mut dropped) = (Vec::new(), 0);
    for (process, trace) in (1_u64..).zip(traces) {
        dropped += trace.dropped;
        // Phase, track, time, name, and what is more.
        let mut put = |phase: &str, track: usize, at: Duration, name: &str, more: String| {
            let (name, at) = (Json::text(name), micros(at));
            // The thread with its process's number is the main one to a viewer: the first track.
            lines.push(format!(
                r#"{{"ph":"{phase}","pid":{process}001,"tid":{process}{track:03},"ts":{at},"name":{name},{more}}}"#
            ));
        };
        let rows = trace.rows.iter().map(|row| ("thread", &*row.name));
        for (track, (what, name)) in iter::once(("process", trace.title)).chain(rows).enumerate() {
            let name = format!(r#""args":{{"name":{}}}"#, Json::text(name));
            put("M", track, Duration::ZERO, &format!("{what}_name"), name);
            let order = format!(r#""args":{{"sort_index":{}}}"#, process + track as u64);
            put("M", track, Duration::ZERO, &format!("{what}_sort_index"), order);
        }
        let mut ready = HashSet::new();
        for (number, span) in trace.spans_in_order() {
            let is_ready = trace.rows[number].lane.task.is_some() && span.state == What::Ready;
            let changes = if is_ready { ready.insert(number) } else { ready.remove(&number) };
            if changes {
                let count = format!(r#""args":{{"ready":{}}}"#, ready.len());
                put("C", 0, span.from, "ready tasks", count);
            }
            if span.state != What::Idle {
                let (took, job) =
                    (micros(span.to.saturating_sub(span.from)), Json::text(&*span.label));
                let state = format!("{:?}", span.state).to_lowercase();
                let name = if span.state == What::Running { &span.label } else { &state };
                let kind = if span.state == What::Parked { "waits" } else { "job" };
                let more = format!(r#""dur":{took},"cat":"{state}","args":{{"{kind}":{job}}}"#);
                put("X", number + 1, span.from, name, more);
            }
        }
        for (number, &(what, from, to)) in (0..).zip(&trace.arrows) {
            let name = if what == What::Ready { "wake" } else { "message" };
            for (phase, (row, at)) in [("s", from), ("f", to)] {
                // "e" binds the flow to the slice that encloses the instant: the poll that follows the wake.
                let more = format!(r#""id":{},"cat":"flow","bp":"e""#, process << 32 | number);
                put(phase, row + 1, at, name, more);
            }
        }
    }
    let (lines, about) = (lines.join(",\n"), format!(r#"{{"dropped events":{dropped}}}"#));
    // With "ms", Chrome's viewer rounds to microseconds: a shorter slice would be part of the one before it.
    format!(r#"{{"traceEvents":[{lines}],"displayTimeUnit":"ns","otherData":{about}}}"#)
}

/// A span in microseconds, exact to the nanosecond.
pub(super) fn micros(span: Duration) -> Json {
    Json::real(span.div_duration_f64(Duration::from_micros(1)))
}
