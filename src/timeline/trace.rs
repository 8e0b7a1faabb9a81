//! What the events mean: the state of every lane at every instant, the arrows between lanes, and lateness.
//!
//! A task of a loop goes through these states; the loop's own lane runs while it polls, and is blocked in the selector.
//!
//! | state | woken | polled: pending | polled: woken meanwhile | finished |
//! | --- | --- | --- | --- | --- |
//! | `Idle` (before it is spawned) | `Ready` | | | |
//! | `Ready` | | `Running`, then `Parked` | `Running`, then `Ready` | `Idle` |
//! | `Parked` | `Ready` | | | |
//!
//! **Invariants**
//! - `TRACE-1` The spans of a row follow each other without gap from the trace's beginning to its end, so their lengths
//!   add up to its wall time.

use std::collections::HashMap;
use std::mem;
use std::time::Duration;

use super::event::{Event, Lane, LaneId, LaneKind, State, What};
use super::recorder::Recording;
use crate::rt::Wait;

/// A time in which a lane is in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The state.
    pub state: State,
    /// Its beginning.
    pub from: Duration,
    /// Its end.
    pub to: Duration,
    /// The job that the lane works at, or nothing.
    pub job: String,
    /// What a parked task waits for.
    pub detail: String,
}

/// A lane with its states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The lane.
    pub lane: Lane,
    /// The lane of the loop, and the number of the task in it, if this is a task.
    pub task: Option<(LaneId, u32)>,
    /// The states, one after another (`TRACE-1`).
    pub spans: Vec<Span>,
}

/// Something goes from one lane to another: a wake to the poll that it causes, or bytes to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// The row where it begins, and when.
    pub from: (usize, Duration),
    /// The row where it ends, and when.
    pub to: (usize, Duration),
    /// Whether it is a wake.
    pub is_wake: bool,
}

/// What happened from one instant to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Its beginning.
    pub from: Duration,
    /// Its end.
    pub to: Duration,
    /// The lanes, each loop followed by its tasks.
    pub rows: Vec<Row>,
    /// The arrows, in the order of their ends.
    pub arrows: Vec<Arrow>,
    /// Timers that fired: the row of a task that slept, when the timer was due, and when it fired.
    pub late: Vec<(usize, Duration, Duration)>,
    /// Processor time that the lanes used, as far as they told.
    pub cpu: Duration,
    /// Context switches of the lanes, as far as they told.
    pub switches: u64,
    /// Events that were overwritten.
    pub dropped: u64,
}

/// What is known of a task while the events are read.
#[derive(Default)]
struct TaskNotes {
    /// Its row.
    row: usize,
    /// Whether it said that it waits for a point in time.
    sleeps: bool,
    /// Wakes that no poll has followed yet, each with the row and time of its origin. A second one came during the poll
    /// that is noted next.
    wakes: Vec<(usize, Duration)>,
}

/// A trace that is being made.
#[derive(Default)]
struct Reader {
    /// What is done. The spans of a row are changes until `finish` sorts them and gives each its end.
    trace: Trace,
    /// The row of each lane.
    rows: HashMap<LaneId, usize>,
    /// The tasks, by loop and number.
    tasks: HashMap<(LaneId, u32), TaskNotes>,
    /// Wakes since the last poll of any loop: the task that was woken, and when.
    unpolled: Vec<((LaneId, u32), Duration)>,
    /// When a lane sent something to another that has not received it yet.
    sent: HashMap<(LaneId, LaneId), Duration>,
    /// A timer that fired since the last poll: when it was due, and when it fired.
    fired: Option<(Duration, Duration)>,
}

impl Trace {
    /// Makes a trace of a recording, from one instant of it to another.
    pub fn new(recording: &Recording, from: Duration, to: Duration) -> Self {
        let trace = Self { from, to, dropped: recording.dropped, ..Self::default() };
        let mut reader = Reader { trace, ..Reader::default() };
        for (number, lane) in (0..).zip(&recording.lanes) {
            let row = reader.add(lane.clone(), None);
            reader.rows.insert(number, row);
        }
        for event in &recording.events {
            if event.what == What::Spawned {
                reader.task(event);
            }
        }
        for event in &recording.events {
            reader.read(event);
        }
        reader.finish()
    }

    /// Makes a trace of a whole recording.
    pub fn whole(recording: &Recording) -> Self {
        let from = recording.events.iter().map(|event| event.at).min().unwrap_or_default();
        let end = |event: &Event| match event.what {
            What::Polled(span) => event.at + span,
            _ => event.at,
        };
        let to = recording.events.iter().map(end).max().unwrap_or_default();
        Self::new(recording, from, to)
    }

    /// Returns its length.
    pub fn wall(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }
}

impl Reader {
    /// Adds a row.
    fn add(&mut self, lane: Lane, task: Option<(LaneId, u32)>) -> usize {
        self.trace.rows.push(Row { lane, task, spans: Vec::new() });
        self.trace.rows.len() - 1
    }

    /// Notes that a row enters a state.
    fn enter(&mut self, row: usize, at: Duration, state: State, job: &str, detail: &str) {
        let (job, detail) = (job.to_owned(), detail.to_owned());
        self.trace.rows[row].spans.push(Span { state, from: at, to: at, job, detail });
    }

    /// The notes of an event's task, whose row is made now if it has none: its spawn may have been overwritten.
    fn task(&mut self, event: &Event) -> &mut TaskNotes {
        let key = (event.lane, event.task);
        if !self.tasks.contains_key(&key) {
            let name = match (event.task, event.what) {
                (0, _) => "block_on".to_owned(),
                (_, What::Spawned) => event.label.clone(),
                (number, _) => format!("task {number}"),
            };
            let row = self.add(Lane { name, kind: LaneKind::Task }, Some(key));
            self.tasks.insert(key, TaskNotes { row, ..TaskNotes::default() });
        }
        self.tasks.get_mut(&key).expect("holds because it was added")
    }

    /// Reads the next event.
    fn read(&mut self, event: &Event) {
        let Event { at, lane, what, ref label, .. } = *event;
        let Some(&row) = self.rows.get(&lane) else { return };
        match what {
            What::Enters(state) => self.enter(row, at, state, label, ""),
            What::Sends(to) => drop(self.sent.insert((lane, to), at)),
            What::Receives(sender) => {
                if let Some(sent) = self.sent.remove(&(sender, lane)) {
                    let from = (self.rows[&sender], sent);
                    self.trace.arrows.push(Arrow { from, to: (row, at), is_wake: false });
                }
            }
            What::Used(cpu, switches) => {
                self.trace.cpu += cpu;
                self.trace.switches += switches;
                if self.trace.rows[row].spans.last().is_some_and(|last| last.state != State::Idle) {
                    self.enter(row, at, State::Idle, "", "");
                }
            }
            What::Spawned | What::Waits(Some(Duration::ZERO)) => {}
            What::Woken => self.woken(event, row),
            What::Polled(span) => self.polled(event, row, at + span),
            What::Finished => {
                let row = self.task(event).row;
                // Its last poll has left it parked.
                let at = self.trace.rows[row].spans.last().map_or(at, |last| last.from);
                self.enter(row, at, State::Idle, "", "");
            }
            What::Waits(_) => self.enter(row, at, State::Blocked, "selector", ""),
            What::Woke(timers, late) => {
                self.fired = (timers > 0).then(|| (at.saturating_sub(late), at));
                self.enter(row, at, State::Running, "", "");
            }
        }
    }

    /// A task was made ready.
    fn woken(&mut self, event: &Event, loop_row: usize) {
        if self.trace.rows[loop_row].spans.is_empty() {
            self.enter(loop_row, event.at, State::Running, "", "");
        }
        let notes = self.task(event);
        let (row, is_first) = (notes.row, notes.wakes.is_empty());
        notes.wakes.push((loop_row, event.at));
        if is_first {
            let job = self.trace.rows[row].lane.name.clone();
            self.enter(row, event.at, State::Ready, &job, "");
        }
        let key = (event.lane, event.task);
        self.unpolled.push((key, event.at));
    }

    /// A task was polled, to this instant.
    fn polled(&mut self, event: &Event, loop_row: usize, to: Duration) {
        let from = event.at;
        let poller = self.task(event).row;
        if let Some((due, fired)) = self.fired.take() {
            // Sockets wake before timers do, so the last task that slept is the one that was woken by its timer.
            let woken = self.unpolled.iter().rev().filter_map(|(key, _)| self.tasks.get(key));
            if let Some(sleeper) = woken.into_iter().find(|notes| notes.sleeps) {
                self.trace.late.push((sleeper.row, due, fired));
            }
        }
        // A wake during this poll came from the task that was polled.
        for (key, at) in mem::take(&mut self.unpolled) {
            if at >= from
                && key.0 == event.lane
                && let Some(notes) = self.tasks.get_mut(&key)
                && let Some(wake) = notes.wakes.iter_mut().find(|wake| wake.1 == at)
            {
                wake.0 = poller;
            }
        }
        let notes = self.task(event);
        notes.sleeps = event.label == Wait::Deadline.to_string();
        let cause = (!notes.wakes.is_empty()).then(|| notes.wakes.remove(0));
        let again = notes.wakes.first().copied();
        if let Some(from_row) = cause {
            let arrow = Arrow { from: from_row, to: (poller, from), is_wake: true };
            self.trace.arrows.push(arrow);
        }
        let job = self.trace.rows[poller].lane.name.clone();
        self.enter(loop_row, from, State::Running, &job, "");
        self.enter(loop_row, to, State::Running, "", "");
        self.enter(poller, from, State::Running, &job, "");
        match again {
            Some(_) => self.enter(poller, to, State::Ready, &job, ""),
            None => self.enter(poller, to, State::Parked, &job, &event.label),
        }
    }

    /// Makes the spans of the changes (`TRACE-1`).
    fn finish(self) -> Trace {
        let mut trace = self.trace;
        for row in &mut trace.rows {
            let (state, from, to) = (State::Idle, trace.from, trace.to);
            let (job, detail) = Default::default();
            let mut changes =
                mem::replace(&mut row.spans, vec![Span { state, from, to, job, detail }]);
            changes.sort_by_key(|change| change.from);
            for change in changes {
                let span = Span { from: change.from.clamp(from, to), to, ..change };
                let last = row.spans.last_mut().expect("holds because it begins with one");
                if last.state == span.state && last.job == span.job && last.detail == span.detail {
                    continue;
                }
                last.to = span.from;
                if last.from == span.from {
                    *last = span;
                } else {
                    row.spans.push(span);
                }
            }
        }
        trace.arrows.sort_by_key(|arrow| arrow.to.1);
        trace
    }
}
