//! What is noted: lanes, their states, and what goes from one to another.
//!
//! A lane is whatever does one thing at a time: a process, a thread, a task. Processes and threads note which state they
//! enter; for the tasks of an event loop the loop's observer does.

use std::time::Duration;

/// What a lane does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
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
    /// It does not exist yet, or not any more, or has nothing to do.
    Idle,
}

impl State {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ready => "ready",
            Self::Blocked => "blocked",
            Self::Lock => "waits for the GIL",
            Self::Parked => "parked",
            Self::Idle => "idle",
        }
    }
}

/// A lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The number of the process or thread in its recorder.
    pub thread: u32,
    /// The task, if the thread runs an event loop; 0 is the future that was given to `block_on`.
    pub task: Option<u32>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// There is a new lane; the label is its name.
    Begins,
    /// The lane is in this state from now on. The label is the job that it works at, or what a parked task waits for. A
    /// task becomes ready when it is woken, also during its own poll.
    Enters(State),
    /// A timer of the loop was due at that time. The next wakes are those of timers.
    Due,
    /// The lane sends what the label names.
    Sends,
    /// The lane has what was sent under this label.
    Receives,
}

impl What {
    /// Everything that can happen, by its number in a record.
    pub(super) const ALL: [Self; 10] = [
        Self::Enters(State::Running),
        Self::Enters(State::Ready),
        Self::Enters(State::Blocked),
        Self::Enters(State::Lock),
        Self::Enters(State::Parked),
        Self::Enters(State::Idle),
        Self::Begins,
        Self::Due,
        Self::Sends,
        Self::Receives,
    ];
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, since the recorder was made.
    pub at: Duration,
    /// On which lane.
    pub lane: Lane,
    /// What.
    pub what: What,
    /// A name, as the kind of event has it.
    pub label: String,
}
