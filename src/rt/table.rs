//! The task table: every task of a loop, by the id that the run queue holds.
//!
//! The run queue holds small ids, so that waking costs no counting of references; here they are turned
//! into tasks. And when a program stands still, this is the list of who waits for what.
//!
//! **Invariants**
//! - `TABLE-1` A running task is out of its slot, and the slot is not given to another meanwhile.
//! - `TABLE-2` A slot that still stands in the run queue is not used again before it was taken from it.
//!
//! **Source**: the slab of async-executor's `active`; `asyncio.all_tasks` for the list.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use super::task::{Description, Ran, Runnable, TaskId};

/// The slot of `block_on`'s own future, which is not in the table.
pub(crate) const MAIN: TaskId = TaskId { slot: u32::MAX, number: 0 };

/// All tasks of one loop.
#[derive(Default)]
pub(crate) struct TaskTable {
    /// The tasks; `None` where a slot is free, or its task runs.
    slots: Vec<Option<Arc<dyn Runnable>>>,
    /// Slots to use again.
    free: Vec<u32>,
    /// Names, by the number of the task; most have none.
    names: HashMap<u32, Box<str>>,
}

impl TaskTable {
    /// Returns a slot for one more task.
    pub(crate) fn reserve(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("holds because memory ends before 2³² tasks")
        })
    }

    /// Puts a task into its slot.
    pub(crate) fn insert(&mut self, id: TaskId, task: Arc<dyn Runnable>, name: Option<&str>) {
        self.slots[id.slot as usize] = Some(task);
        if let Some(name) = name {
            self.names.insert(id.number, name.into());
        }
    }

    /// Takes a task out to run it. `None`: it ended while it stood in the queue, and its slot is free now.
    pub(crate) fn take(&mut self, slot: u32) -> Option<Arc<dyn Runnable>> {
        let task = self.slots[slot as usize].take();
        if task.is_none() {
            self.free.push(slot);
        }
        task
    }

    /// Puts a task back, or frees its slot, after it ran.
    pub(crate) fn put_back(&mut self, id: TaskId, ran: Ran) {
        match ran {
            Ran::Pending(task) => self.slots[id.slot as usize] = Some(task),
            Ran::Finished { still_queued } => {
                if !self.names.is_empty() {
                    self.names.remove(&id.number);
                }
                if !still_queued {
                    self.free.push(id.slot);
                }
            }
        }
    }

    /// Returns the task with this id, if it has not ended and does not run.
    pub(crate) fn get(&self, id: TaskId) -> Option<&Arc<dyn Runnable>> {
        let task = self.slots.get(id.slot as usize)?.as_ref()?;
        (task.describe().id == id).then_some(task)
    }

    /// Returns a task's name.
    pub(crate) fn name(&self, id: TaskId) -> Option<&str> {
        self.names.get(&id.number).map(AsRef::as_ref)
    }

    /// Returns any task that has not ended, to end it.
    pub(crate) fn last_slot(&mut self) -> Option<u32> {
        while self.slots.last().is_some_and(Option::is_none) {
            self.slots.pop();
        }
        self.slots.len().checked_sub(1).and_then(|slot| u32::try_from(slot).ok())
    }

    /// Forgets which slots are free: every task has ended.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Counts the wakers of tasks that nothing in the loop accounts for.
    pub(crate) fn unknown_wakers(&self) -> usize {
        let unknown = |task: &Arc<dyn Runnable>| {
            // One reference is the table's.
            Arc::strong_count(task) - 1 - task.describe().known_references
        };
        self.slots.iter().flatten().map(unknown).sum()
    }

    /// Counts the wakers that tasks keep for those who wait for their results.
    pub(crate) fn joiners(&self) -> usize {
        self.slots.iter().flatten().filter(|task| task.describe().has_joiner).count()
    }

    /// Writes a line a task: who it is, where it was spawned, what it waits for.
    pub(crate) fn print(&self, text: &mut String) {
        for task in self.slots.iter().flatten() {
            let Description { id, spawned_at, wait, queued, .. } = task.describe();
            let name = self.name(id).map_or(String::new(), |name| format!(" \"{name}\""));
            let state = if queued { "is ready".into() } else { format!("waits {wait}") };
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  {id}{name}, spawned at {spawned_at}, {state}");
        }
    }
}
