//! Hooks: an observer is told of every step of the loop; without one each step costs a branch.
//!
//! **Invariants**
//! - `HOOK-1` An observer is called with nothing of the loop borrowed: it may wake and spawn, but not block.
//! - `HOOK-2` A panic in an observer ends there: in the middle of a step it would tear a task out of the loop.
//!
//! **Source**: tokio's `runtime::Builder::on_task_spawn` and its siblings; asyncio's debug mode.

use std::fmt;
use std::io::{self, Write};
use std::os::fd::RawFd;
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::jobs::contain;
use crate::rt::id::TaskId;

/// A step of the loop.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each field is named by its moment's sentence")]
pub enum Moment<'a> {
    /// A `task` was spawned under a `name`, `at` a line of the source.
    Spawned { task: TaskId, name: Option<&'a str>, at: &'static Location<'static> },
    /// A `task` was made ready.
    Woken { task: TaskId },
    /// A `task` was polled, `from` one instant `to` another.
    Polled { task: TaskId, from: Instant, to: Instant },
    /// A `task` is done.
    Finished { task: TaskId },
    /// The loop asks the selector, for `timeout` at most; `None` is without limit.
    Waits { timeout: Option<Duration> },
    /// The loop is back: so many `sockets` are ready, so many `timers` fired.
    Woke { sockets: usize, timers: usize },
}

/// Watches a loop.
pub trait Observer {
    /// Is told of every step, when it has happened.
    fn observe(&self, _moment: Moment<'_>) {}

    /// Is told of a fault, such as a panic that was never collected. Prints it on standard error by default.
    fn report(&self, text: &str) {
        print_report(text);
    }
}

/// Prints a report on standard error.
pub(crate) fn print_report(text: &str) {
    // A standard error that is full stops no loop.
    drop(writeln!(io::stderr(), "event loop: {text}"));
}

/// The observers of a loop, and the limit above which it reports a poll.
pub(crate) struct Hooks {
    /// The observers; the first gets the reports of faults.
    pub(crate) observers: Vec<Box<dyn Observer>>,
    /// A poll longer than this is reported.
    pub(crate) slow_poll: Option<Duration>,
}

impl Hooks {
    /// Tells the observers, if there are any: without one, this branch is the whole cost.
    pub(crate) fn observe<'a>(&self, moment: impl Fn() -> Moment<'a>) {
        self.observers.iter().for_each(|observer| contain(|| observer.observe(moment())));
    }

    /// Reports a fault.
    pub(crate) fn report(&self, text: &str) {
        let first = self.observers.first();
        first.map_or_else(|| print_report(text), |first| contain(|| first.report(text)));
    }

    /// Times a poll and tells of it, names a task that held the loop too long, and tells of the task's end.
    #[cold]
    pub(crate) fn watch<T, P>(&self, task: TaskId, name: &str, poll: P) -> Option<T>
    where
        P: FnOnce() -> Option<T>,
    {
        let from = Instant::now();
        let waiting = poll();
        let to = Instant::now();
        self.observe(|| Moment::Polled { task, from, to });
        if self.slow_poll.is_some_and(|limit| to - from > limit) {
            self.report(&format!(
                "{task}{name} held the loop for {:.0?}: give blocking work to run_blocking, and long computing \
                 a yield_now now and then",
                to - from
            ));
        }
        if waiting.is_none() && !task.is_main() {
            self.observe(|| Moment::Finished { task });
        }
        waiting
    }
}

/// What a task waits for, as its last poll told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "`Display` says each in words")]
pub enum Wait {
    /// It did not say: a future of another library, or one that forgot its waker.
    Nothing,
    Readable(RawFd),
    Writable(RawFd),
    Deadline,
    /// The end of the task with this number.
    Task(u32),
    Futures(u32),
    Lock,
    Permit,
    Event,
    Condition,
    Item,
    Room,
    Thread,
    Signal,
    Turn,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("for something it did not name"),
            Self::Readable(descriptor) => write!(f, "to read descriptor {descriptor}"),
            Self::Writable(descriptor) => write!(f, "to write descriptor {descriptor}"),
            Self::Deadline => f.write_str("for a point in time"),
            Self::Task(number) => write!(f, "for the end of task {number}"),
            Self::Futures(count) => write!(f, "for futures inside it: {count}"),
            Self::Lock => f.write_str("for a lock"),
            Self::Permit => f.write_str("for a permit of a semaphore"),
            Self::Event => f.write_str("for an event to be set"),
            Self::Condition => f.write_str("for a condition"),
            Self::Item => f.write_str("for an item in a queue"),
            Self::Room => f.write_str("for room in a queue"),
            Self::Thread => f.write_str("for work on another thread"),
            Self::Signal => f.write_str("for a signal"),
            Self::Turn => f.write_str("for its next turn"),
        }
    }
}
