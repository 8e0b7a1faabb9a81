//! Where events are noted: a ring of records in memory that all processes share.
//!
//! Problem: an event must cost less than what it tells of, a trace of a server must not grow without end, and a worker
//! process that is killed must not take its events with it. So a record is a few words of shared memory. A writer claims
//! the next one with one atomic addition, on any thread of any process, and a claim beyond the end takes the oldest.
//!
//! **Invariants**
//! - `RECORD-1` A record counts once its number is written, after all of its words. A process that is killed leaves at
//!   most one record incomplete for each of its threads, and that one is skipped.
//! - `RECORD-2` Memory is bounded: the oldest events are overwritten, and [`Recording::dropped`] counts them.
//! - `RECORD-3` Times are of the clock that all processes share (`CLOCK_MONOTONIC`), from when the recorder was made.
//!
//! **Source**: the ring buffer of Linux's ftrace.

use std::cell::Cell;
use std::fmt::{self, Display, Write as _};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::event::{
    Event, LABEL_BYTES, LABEL_WORDS, Lane, LaneId, LaneKind, RECORD_WORDS, What, nanos,
};
use crate::os::SharedMemory;
use crate::rt::context::with_current;
use crate::rt::{Moment, Observer, TaskId, Wait};

/// The word that counts the claimed records.
const CLAIMED: usize = 0;
/// The word that counts the lanes.
const LANES: usize = 1;
/// The first word of the table of lanes.
const TABLE: usize = 2;
/// The words of a lane: its kind, whether it is complete, and its name.
const LANE_WORDS: usize = 1 + LABEL_WORDS;
/// The most lanes; what comes later shares the last one.
const MOST_LANES: usize = 512;
/// The first word of the ring.
const RING: usize = TABLE + MOST_LANES * LANE_WORDS;

/// Notes events; shared by reference, and by forked children.
#[derive(Debug)]
pub struct Recorder {
    /// The table and the ring.
    memory: SharedMemory,
    /// The records of the ring.
    capacity: u64,
    /// Time zero; in a forked child the same instant (`RECORD-3`).
    origin: Instant,
}

/// What was noted.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The lanes, by their numbers.
    pub lanes: Vec<Lane>,
    /// The events, in the order in which their records were claimed.
    pub events: Vec<Event>,
    /// How many older events were overwritten.
    pub dropped: u64,
}

/// A label that is being written, cut at its end.
struct Label {
    /// Its bytes; unused ones are zero.
    bytes: [u8; LABEL_BYTES],
    /// How many are used.
    length: usize,
}

impl Recorder {
    /// Makes a recorder of the last `capacity` events. Its memory is taken from the system when it is first used.
    ///
    /// # Errors
    /// Out of memory or address space.
    pub fn new(capacity: u32) -> io::Result<Self> {
        let words = RING + capacity.max(1) as usize * RECORD_WORDS;
        let memory = SharedMemory::new(words * 8)?;
        Ok(Self { memory, capacity: u64::from(capacity.max(1)), origin: Instant::now() })
    }

    /// Adds a lane. Beyond 512, lanes share the last number.
    pub fn lane(&self, kind: LaneKind, name: impl Display) -> LaneId {
        // Pairs with the load in `lanes`; the lane counts when its kind is written.
        let claimed = self.memory.word(LANES).fetch_add(1, Ordering::Relaxed);
        let number = usize::try_from(claimed).unwrap_or(MOST_LANES).min(MOST_LANES - 1);
        let word = TABLE + number * LANE_WORDS;
        self.write_label(word + 1, name);
        self.memory.word(word).store(1 + kind as u64, Ordering::Release);
        LaneId::try_from(number).unwrap_or(0)
    }

    /// Notes an event that happens now.
    pub fn note(&self, lane: LaneId, what: What, label: impl Display) {
        self.note_at(Instant::now(), lane, 0, what, label);
    }

    /// Notes an event that happened at `at`, in a task of the lane's loop.
    pub fn note_at(&self, at: Instant, lane: LaneId, task: u32, what: What, label: impl Display) {
        let number = self.memory.word(CLAIMED).fetch_add(1, Ordering::Relaxed);
        let first = self.place(number);
        let [kind, a, b] = what.to_words();
        let at = nanos(self.since_origin(at));
        let words = [at, kind << 32 | u64::from(lane), u64::from(task), a, b];
        for (offset, word) in (first + 1..).zip(words) {
            self.memory.word(offset).store(word, Ordering::Relaxed);
        }
        self.write_label(first + 1 + words.len(), label);
        // Pairs with the load in `read` (RECORD-1).
        self.memory.word(first).store(number + 1, Ordering::Release);
    }

    /// Returns the time from the recorder's beginning to an instant.
    pub fn since_origin(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.origin)
    }

    /// Reads all that was noted so far. Events that are being noted at this moment may be missing.
    pub fn recording(&self) -> Recording {
        let claimed = self.memory.word(CLAIMED).load(Ordering::Relaxed);
        let dropped = claimed.saturating_sub(self.capacity);
        let events = (dropped..claimed).filter_map(|number| self.read(number)).collect();
        Recording { lanes: self.lanes(), events, dropped }
    }

    /// The first word of a record.
    fn place(&self, number: u64) -> usize {
        let index = usize::try_from(number % self.capacity);
        RING + index.expect("holds because the ring fits into memory") * RECORD_WORDS
    }

    /// Reads the lanes.
    fn lanes(&self) -> Vec<Lane> {
        let claimed = self.memory.word(LANES).load(Ordering::Relaxed);
        let count = usize::try_from(claimed).unwrap_or(MOST_LANES).min(MOST_LANES);
        let read = |number| {
            let word = TABLE + number * LANE_WORDS;
            // Pairs with the store in `lane`.
            let kind = match self.memory.word(word).load(Ordering::Acquire) {
                1 => LaneKind::Process,
                3 => LaneKind::Loop,
                _ => LaneKind::Thread,
            };
            Lane { name: self.read_label(word + 1), kind }
        };
        (0..count).map(read).collect()
    }

    /// Reads a record; nothing if it is incomplete.
    fn read(&self, number: u64) -> Option<Event> {
        let first = self.place(number);
        let word = |offset| self.memory.word(first + offset);
        // Pairs with the store in `note_at` (RECORD-1).
        if word(0).load(Ordering::Acquire) != number + 1 {
            return None;
        }
        let [at, kind, task, a, b] =
            [1, 2, 3, 4, 5].map(|offset| word(offset).load(Ordering::Relaxed));
        Some(Event {
            at: Duration::from_nanos(at),
            lane: u32::try_from(kind & u64::from(u32::MAX)).ok()?,
            task: u32::try_from(task).ok()?,
            what: What::from_words([kind >> 32, a, b])?,
            label: self.read_label(first + 6),
        })
    }

    /// Writes a label to the words from `first` on.
    fn write_label(&self, first: usize, label: impl Display) {
        let mut text = Label { bytes: [0; LABEL_BYTES], length: 0 };
        // It fails for a label that is too long, which is cut.
        let _is_cut = write!(text, "{label}").is_err();
        self.memory.write(first, &text.bytes);
    }

    /// Reads a label.
    fn read_label(&self, first: usize) -> String {
        let mut bytes = Vec::new();
        self.memory.read(first, LABEL_BYTES, &mut bytes);
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
}

impl fmt::Write for Label {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let room = LABEL_BYTES - self.length;
        let cut = piece.floor_char_boundary(room);
        self.bytes[self.length..self.length + cut].copy_from_slice(&piece.as_bytes()[..cut]);
        self.length += cut;
        if cut < piece.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

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
