//! The channel between the parent and one worker: a ring for jobs and one for answers, in shared memory.
//!
//! Problem: a pipe costs a system call for each message on each side, and a job can close its descriptors. Shared memory
//! costs none while both sides are busy, and cannot be closed. But a worker may write anything into it.
//!
//! A ring has one producer and one consumer, and is a stream of words. A message is a header of two words and its bytes,
//! filled up to a whole word. It may be longer than the ring: the consumer reads while the producer writes.
//!
//! | ring | first word | second word | then |
//! | --- | --- | --- | --- |
//! | jobs | mark | length, and whether it is a chunk | the argument |
//! | answers | position of its job | length, and whether it is a value | the value, or the failure |
//!
//! An [`EventCount`] lets the worker, and the pool's thread, sleep. Only a side that sleeps costs a system call. No wake-up
//! is lost, because the accesses to its two words are sequentially consistent:
//!
//! ```text
//! sleeper                                 waker
//! reads the count: 7
//! is there a job? no                      publishes a job
//! SLEEPS = 1                              count = 8, also when SLEEPS is 0
//! futex wait while the count is 7         SLEEPS is 1: SLEEPS = 0, futex wake
//! ```
//!
//! **Invariants**
//! - `RING-1`: each side keeps its own cursor in its own memory and publishes a copy. The other side's copy is checked
//!   before it is used; an impossible one is [`Corrupt`]. Bytes are copied out before they are decoded.
//! - `RING-2`: the mark of a job changes once, from `QUEUED`: to `BEGUN` by the worker or to `REVOKED` by the parent. So a
//!   job that is taken back never runs, and one that has begun is never given to another worker.
//!
//! **Source**: Lamport's queue for one producer and one consumer (1977); `io_uring(7)`; Reed and Kanodia,
//! "Synchronization with eventcounts and sequencers" (1979); futex(2).

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::time::Duration;

use crate::os::SharedMemory;

/// The length of a ring: a power of two, so that a position is found without a division.
pub(super) const RING_WORDS: usize = 128 * 1024;
/// How many words a header has.
pub(super) const HEADER_WORDS: usize = 2;
/// How many bytes a word has.
pub(super) const WORD_BYTES: usize = 8;
/// The most bytes that are written or read before the other side sees it. A part of a ring, so that one side writes while
/// the other reads.
const PIECE_BYTES: usize = 128 * 1024;
/// The size of a channel.
pub(super) const CHANNEL_BYTES: usize = (DATA + 2 * RING_WORDS) * WORD_BYTES;
/// Words that different sides write are on different cache lines.
const LINE: usize = 8;
/// The ring from parent to worker.
pub(super) const JOBS: usize = 0;
/// The ring from worker to parent.
pub(super) const ANSWERS: usize = 1;
/// The event count at which the worker sleeps, after the four cursors.
pub(super) const WORKER_EVENTS: usize = 4 * LINE;
/// Not 0 when the worker must leave instead of waiting.
pub(super) const CLOSING: usize = 6 * LINE;
/// Where the rings begin.
const DATA: usize = 8 * LINE;

/// The mark of a job that has not begun.
pub(super) const QUEUED: u64 = 1;
/// The mark of a job that the worker has begun.
const BEGUN: u64 = 2;
/// The mark of a job that the parent has taken back.
const REVOKED: u64 = 3;

/// Something in the shared memory cannot have been written by the pool.
#[derive(Debug)]
pub(super) struct Corrupt(pub(super) &'static str);

impl From<Corrupt> for io::Error {
    fn from(Corrupt(what): Corrupt) -> Self {
        Self::new(io::ErrorKind::InvalidData, what)
    }
}

/// The side of a ring that writes, or the one that reads.
pub(super) struct Side {
    /// The channel.
    memory: Arc<SharedMemory>,
    /// The index of the ring's first word.
    first: usize,
    /// The index of our cursor.
    own: usize,
    /// The index of the other side's cursor.
    other: usize,
    /// How many words were written or read.
    pub(super) position: usize,
    /// Where the other side was when we last looked.
    seen: usize,
}

impl Side {
    /// The producer of an empty ring.
    pub(super) fn producer(memory: &Arc<SharedMemory>, ring: usize) -> Self {
        let (own, other) = (2 * ring * LINE, (2 * ring + 1) * LINE);
        let first = DATA + ring * RING_WORDS;
        Self { memory: Arc::clone(memory), first, own, other, position: 0, seen: 0 }
    }

    /// The consumer of an empty ring.
    pub(super) fn consumer(memory: &Arc<SharedMemory>, ring: usize) -> Self {
        let producer = Self::producer(memory, ring);
        Self { own: producer.other, other: producer.own, ..producer }
    }

    /// Looks where the other side is: between where it was and `most` (`RING-1`). Pairs with the store in `publish`.
    fn look(&mut self, most: usize) -> Result<(), Corrupt> {
        let cursor = usize::try_from(self.memory.word(self.other).load(Acquire)).ok();
        let cursor = cursor.filter(|cursor| (self.seen..=most).contains(cursor));
        self.seen = cursor.ok_or(Corrupt("a cursor of the shared ring cannot be"))?;
        Ok(())
    }

    /// How many words the producer can write. It looks only when it knows of fewer than `wanted`: each look may take the
    /// cursor's cache line from another processor.
    pub(super) fn room(&mut self, wanted: usize) -> Result<usize, Corrupt> {
        if RING_WORDS - (self.position - self.seen) < wanted {
            self.look(self.position)?;
        }
        Ok(RING_WORDS - (self.position - self.seen))
    }

    /// How many words the consumer can read. It looks only when it knows of fewer than `wanted`.
    pub(super) fn available(&mut self, wanted: usize) -> Result<usize, Corrupt> {
        if self.seen - self.position < wanted {
            self.look(self.position + RING_WORDS)?;
        }
        Ok(self.seen - self.position)
    }

    /// The word at a position.
    fn word(&self, position: usize) -> &AtomicU64 {
        self.memory.word(self.first + position % RING_WORDS)
    }

    /// Writes a header, for which the caller has found room. It is published with the first bytes.
    pub(super) fn write_header(
        &mut self,
        first: u64,
        length: usize,
        flag: bool,
    ) -> Result<(), Corrupt> {
        self.room(HEADER_WORDS)?;
        for word in [first, (length as u64) << 1 | u64::from(flag)] {
            self.word(self.position).store(word, Relaxed);
            self.position += 1;
        }
        Ok(())
    }

    /// Reads a header: its first word, the length, and the flag.
    pub(super) fn read_header(&mut self) -> Result<(u64, usize, bool), Corrupt> {
        if self.available(HEADER_WORDS)? < HEADER_WORDS {
            return Err(Corrupt("a header in the shared ring is cut short"));
        }
        let [first, second] = [0, 1].map(|index| self.word(self.position + index).load(Relaxed));
        self.position += HEADER_WORDS;
        let length = usize::try_from(second >> 1).unwrap_or(usize::MAX);
        Ok((first, length, second & 1 == 1))
    }

    /// Writes and publishes the front of `bytes`, as much as there is room for. Returns how much that was.
    pub(super) fn write_some(&mut self, bytes: &[u8]) -> Result<usize, Corrupt> {
        let most = bytes.len().min(PIECE_BYTES);
        let count = most.min(self.room(most.div_ceil(WORD_BYTES))? * WORD_BYTES);
        let start = self.position % RING_WORDS;
        let (front, rest) = bytes[..count].split_at(count.min((RING_WORDS - start) * WORD_BYTES));
        self.memory.write(self.first + start, front);
        self.memory.write(self.first, rest);
        self.pass(count);
        Ok(count)
    }

    /// Appends what is there of the next `most` bytes to `into`, and frees its place.
    pub(super) fn read_some(&mut self, most: usize, into: &mut Vec<u8>) -> Result<(), Corrupt> {
        let most = most.min(PIECE_BYTES);
        let count = most.min(self.available(most.div_ceil(WORD_BYTES))? * WORD_BYTES);
        let start = self.position % RING_WORDS;
        let front = count.min((RING_WORDS - start) * WORD_BYTES);
        self.memory.read(self.first + start, front, into);
        self.memory.read(self.first, count - front, into);
        self.pass(count);
        Ok(())
    }

    /// Goes behind so many bytes, and shows that to the other side; pairs with the load in `look`.
    fn pass(&mut self, count: usize) {
        self.position += count.div_ceil(WORD_BYTES);
        self.memory.word(self.own).store(self.position as u64, Release);
    }

    /// Begins the job whose mark is the next word; false when the parent has taken it back (`RING-2`).
    pub(super) fn begin(&self) -> Result<bool, Corrupt> {
        match self.word(self.position).compare_exchange(QUEUED, BEGUN, AcqRel, Acquire) {
            Ok(_) => Ok(true),
            Err(REVOKED) => Ok(false),
            Err(_) => Err(Corrupt("a job in the shared ring has no mark")),
        }
    }

    /// Tells whether the job that was written at a position has begun. One that was overwritten has.
    pub(super) fn has_begun(&self, position: usize) -> bool {
        let is_there = self.position - position <= RING_WORDS;
        !is_there || self.word(position).load(Acquire) != QUEUED
    }

    /// Takes back the job that was written at a position; false when it has begun (`RING-2`).
    pub(super) fn revoke(&self, position: usize) -> bool {
        let mark = self.word(position);
        !self.has_begun(position) && mark.compare_exchange(QUEUED, REVOKED, AcqRel, Acquire).is_ok()
    }
}

/// A word that counts events, and one that tells whether the one thread that may sleep here does. A process that damages
/// them delays the sleeper until its timeout, and does nothing worse.
pub(super) struct EventCount {
    /// The memory in which both words are.
    pub(super) memory: Arc<SharedMemory>,
    /// The index of the count. The other word is on the next cache line.
    index: usize,
}

impl EventCount {
    /// The event count at a place in shared memory.
    pub(super) fn at(memory: &Arc<SharedMemory>, index: usize) -> Self {
        Self { memory: Arc::clone(memory), index }
    }

    /// Makes an event count, which processes that are forked afterwards have too.
    pub(super) fn new() -> io::Result<Self> {
        let memory = SharedMemory::new(2 * LINE * WORD_BYTES)?;
        Ok(Self { memory: Arc::new(memory), index: 0 })
    }

    /// The count.
    pub(super) fn count(&self) -> u64 {
        self.memory.word(self.index).load(SeqCst)
    }

    /// Raises the count, and wakes the sleeper if there is one.
    pub(super) fn advance(&self) {
        self.memory.word(self.index).fetch_add(1, SeqCst);
        // A plain load first: an exchange would take the cache line from a sleeper that is awake.
        if self.sleeps() && self.memory.word(self.index + LINE).swap(0, SeqCst) != 0 {
            self.memory.wake(self.index);
        }
    }

    /// Wakes the sleeper, whatever the words say.
    pub(super) fn wake(&self) {
        self.memory.word(self.index + LINE).store(1, SeqCst);
        self.advance();
    }

    /// Tells whether a thread sleeps here, or is about to.
    pub(super) fn sleeps(&self) -> bool {
        self.memory.word(self.index + LINE).load(SeqCst) != 0
    }

    /// Sleeps until the count is no longer `seen`, or the time is up. May return early.
    pub(super) fn wait(&self, seen: u64, timeout: Duration) {
        self.memory.word(self.index + LINE).store(1, SeqCst);
        self.memory.wait_while(self.index, seen, timeout);
        self.memory.word(self.index + LINE).store(0, SeqCst);
    }
}
