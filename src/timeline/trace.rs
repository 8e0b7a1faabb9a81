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

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::recorder::{Event, Lane, Recorder, What};
use crate::os::ThreadUsage;
use crate::rt::Wait;

/// A time in which a lane is in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The state.
    pub state: What,
    /// Its beginning.
    pub from: Duration,
    /// Its end.
    pub to: Duration,
    /// The job that the lane works at, or what a parked task waits for.
    pub label: String,
}

/// A row, and an instant there.
pub type Place = (usize, Duration);

/// A lane with its states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is written before the lane.
    pub name: String,
    /// The lane.
    pub lane: Lane,
    /// The states, one after another (`TRACE-1`).
    pub spans: Vec<Span>,
}

impl Row {
    /// The job that the lane is there for.
    pub fn job(&self) -> &str {
        self.name.split_once(": ").map_or(&self.name, |(_, job)| job)
    }
}

/// What happened from one instant to another. All times count from the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// What it is of, in a line.
    pub title: &'static str,
    /// How long its jobs take together, one after another.
    pub work: Duration,
    /// Processor time and context switches of all threads and processes.
    pub usage: ThreadUsage,
    /// How long it is.
    pub wall: Duration,
    /// The lanes, in the order in which they began.
    pub rows: Vec<Row>,
    /// What went from where to where: a wake (`Ready`) to the poll that it caused, or bytes (`Sends`).
    pub arrows: Vec<(What, Place, Place)>,
    /// How late the latest timer was, if there was any.
    pub late: Option<Duration>,
    /// Events that were overwritten.
    pub dropped: u64,
}

/// What is known while the events are read.
#[derive(Default)]
struct Reader {
    /// What is done: each lane stays in its last state until the end.
    trace: Trace,
    /// The row of each lane.
    rows: HashMap<Lane, usize>,
    /// Wakes that no poll has followed yet, by row, each with the row and time of its origin.
    woken: HashMap<usize, VecDeque<Place>>,
    /// The row of the task that each loop polls, by the loop's row.
    polls: HashMap<usize, usize>,
    /// What was sent and not received yet, with the row and the time.
    sent: HashMap<String, Place>,
    /// When a timer was due that has woken no task yet.
    due: Option<Duration>,
}

impl Trace {
    /// Makes a trace of what was recorded, from the first event to the last.
    pub fn new(title: &'static str, recorder: &Recorder) -> Self {
        let (mut events, dropped) = recorder.events();
        // A poll is noted when it has ended, and read when it begins.
        events.sort_by_key(|event| event.at);
        let ends = [events.first(), events.last()];
        let [from, to] = ends.map(|end| end.map_or(Duration::ZERO, |event| event.at));
        let trace = Self { title, wall: to.saturating_sub(from), dropped, ..Self::default() };
        let mut reader = Reader { trace, ..Reader::default() };
        for event in events {
            reader.read(&event, event.at.saturating_sub(from));
        }
        reader.trace
    }

    /// The states of all rows in the order in which they begin, each with the number of its row.
    pub(super) fn spans_in_order(&self) -> Vec<(usize, &Span)> {
        let rows = self.rows.iter().enumerate();
        let spans = rows.flat_map(|(number, row)| row.spans.iter().map(move |span| (number, span)));
        let mut spans: Vec<_> = spans.collect();
        spans.sort_by_key(|(_, span)| span.from);
        spans
    }
}

impl Reader {
    /// The row of a lane, which is made now if it has none: its beginning may have been overwritten.
    fn row(&mut self, lane: Lane) -> usize {
        let Trace { rows, wall, .. } = &mut self.trace;
        *self.rows.entry(lane).or_insert_with(|| {
            let name = lane.task.map_or_else(|| "thread".to_owned(), |task| format!("task {task}"));
            let (state, label) = (What::Idle, String::new());
            let whole = Span { state, from: Duration::ZERO, to: *wall, label };
            rows.push(Row { name, lane, spans: vec![whole] });
            rows.len() - 1
        })
    }

    /// The state in which a row is.
    fn last(&mut self, row: usize) -> &mut Span {
        self.trace.rows[row].spans.last_mut().expect("holds because it begins with one")
    }

    /// A row enters a state (`TRACE-1`). Without a label it works at the job that it is there for.
    fn enter(&mut self, row: usize, at: Duration, state: What, label: &str) {
        let label = if label.is_empty() { self.trace.rows[row].job() } else { label }.to_owned();
        let (to, last) = (self.trace.wall, self.last(row));
        if last.state != state || last.label != label {
            last.to = at;
            let spans = &mut self.trace.rows[row].spans;
            spans.pop_if(|last| last.from == at);
            spans.push(Span { state, from: at, to, label });
        }
    }

    /// Reads the next event.
    fn read(&mut self, event: &Event, at: Duration) {
        let (label, row) = (&event.label, self.row(event.lane));
        let arrow = |from| (What::Sends, from, (row, at));
        match event.what {
            What::Begins => self.trace.rows[row].name.clone_from(label),
            What::Due => self.due = Some(at),
            What::Sends => drop(self.sent.insert(label.clone(), (row, at))),
            What::Receives => self.trace.arrows.extend(self.sent.remove(label).map(arrow)),
            state if event.lane.task.is_some() => self.task(event, at, row, state),
            state => self.enter(row, at, state, label),
        }
    }

    /// A task was woken, is polled, was polled, or is done.
    fn task(&mut self, event: &Event, at: Duration, row: usize, state: What) {
        let loop_row = self.row(Lane { task: None, ..event.lane });
        let wakes = self.woken.entry(row).or_default();
        match state {
            What::Ready => {
                // A wake during a poll came from the task that is polled.
                wakes.push_back((self.polls.get(&loop_row).copied().unwrap_or(loop_row), at));
                let last = self.last(row).clone();
                let due = self.due.take_if(|_| last.label == Wait::Deadline.to_string());
                // A task that sleeps could run since the timer was due.
                let late = due.map(|due| at.saturating_sub(due.max(last.from)));
                self.trace.late = self.trace.late.max(late);
                let label = late.map(|late| format!("{} ms late", late.as_millis()));
                // A task that runs is ready again when its poll has ended.
                if last.state != What::Running {
                    let since = at.saturating_sub(late.unwrap_or_default());
                    self.enter(row, since, What::Ready, &label.unwrap_or_default());
                }
            }
            What::Running => {
                let arrow = |from| (What::Ready, from, (row, at));
                self.trace.arrows.extend(wakes.pop_front().map(arrow));
                self.polls.insert(loop_row, row);
                let name = self.trace.rows[row].job().to_owned();
                self.enter(loop_row, at, What::Running, &name);
                self.enter(row, at, What::Running, "");
            }
            What::Parked => {
                let parked = (What::Parked, &*event.label);
                let (state, label) = if wakes.is_empty() { parked } else { (What::Ready, "") };
                self.polls.remove(&loop_row);
                self.enter(loop_row, at, What::Running, "");
                self.enter(row, at, state, label);
            }
            // Its last poll has left it parked.
            _ => {
                let since = self.last(row).from;
                self.enter(row, since, What::Idle, "");
            }
        }
    }
}
