//! What is noted, and where: a ring of records in memory that all processes share.
//!
//! Problem: an event must cost less than what it tells of, memory must be bounded, and a worker process that is killed must
//! not take its events with it. So a record is a few words of shared memory. A writer, on any thread of any process, claims
//! the next one with one atomic addition; beyond the end that is the oldest.
//!
//! **Invariants**
//! - `RECORD-1` A record counts while it has its number, which is written after all of its words and cleared before
//!   any. A process that is killed leaves at most one record incomplete for each of its threads, and that one is skipped.
//! - `RECORD-2` Memory is bounded: the oldest events are overwritten, and [`Recorder::events`] counts them. The names
//!   of the first 4,096 threads and processes stand before the ring, and stay.
//! - Times are of the clock that all processes share (`CLOCK_MONOTONIC`), from when the recorder was made.
//!
//! **Source**: the ring buffer of Linux's ftrace.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};

use What::{Begins, Blocked, Due, Idle, Lock, Parked, Ready, Receives, Running, Sends};

use crate::os::SharedMemory;

/// The word that counts the claimed records of the ring.
const CLAIMED: usize = 0;
/// The word that counts the threads and processes.
const LANES: usize = 1;
/// The first word of the records: first those with the names of lanes, then the ring.
const RECORDS: usize = 2;
/// How many records have names.
const MOST_NAMES: usize = 4_096;
/// The words of a record: its number, the time, what and on which thread, the task, and a label.
const RECORD_WORDS: usize = 4 + LABEL_BYTES / 8;
/// A label is cut after so many bytes.
const LABEL_BYTES: usize = 48;

/// A lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The number of the process or thread in its recorder.
    pub thread: u32,
    /// The task, if the thread runs an event loop; 0 is the future that was given to `block_on`.
    pub task: Option<u32>,
}

/// What happened: a lane is in a state from now on, or one of the last four.
///
/// The label of a state is the job that the lane works at, or what a parked task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// It computes.
    Running,
    /// It could run, and waits for a processor, or for its turn in the loop. A task was woken, perhaps in its own poll.
    Ready,
    /// The kernel wakes it when the socket, the child or the time is there. Its thread can do nothing else.
    Blocked,
    /// It waits for a lock that another thread holds.
    Lock,
    /// A task that waits for an event. It holds no thread.
    Parked,
    /// It does not exist yet, or not any more, or has nothing to do.
    Idle,
    /// There is a new lane; the label is its name.
    Begins,
    /// A timer of the loop was due at that time. The next wakes are those of timers.
    Due,
    /// The lane sends what the label names.
    Sends,
    /// The lane has what was sent under this label.
    Receives,
}

/// Everything that can happen, by its number in a record.
const ALL: [What; 10] = [Running, Ready, Blocked, Lock, Parked, Idle, Begins, Due, Sends, Receives];

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, since the recorder was made.
    pub at: Duration,
    /// On which lane.
    pub lane: Lane,
    /// What.
    pub what: What,
    /// A name, as the kind of event has it.
    pub label: String,
}

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

impl Recorder {
    /// Makes a recorder of the last `capacity` events. Its memory is taken from the system when it is first used.
    ///
    /// # Errors
    /// Out of memory or address space.
    pub fn new(capacity: u32) -> io::Result<Self> {
        let capacity = capacity.max(1) as usize;
        let memory = SharedMemory::new((RECORDS + (MOST_NAMES + capacity) * RECORD_WORDS) * 8)?;
        Ok(Self { memory, capacity, origin: Instant::now() })
    }

    /// Adds the lane of a thread or process.
    pub fn lane(&self, name: impl Display) -> Lane {
        let number = self.memory.word(LANES).fetch_add(1, Ordering::Relaxed);
        let lane = Lane { thread: u32::try_from(number).unwrap_or(u32::MAX), task: None };
        self.note(lane, Begins, name);
        lane
    }

    /// Notes an event that happens now.
    pub fn note(&self, lane: Lane, what: What, label: impl Display) {
        self.note_at(Instant::now(), lane, what, label);
    }

    /// Notes an event that happened at `at`.
    pub fn note_at(&self, at: Instant, lane: Lane, what: What, label: impl Display) {
        let (mut place, mut number) = (lane.thread as usize, u64::from(lane.thread));
        if what != Begins || lane.task.is_some() || place >= MOST_NAMES {
            number = self.memory.word(CLAIMED).fetch_add(1, Ordering::Relaxed);
            place = self.place(number);
        }
        let mut bytes = [0; LABEL_BYTES];
        // It fails for a label that is too long, which is cut.
        let _is_cut = write!(&mut bytes[..], "{label}").is_err();
        let nanos = at.saturating_duration_since(self.origin).as_nanos();
        let first = RECORDS + place * RECORD_WORDS;
        let store = |offset, word| self.memory.word(first + offset).store(word, Ordering::Relaxed);
        store(0, 0);
        // Pairs with the fence in `read` (RECORD-1).
        fence(Ordering::Release);
        store(1, u64::try_from(nanos).unwrap_or(u64::MAX));
        store(2, (what as u64) << 32 | u64::from(lane.thread));
        store(3, lane.task.map_or(0, |task| 1 + u64::from(task)));
        self.memory.write(first + 4, &bytes);
        // Pairs with the first load in `read` (RECORD-1).
        self.memory.word(first).store(number + 1, Ordering::Release);
    }

    /// Reads the beginnings of threads and processes, and the events in the order in which their records were claimed; and
    /// how many older ones were overwritten. Events that are being noted at this moment may be missing.
    pub fn events(&self) -> (Vec<Event>, u64) {
        let count = |word| self.memory.word(word).load(Ordering::Relaxed);
        let (lanes, claimed) = (count(LANES).min(MOST_NAMES as u64), count(CLAIMED));
        let dropped = claimed.saturating_sub(self.capacity as u64);
        let ring = (dropped..claimed).map(|number| (self.place(number), number));
        let all = (0..).zip(0..lanes).chain(ring);
        (all.filter_map(|(place, number)| self.read(place, number)).collect(), dropped)
    }

    /// The place of a record of the ring among all records.
    fn place(&self, number: u64) -> usize {
        let index = usize::try_from(number % self.capacity as u64);
        MOST_NAMES + index.expect("holds because the ring fits into memory")
    }

    /// Reads a record; nothing if it is incomplete, or another's by now.
    fn read(&self, place: usize, number: u64) -> Option<Event> {
        let first = RECORDS + place * RECORD_WORDS;
        let word = |offset, ordering| self.memory.word(first + offset).load(ordering);
        let is_complete = word(0, Ordering::Acquire) == number + 1;
        let [nanos, what, task] = [1, 2, 3].map(|offset| word(offset, Ordering::Relaxed));
        let mut bytes = Vec::new();
        self.memory.read(first + 4, LABEL_BYTES, &mut bytes);
        // Pairs with the fence in `note_at` (RECORD-1).
        fence(Ordering::Acquire);
        if !is_complete || word(0, Ordering::Relaxed) != number + 1 {
            return None;
        }
        let used = bytes.split(|byte| *byte == 0).next()?;
        // A character that was cut is no valid one.
        let label = used.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let thread = u32::try_from(what & u64::from(u32::MAX)).ok()?;
        let task = task.checked_sub(1).and_then(|task| u32::try_from(task).ok());
        let (at, lane) = (Duration::from_nanos(nanos), Lane { thread, task });
        let what = *ALL.get(usize::try_from(what >> 32).ok()?)?;
        Some(Event { at, lane, what, label: label.to_owned() })
    }
}
