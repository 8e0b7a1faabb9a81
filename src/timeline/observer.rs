//! What notes by itself: an event loop, by its observer, and the workers of a pool, each on a lane of its own.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::recorder::{Lane, Recorder, What};
use crate::factorial::benchmark::Watch;
use crate::os::process;
use crate::rt::context::{now, with_current};
use crate::rt::{Moment, Observer, TaskId, Wait};

/// Notes what a loop does. All times are the loop's: under the virtual clock, two runs give the same events.
#[derive(Debug)]
pub struct LoopObserver {
    /// Where it notes.
    recorder: Arc<Recorder>,
    /// The lane of the loop.
    lane: Lane,
    /// When the next timer was due when the loop asked the selector; by the loop's clock.
    due: Cell<u64>,
}

impl LoopObserver {
    /// Makes the observer of a loop, and a lane for it.
    pub fn new(recorder: Arc<Recorder>) -> Self {
        let lane = recorder.lane("event loop");
        recorder.note(Lane { task: Some(0), ..lane }, What::Begins, "block_on");
        recorder.note(lane, What::Running, "");
        Self { recorder, lane, due: Cell::new(u64::MAX) }
    }

    /// Notes what happened to the loop, or to a task.
    fn note(&self, at: Instant, task: Option<TaskId>, what: What, label: impl Display) {
        let lane = Lane { task: task.map(TaskId::shown), ..self.lane };
        self.recorder.note_at(at, lane, what, label);
    }
}

impl Observer for LoopObserver {
    fn observe(&self, moment: Moment<'_>) {
        match moment {
            Moment::Spawned { task, name, at } => {
                let name = name.as_ref().map_or(&at as &dyn Display, |name| name);
                self.note(now(), Some(task), What::Begins, format_args!("task: {name}"));
            }
            Moment::Woken { task } => self.note(now(), Some(task), What::Ready, ""),
            Moment::Polled { task, from, to } => {
                // Virtual time has no ticks, and polls take none of it.
                let is_virtual = with_current(|core| core.clock.tick()) == Some(0);
                let [from, to] = if is_virtual { [now(); 2] } else { [from, to] };
                let wait = with_current(|core| core.wait.get()).unwrap_or(Wait::Nothing);
                self.note(from, Some(task), What::Running, "");
                self.note(to, Some(task), What::Parked, wait);
            }
            Moment::Finished { task } => self.note(now(), Some(task), What::Idle, ""),
            Moment::Waits { timeout } => {
                let due = with_current(|core| core.timers.borrow_mut().next_deadline()).flatten();
                self.due.set(due.unwrap_or(u64::MAX));
                if timeout != Some(Duration::ZERO) {
                    self.note(now(), None, What::Blocked, "selector");
                }
            }
            Moment::Woke { timers, .. } => {
                let woke = now();
                self.note(woke, None, What::Running, "");
                if timers > 0 {
                    let nanos = with_current(|core| core.clock.nanos()).unwrap_or(0);
                    let late = Duration::from_nanos(nanos.saturating_sub(self.due.get()));
                    self.note(woke.checked_sub(late).unwrap_or(woke), None, What::Due, "");
                }
            }
        }
    }
}

impl Drop for LoopObserver {
    fn drop(&mut self) {
        self.recorder.note(self.lane, What::Idle, "");
    }
}

/// Makes what the workers of pools call: it notes what the calling worker runs from now on, if anything, and since when it
/// waited for the GIL. Each thread and each forked process gets a lane when it first notes something.
pub fn watch_workers(recorder: Arc<Recorder>) -> Watch {
    let parent = process::pid();
    // A forked process has a copy, in which it finds only its own.
    let lanes = Mutex::new(HashMap::new());
    Arc::new(move |task, waited_since| {
        let (pid, thread) = (process::pid(), thread::current());
        let of_process = format!("worker {pid}");
        let name = thread.name().filter(|_| pid == parent).unwrap_or(&of_process);
        let mut known = lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = *known.entry((pid, thread.id())).or_insert_with(|| recorder.lane(name));
        if let (Some(task), Some(since)) = (task, waited_since) {
            recorder.note_at(since, lane, What::Lock, task);
        }
        let idle: (_, &dyn Display) = (What::Idle, &"");
        let (state, label) = task.map_or(idle, |task| (What::Running, task));
        recorder.note(lane, state, label);
    })
}
