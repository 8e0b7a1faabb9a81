//! The id of a task, which may go to any thread and outlive the task and its loop.

use std::fmt;

/// The slot of the future that was given to `block_on`: the first in an empty table.
pub(crate) const MAIN_SLOT: u32 = 0;

/// Identifies a task. No two tasks of a process have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskId {
    /// The number of its loop in this process.
    pub(crate) event_loop: u64,
    /// Its number in its loop, in order of spawning.
    pub(crate) number: u32,
    /// Its index in the table of tasks, which later tasks use again.
    pub(crate) slot: u32,
}

impl TaskId {
    /// Tells whether this is a future that was given to `block_on`.
    pub(crate) fn is_main(self) -> bool {
        self.slot == MAIN_SLOT
    }

    /// Returns the number that reports show: 0 is the future that was given to `block_on`.
    pub(crate) fn shown(self) -> u32 {
        if self.is_main() { 0 } else { self.number }
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.shown())
    }
}
