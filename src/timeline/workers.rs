//! The lanes of workers that run no event loop: each thread and each forked process has one, made when it first notes.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

use super::event::{LaneId, LaneKind, State};
use super::recorder::Recorder;
use super::workload::Notes;
use crate::os::process::{self, Pid};

/// The workers of a program.
#[derive(Debug)]
pub struct Workers {
    /// Where they note; shared with forked processes.
    recorder: Arc<Recorder>,
    /// The process that made this.
    parent: Pid,
    /// Their lanes. A forked process has a copy, in which it finds only its own.
    lanes: Mutex<HashMap<(Pid, ThreadId), LaneId>>,
}

impl Workers {
    /// Makes the table, without a lane.
    pub fn new(recorder: Arc<Recorder>) -> Self {
        Self { recorder, parent: process::pid(), lanes: Mutex::default() }
    }

    /// Notes what the calling worker runs from now on, or that it has nothing to run; and since when it waited for the
    /// GIL until now, if it did.
    pub fn note(&self, task: Option<&dyn Display>, waited_since: Option<Instant>) {
        let notes = Notes { recorder: &self.recorder, lane: self.lane() };
        match (task, waited_since) {
            (Some(task), Some(since)) => notes.was(State::Lock, since, task),
            (Some(task), None) => notes.enter(State::Running, task),
            (None, _) => notes.enter(State::Idle, ""),
        }
    }

    /// The lane of the calling thread or forked process.
    fn lane(&self) -> LaneId {
        let (pid, thread) = (process::pid(), thread::current());
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        *lanes.entry((pid, thread.id())).or_insert_with(|| {
            if pid == self.parent {
                self.recorder.lane(LaneKind::Thread, thread.name().unwrap_or("thread"))
            } else {
                self.recorder.lane(LaneKind::Process, format_args!("worker {pid}"))
            }
        })
    }
}
