//! The task table: every task of a loop, by the slot that the run queue holds.
//!
//! The run queue holds small numbers, so that a wake does not count references. Here they become tasks. When a
//! program stands still, the table lists what each task waits for.
//!
//! **Invariants**
//! - `TABLE-1` A task is out of its slot while it runs, and no other task gets that slot meanwhile.
//! - `TABLE-2` A slot that stands in the run queue is not used again before it was taken from there.
//!
//! **Source**: the slab of async-executor's `active`; `asyncio.all_tasks` for the list.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use super::id::TaskId;
use super::task::{Ran, Runnable};

/// All tasks of one loop. Not a `Slab`: a slot may be empty without being free (`TABLE-1`).
#[derive(Default)]
pub(crate) struct TaskTable {
    /// The tasks; `None` where a slot is free, or its task runs.
    slots: Vec<Option<Arc<dyn Runnable>>>,
    /// Slots to use again.
    free: Vec<u32>,
    /// Names; most tasks have none.
    names: HashMap<TaskId, Box<str>>,
}

impl TaskTable {
    /// Reserves a slot for one more task.
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
            self.names.insert(id, name.into());
        }
    }

    /// Takes a task out to run it. `None`: it ended while it stood in the run queue, and its slot is free now.
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
                    self.names.remove(&id);
                }
                if !still_queued {
                    self.free.push(id.slot);
                }
            }
        }
    }

    /// Returns the task with this id, if it has not ended and does not run.
    pub(crate) fn get(&self, id: TaskId) -> Option<Arc<dyn Runnable>> {
        let task = self.slots.get(id.slot as usize)?.as_ref()?;
        (task.state().id() == id).then(|| task.clone())
    }

    /// Returns a task's name.
    pub(crate) fn name(&self, id: TaskId) -> Option<&str> {
        self.names.get(&id).map(AsRef::as_ref)
    }

    /// Returns the slot of some task, to end it. If there is none, all slots are given up.
    pub(crate) fn any_slot(&mut self) -> Option<u32> {
        while self.slots.last().is_some_and(Option::is_none) {
            self.slots.pop();
        }
        if self.slots.is_empty() {
            *self = Self::default();
        }
        self.slots.len().checked_sub(1).and_then(|slot| u32::try_from(slot).ok())
    }

    /// Returns the tasks that do not run.
    fn iter(&self) -> impl Iterator<Item = &Arc<dyn Runnable>> {
        self.slots.iter().flatten()
    }

    /// Writes a line for each task: its name, where it was spawned, what it waits for.
    pub(crate) fn print(&self, text: &mut String) {
        for task in self.iter() {
            let (id, at) = (task.state().id(), task.spawned_at());
            let name = self.name(id).map_or(String::new(), |name| format!(" \"{name}\""));
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  {id}{name}, spawned at {at}, {}", task.standing());
        }
    }
}
