//! The notes of an event loop: each moment that its observer is told of becomes an event.

use std::cell::Cell;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::{LaneId, LaneKind, What};
use super::recorder::Recorder;
use crate::rt::context::with_current;
use crate::rt::{Moment, Observer, TaskId, Wait};

/// Notes what a loop does.
#[derive(Debug)]
pub struct LoopObserver {
    /// Where.
    recorder: Arc<Recorder>,
    /// The loop's lane.
    lane: LaneId,
    /// When the next timer was due, when the loop went to the selector; by the loop's clock.
    due: Cell<u64>,
    /// Under the virtual clock, polls take no time, so that two runs give the same events.
    is_virtual: bool,
}

impl LoopObserver {
    /// Makes the observer of a loop, and the loop's lane.
    pub fn new(recorder: Arc<Recorder>, name: &str) -> Self {
        let lane = recorder.lane(LaneKind::Loop, name);
        Self { recorder, lane, due: Cell::new(u64::MAX), is_virtual: false }
    }

    /// Takes all times from the loop's clock, which is virtual.
    #[must_use]
    pub fn virtual_clock(self) -> Self {
        Self { is_virtual: true, ..self }
    }

    /// Notes what happens now.
    fn note(&self, task: Option<TaskId>, what: What, label: &dyn Display) {
        let virtual_now = || with_current(|core| core.clock.now());
        let now = if self.is_virtual { virtual_now() } else { None }.unwrap_or_else(Instant::now);
        self.recorder.note_at(now, self.lane, task.map_or(0, TaskId::shown), what, label);
    }
}

impl Observer for LoopObserver {
    fn observe(&self, moment: Moment<'_>) {
        match moment {
            Moment::Spawned { task, name: Some(name), .. } => {
                self.note(Some(task), What::Spawned, &name);
            }
            Moment::Spawned { task, name: None, at } => self.note(Some(task), What::Spawned, &at),
            Moment::Woken { task } => self.note(Some(task), What::Woken, &""),
            Moment::Polled { task, from, to } => {
                let wait = with_current(|core| core.wait.get()).unwrap_or(Wait::Nothing);
                if self.is_virtual {
                    self.note(Some(task), What::Polled(Duration::ZERO), &wait);
                } else {
                    let what = What::Polled(to.saturating_duration_since(from));
                    self.recorder.note_at(from, self.lane, task.shown(), what, wait);
                }
            }
            Moment::Finished { task } => self.note(Some(task), What::Finished, &""),
            Moment::Waits { timeout } => {
                let due = with_current(|core| core.timers.borrow_mut().next_deadline()).flatten();
                self.due.set(due.unwrap_or(u64::MAX));
                self.note(None, What::Waits(timeout), &"");
            }
            Moment::Woke { sockets, timers } => {
                let now = with_current(|core| core.clock.nanos()).unwrap_or(0);
                let late = Duration::from_nanos(now.saturating_sub(self.due.get()));
                self.note(None, What::Woke(timers as u64, late), &sockets);
            }
        }
    }
}
