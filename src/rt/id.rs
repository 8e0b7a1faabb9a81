//! The name of a task, which may go to any thread and outlive the task and its loop.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The slot of the future that was given to `block_on`, which is not in the task table.
pub(crate) const MAIN_SLOT: u32 = u32::MAX;

/// The slot of a task that ends before it begins, because its loop is ending; no table has it.
pub(crate) const NO_SLOT: u32 = u32::MAX - 1;

/// Identifies a task. No two tasks of a process have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TaskId {
    /// The number of its loop in this process.
    pub(crate) event_loop: u64,
    /// Its number in its loop, in order of spawning from 1; for a main future, in order of `block_on`.
    pub(crate) number: u64,
    /// Its index in the task table, which later tasks use again.
    pub(crate) slot: u32,
}

impl TaskId {
    /// Returns the number that reports show, modulo 2³²: 0 is the future that was given to `block_on`.
    pub(crate) fn shown(self) -> u32 {
        let number = if self.slot == MAIN_SLOT { 0 } else { self.number };
        u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.shown())
    }
}

/// Returns a number for a new loop. Without it, an id kept from one loop would name a task of another.
pub(crate) fn next_event_loop() -> u64 {
    static LOOPS: AtomicU64 = AtomicU64::new(1);
    // No other data depends on it.
    LOOPS.fetch_add(1, Ordering::Relaxed)
}
