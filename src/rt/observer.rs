//! Hooks: what the loop tells whoever watches it.
//!
//! What an event loop does cannot be seen from outside: a program that stands still looks like one that
//! has nothing to do. An observer is told of every step; without one each step costs a branch.
//!
//! **Invariants**
//! - `HOOK-1` An observer is called on the loop's thread, with nothing of the loop borrowed: it may wake
//!   and spawn, but not block.
//!
//! **Source**: tokio's `runtime::Builder::on_task_spawn` and its siblings; asyncio's debug mode.

use std::fmt;
use std::os::fd::RawFd;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::task::TaskId;

/// A step of the loop.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Moment<'a> {
    /// A task was spawned.
    Spawned {
        /// Which.
        task: TaskId,
        /// By what name.
        name: Option<&'a str>,
        /// Where in the source.
        at: &'static Location<'static>,
    },
    /// A task was made ready.
    Woken {
        /// Which.
        task: TaskId,
    },
    /// A task was polled.
    Polled {
        /// Which.
        task: TaskId,
        /// When the poll began.
        from: Instant,
        /// When it ended.
        to: Instant,
    },
    /// A task is done.
    Finished {
        /// Which.
        task: TaskId,
    },
    /// The loop asks the selector.
    Waits {
        /// For how long at the most; `None` is without limit.
        timeout: Option<Duration>,
    },
    /// The loop is back from the selector.
    Woke {
        /// Sockets that became ready.
        sockets: usize,
        /// Timers that fired.
        timers: usize,
    },
}

/// Whoever watches a loop.
pub trait Observer {
    /// Is told of every step, when it has happened.
    fn observe(&self, moment: Moment<'_>) {
        let _ = moment;
    }

    /// Is told what should not have happened: a panic that nobody collected, a task that held the loop.
    /// Prints it on standard error, unless it is overridden.
    fn report(&self, text: &str) {
        eprintln!("event loop: {text}");
    }
}

/// The observer of a loop that was given none.
pub(crate) struct Unobserved;

impl Observer for Unobserved {}

/// What a task waits for, as its last poll told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// It did not say: a future that is not ours, or one that forgot its waker.
    Nothing,
    /// To read from a descriptor.
    Readable(RawFd),
    /// To write to a descriptor.
    Writable(RawFd),
    /// For a point in time.
    Deadline,
    /// For the end of the task with this number.
    Task(u32),
    /// For a lock.
    Lock,
    /// For a permit of a semaphore.
    Permit,
    /// For an event to be set.
    Event,
    /// For a condition.
    Condition,
    /// For an item in a queue.
    Item,
    /// For room in a queue.
    Room,
    /// For work on another thread.
    Thread,
    /// For a signal.
    Signal,
    /// For its next turn.
    Turn,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Readable(descriptor) => return write!(f, "to read descriptor {descriptor}"),
            Self::Writable(descriptor) => return write!(f, "to write descriptor {descriptor}"),
            Self::Task(number) => return write!(f, "for the end of task {number}"),
            Self::Nothing => "for something it did not name",
            Self::Deadline => "for a point in time",
            Self::Lock => "for a lock",
            Self::Permit => "for a permit of a semaphore",
            Self::Event => "for an event to be set",
            Self::Condition => "for a condition",
            Self::Item => "for an item in a queue",
            Self::Room => "for room in a queue",
            Self::Thread => "for work on another thread",
            Self::Signal => "for a signal",
            Self::Turn => "for its next turn",
        };
        f.write_str(words)
    }
}
