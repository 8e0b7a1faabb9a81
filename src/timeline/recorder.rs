//! Where events are noted: a ring of records in memory that all processes share.
//!
//! Problem: an event must cost less than what it tells of, a trace of a server must not grow without end, and a worker
//! process that is killed must not take its events with it. So a record is a few words of shared memory. A writer claims
//! the next one with one atomic addition, on any thread of any process, and a claim beyond the end takes the oldest.
//!
//! **Invariants**
//! - `RECORD-1` A record counts while it has its number, which is written after all of its words and cleared before
//!   any. A process that is killed leaves at most one record incomplete for each of its threads, and that one is skipped.
//! - `RECORD-2` Memory is bounded: the oldest events are overwritten, and [`Recording::dropped`] counts them. The names
//!   of the first 4,096 threads and processes stand before the ring, and stay.
//! - Times are of the clock that all processes share (`CLOCK_MONOTONIC`), from when the recorder was made.
//!
//! **Source**: the ring buffer of Linux's ftrace.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};

use super::event::{Event, Lane, State, What};
use crate::os::SharedMemory;

/// The word that counts the claimed records of the ring.
const CLAIMED: usize = 0;
/// The word that counts the threads and processes.
const LANES: usize = 1;
/// The first word of the records with their names.
const NAMES: usize = 2;
/// How many there are of these.
const MOST_NAMES: usize = 4_096;
/// The first word of the ring.
const RING: usize = NAMES + MOST_NAMES * RECORD_WORDS;
/// The words of a record: its number, the time, what and on which thread, the task, and a label.
const RECORD_WORDS: usize = 4 + LABEL_BYTES / 8;
/// A label is cut after so many bytes.
const LABEL_BYTES: usize = 48;

/// Notes events; shared by reference, and by forked children.
#[derive(Debug)]
pub struct Recorder {
    /// The names and the ring.
    memory: SharedMemory,
    /// The records of the ring.
    capacity: usize,
    /// Time zero; in a forked child the same instant.
    origin: Instant,
}

/// What was noted.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The beginnings of threads and processes, and then the events in the order in which their records were claimed.
    pub events: Vec<Event>,
    /// How many older events were overwritten.
    pub dropped: u64,
}

impl Recorder {
    /// Makes a recorder of the last `capacity` events. Its memory is taken from the system when it is first used.
    ///
    /// # Errors
    /// Out of memory or address space.
    pub fn new(capacity: u32) -> io::Result<Self> {
        let capacity = capacity.max(1) as usize;
        let memory = SharedMemory::new((RING + capacity * RECORD_WORDS) * 8)?;
        Ok(Self { memory, capacity, origin: Instant::now() })
    }

    /// Adds the lane of a thread or process.
    pub fn lane(&self, name: impl Display) -> Lane {
        let number = self.memory.word(LANES).fetch_add(1, Ordering::Relaxed);
        let lane = Lane { thread: u32::try_from(number).unwrap_or(u32::MAX), task: None };
        if number < MOST_NAMES as u64 {
            let first = NAMES + lane.thread as usize * RECORD_WORDS;
            self.write(first, number, Instant::now(), lane, What::Begins, name);
        } else {
            self.note(lane, What::Begins, name);
        }
        lane
    }

    /// Notes an event that happens now.
    pub fn note(&self, lane: Lane, what: What, label: impl Display) {
        self.note_at(Instant::now(), lane, what, label);
    }

    /// Notes an event that happened at `at`.
    pub fn note_at(&self, at: Instant, lane: Lane, what: What, label: impl Display) {
        let number = self.memory.word(CLAIMED).fetch_add(1, Ordering::Relaxed);
        self.write(self.place(number), number, at, lane, what, label);
    }

    /// Returns the time from the recorder's beginning to an instant.
    pub fn since_origin(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.origin)
    }

    /// Reads all that was noted so far, on any thread. Events that are being noted at this moment may be missing.
    pub fn recording(&self) -> Recording {
        let count = |word| self.memory.word(word).load(Ordering::Relaxed);
        let (lanes, claimed) = (count(LANES).min(MOST_NAMES as u64), count(CLAIMED));
        let dropped = claimed.saturating_sub(self.capacity as u64);
        let names = (0..lanes).zip((NAMES..).step_by(RECORD_WORDS));
        let ring = (dropped..claimed).map(|number| (number, self.place(number)));
        let events = names.chain(ring).filter_map(|(number, first)| self.read(first, number));
        Recording { events: events.collect(), dropped }
    }

    /// The first word of a record of the ring.
    fn place(&self, number: u64) -> usize {
        let index = usize::try_from(number % self.capacity as u64);
        RING + index.expect("holds because the ring fits into memory") * RECORD_WORDS
    }

    /// Writes a record.
    fn write(
        &self,
        first: usize,
        number: u64,
        at: Instant,
        lane: Lane,
        what: What,
        label: impl Display,
    ) {
        let mut bytes = [0; LABEL_BYTES];
        // It fails for a label that is too long, which is cut.
        let _is_cut = write!(&mut bytes[..], "{label}").is_err();
        let nanos = u64::try_from(self.since_origin(at).as_nanos()).unwrap_or(u64::MAX);
        let what = What::ALL.iter().position(|other| *other == what).unwrap_or(0) as u64;
        let task = lane.task.map_or(0, |task| 1 + u64::from(task));
        let store = |offset, word| self.memory.word(first + offset).store(word, Ordering::Relaxed);
        store(0, 0);
        // Pairs with the fence in `read` (RECORD-1).
        fence(Ordering::Release);
        store(1, nanos);
        store(2, what << 32 | u64::from(lane.thread));
        store(3, task);
        self.memory.write(first + 4, &bytes);
        // Pairs with the first load in `read` (RECORD-1).
        self.memory.word(first).store(number + 1, Ordering::Release);
    }

    /// Reads a record; nothing if it is incomplete, or another's by now.
    fn read(&self, first: usize, number: u64) -> Option<Event> {
        let word = |offset, ordering| self.memory.word(first + offset).load(ordering);
        let is_complete = word(0, Ordering::Acquire) == number + 1;
        let [at, what, task] = [1, 2, 3].map(|offset| word(offset, Ordering::Relaxed));
        let mut bytes = Vec::new();
        self.memory.read(first + 4, LABEL_BYTES, &mut bytes);
        // Pairs with the fence in `write` (RECORD-1).
        fence(Ordering::Acquire);
        if !is_complete || word(0, Ordering::Relaxed) != number + 1 {
            return None;
        }
        let used = bytes.split(|byte| *byte == 0).next()?;
        // A character that was cut is no valid one.
        let label = used.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let thread = u32::try_from(what & u64::from(u32::MAX)).ok()?;
        let task = task.checked_sub(1).and_then(|task| u32::try_from(task).ok());
        Some(Event {
            at: Duration::from_nanos(at),
            lane: Lane { thread, task },
            what: *What::ALL.get(usize::try_from(what >> 32).ok()?)?,
            label: label.to_owned(),
        })
    }
}

/// The notes that a process, a thread or a loop makes about itself.
#[derive(Clone, Debug)]
pub struct Notes {
    /// Where.
    pub(super) recorder: Arc<Recorder>,
    /// Its lane.
    pub(super) lane: Lane,
}

impl Notes {
    /// Makes a lane.
    pub fn new(recorder: &Arc<Recorder>, name: impl Display) -> Self {
        Self { recorder: Arc::clone(recorder), lane: recorder.lane(name) }
    }

    /// Notes that the lane enters a state, now.
    pub(super) fn enter(&self, state: State, label: impl Display) {
        self.recorder.note(self.lane, What::Enters(state), label);
    }

    /// Notes that the lane was in a state from `since` until now, and runs again.
    pub(super) fn was(&self, state: State, since: Instant, label: impl Display) {
        self.recorder.note_at(since, self.lane, What::Enters(state), &label);
        self.enter(State::Running, label);
    }
}
