//! What is noted: a lane, and an event on it, as plain data and as the words of a record.
//!
//! A lane is whatever does one thing at a time: a process, a thread, a task. Threads and processes note which state they
//! enter. An event loop notes what its observer is told, and `trace` makes the states of its tasks from that.

use std::fmt;
use std::time::Duration;

/// The number of a lane in its recorder.
pub type LaneId = u32;

/// The words of a record: its number, the time, kind and lane, task, two arguments, and a label.
pub(super) const RECORD_WORDS: usize = 12;
/// The words of a label, which is cut after so many bytes.
pub(super) const LABEL_WORDS: usize = 6;
/// The same, in bytes.
pub(super) const LABEL_BYTES: usize = LABEL_WORDS * 8;
/// A timeout without limit, as an argument.
const NO_LIMIT: u64 = u64::MAX;

/// What a lane does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It does not exist yet, or not any more, or has nothing to do.
    Idle,
    /// It computes.
    Running,
    /// It could run, and waits for a processor, or for its turn in the loop.
    Ready,
    /// The kernel wakes it when the socket, the child or the time is there. Its thread can do nothing else.
    Blocked,
    /// It waits for a lock that another thread holds.
    Lock,
    /// A task that waits for an event. It holds no thread.
    Parked,
}

impl State {
    /// Every state, in the order of the legend.
    pub const ALL: [Self; 6] =
        [Self::Running, Self::Ready, Self::Blocked, Self::Lock, Self::Parked, Self::Idle];

    /// The word for it in a legend.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
            Self::Ready => "ready, waits for its turn",
            Self::Blocked => "blocked in the kernel",
            Self::Lock => "waits for the GIL",
            Self::Parked => "parked: a task that holds no thread",
        }
    }

    /// The state with this number.
    fn from_word(word: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u64 == word)
    }
}

/// What kind of thing a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneKind {
    /// A process.
    Process,
    /// A thread.
    Thread,
    /// A thread that runs an event loop.
    Loop,
    /// A task of a loop; only a [`Trace`](super::Trace) has these.
    Task,
}

/// A lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: LaneKind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The lane is in this state from now on; the label is the job that it works at.
    Enters(State),
    /// The lane sends something to this lane.
    Sends(LaneId),
    /// The lane has what this lane sent.
    Receives(LaneId),
    /// The lane ended, and has used so much processor time with so many context switches.
    Used(Duration, u64),
    /// The loop spawned a task; the label is its name, or where it was spawned.
    Spawned,
    /// A task was made ready.
    Woken,
    /// A task was polled for so long; the label says what it waits for now.
    Polled(Duration),
    /// A task is done.
    Finished,
    /// The loop asks the selector, for so long at most.
    Waits(Option<Duration>),
    /// The loop is back: so many timers fired, the first of them so late.
    Woke(u64, Duration),
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, since the recorder was made; a poll's beginning.
    pub at: Duration,
    /// On which lane.
    pub lane: LaneId,
    /// The task of the loop; 0 is the future that was given to `block_on`.
    pub task: u32,
    /// What.
    pub what: What,
    /// A name, as the kind of event has it.
    pub label: String,
}

impl fmt::Display for Event {
    /// Writes it in a line, the time in microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, lane, task, what, label } = self;
        write!(f, "{} lane {lane} ", at.as_micros())?;
        match what {
            What::Enters(state) => write!(f, "{} {label}", state.name()),
            What::Sends(to) => write!(f, "sends to lane {to} {label}"),
            What::Receives(from) => write!(f, "receives from lane {from} {label}"),
            What::Used(cpu, switches) => write!(f, "used {} switches {switches}", cpu.as_micros()),
            What::Spawned => write!(f, "task {task} spawned: {label}"),
            What::Woken => write!(f, "task {task} woken"),
            What::Polled(span) => {
                write!(f, "task {task} polled for {}, waits {label}", span.as_micros())
            }
            What::Finished => write!(f, "task {task} finished"),
            What::Waits(Some(limit)) => write!(f, "selects for at most {}", limit.as_micros()),
            What::Waits(None) => f.write_str("selects without limit"),
            What::Woke(timers, late) => {
                write!(f, "back, {timers} timers fired, late by {}", late.as_micros())
            }
        }
    }
}

/// A span in whole nanoseconds.
pub(super) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl What {
    /// Its number and its two arguments.
    pub(super) fn to_words(self) -> [u64; 3] {
        match self {
            Self::Enters(state) => [1, state as u64, 0],
            Self::Sends(to) => [2, u64::from(to), 0],
            Self::Used(cpu, switches) => [3, nanos(cpu), switches],
            Self::Spawned => [4, 0, 0],
            Self::Woken => [5, 0, 0],
            Self::Polled(span) => [6, nanos(span), 0],
            Self::Finished => [7, 0, 0],
            Self::Waits(limit) => [8, limit.map_or(NO_LIMIT, nanos), 0],
            Self::Woke(timers, late) => [9, timers, nanos(late)],
            Self::Receives(from) => [10, u64::from(from), 0],
        }
    }

    /// What these words say; nothing if they are no event's.
    pub(super) fn from_words(words: [u64; 3]) -> Option<Self> {
        let span = Duration::from_nanos;
        Some(match words {
            [1, state, _] => Self::Enters(State::from_word(state)?),
            [2, to, _] => Self::Sends(LaneId::try_from(to).ok()?),
            [3, nanos, switches] => Self::Used(span(nanos), switches),
            [4, ..] => Self::Spawned,
            [5, ..] => Self::Woken,
            [6, nanos, _] => Self::Polled(span(nanos)),
            [7, ..] => Self::Finished,
            [8, NO_LIMIT, _] => Self::Waits(None),
            [8, nanos, _] => Self::Waits(Some(span(nanos))),
            [9, timers, nanos] => Self::Woke(timers, span(nanos)),
            [10, from, _] => Self::Receives(LaneId::try_from(from).ok()?),
            _ => return None,
        })
    }
}
