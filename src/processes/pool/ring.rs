//! The channel between the parent and one worker: two shared rings, and the way each side sleeps and wakes the other.
//!
//! Problem: a pipe or a socket costs a system call for each message on each side, and a job can close its descriptors.
//! Shared memory costs none while both sides are busy, and a job cannot close it. But a worker may write anything into
//! it, so the parent must not trust what it reads there.
//!
//! Each ring has one producer and one consumer, and is a stream of words. A message is a header and its bytes, filled
//! up to a whole word. A message may be longer than the ring: the consumer reads while the producer writes.
//!
//! ```text
//! job:    [mark] [length in bytes] [kind] bytes ...          parent ──▶ worker
//! answer: [position of its job] [length and kind] bytes ...  worker ──▶ parent
//!
//!            read            written          cursors count words and never go back; each is written by one side
//!   ─────────┴───────────────┴──────────▶
//!   free     │ to be read    │ free
//! ```
//!
//! **Invariants**
//! - `RING-1`: each side keeps its own cursor in its own memory and publishes a copy. The copy of the other side is
//!   checked against what is possible before it is used; an impossible one is [`Corrupt`].
//! - `RING-2`: bytes are copied out of the ring before they are decoded.
//! - `RING-3`: the mark of a job is changed once, from `QUEUED`: by the worker to `BEGUN` or by the parent to `REVOKED`.
//!   So a job that the parent takes back is never run, and one that has begun is never given to another worker.
//!
//! The worker sleeps on a word of its channel. No wake-up is lost, since all four accesses are sequentially consistent:
//!
//! ```text
//! worker                                  parent
//! ASLEEP = 1
//! is there a job? no                      publish a job
//! futex wait while ASLEEP is 1            ASLEEP is 1: ASLEEP = 0, futex wake
//! ```
//!
//! **Source**: the single-producer single-consumer queue of Lamport (1977); `io_uring(7)` and the rings of virtio, for
//! wake-ups that are sent only to a side that sleeps.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::os::SharedMemory;

/// The length of a ring. A power of two, so that a cursor's place is found without a division.
pub(super) const RING_WORDS: usize = 32 * 1024;
/// How many bytes a word has.
pub(super) const WORD_BYTES: usize = 8;
/// The size of a channel.
pub(super) const CHANNEL_BYTES: usize = (DATA + 2 * RING_WORDS) * WORD_BYTES;

/// The cursors of the jobs, then those of the answers: written, and one line further, read.
const CURSORS: [usize; 2] = [0, 2 * LINE];
/// Not 0 while the worker sleeps, or is about to.
const ASLEEP: usize = 4 * LINE;
/// Not 0 while the parent needs no call for each answer, only when the worker is about to sleep.
pub(super) const BATCHES: usize = 5 * LINE;
/// Not 0 when the worker shall leave instead of waiting for a job.
pub(super) const CLOSING: usize = 6 * LINE;
/// Where the rings begin.
const DATA: usize = 8 * LINE;
/// Words that are written by different sides stand on different cache lines.
const LINE: usize = 8;

/// The mark of a job that has not begun.
pub(super) const QUEUED: u64 = 1;
/// The mark of a job that the worker has begun.
const BEGUN: u64 = 2;
/// The mark of a job that the parent has taken back.
const REVOKED: u64 = 3;

/// What stands in the shared memory cannot have been written by the pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Corrupt(pub(super) &'static str);

impl From<Corrupt> for io::Error {
    fn from(Corrupt(what): Corrupt) -> Self {
        Self::new(io::ErrorKind::InvalidData, what)
    }
}

/// Which of the two rings.
#[derive(Clone, Copy, Debug)]
pub(super) enum Direction {
    /// From parent to worker.
    Jobs,
    /// From worker to parent.
    Answers,
}

/// One ring, as both sides see it.
struct Ring {
    /// The channel.
    memory: Arc<SharedMemory>,
    /// The index of its cursor `written`; that of `read` is one line further.
    cursors: usize,
    /// The index of its first word.
    first: usize,
}

/// The side that writes.
pub(super) struct Producer {
    /// The ring.
    ring: Ring,
    /// How many words were written, with those that were not published yet.
    written: usize,
    /// What the consumer had read when we last looked.
    read: usize,
}

/// The side that reads.
pub(super) struct Consumer {
    /// The ring.
    ring: Ring,
    /// How many words were read.
    read: usize,
    /// What the producer had written when we last looked.
    written: usize,
}

impl Ring {
    /// One ring of a channel.
    fn new(memory: &Arc<SharedMemory>, direction: Direction) -> Self {
        let number = direction as usize;
        let first = DATA + number * RING_WORDS;
        Self { memory: Arc::clone(memory), cursors: CURSORS[number], first }
    }

    /// Reads the cursor of the other side, which must lie between `least` and `most` (`RING-1`).
    fn cursor(&self, index: usize, least: usize, most: usize) -> Result<usize, Corrupt> {
        let cursor = usize::try_from(self.memory.word(index).load(Ordering::SeqCst));
        let possible = cursor.ok().filter(|cursor| (least..=most).contains(cursor));
        possible.ok_or(Corrupt("a cursor of the shared ring is impossible"))
    }

    /// The index of the word at a position.
    fn place(&self, position: usize) -> usize {
        self.first + position % RING_WORDS
    }
}

impl Producer {
    /// The producer of an empty ring.
    pub(super) fn new(memory: &Arc<SharedMemory>, direction: Direction) -> Self {
        Self { ring: Ring::new(memory, direction), written: 0, read: 0 }
    }

    /// Where the next word goes.
    pub(super) fn position(&self) -> usize {
        self.written
    }

    /// How many words fit.
    pub(super) fn room(&mut self) -> Result<usize, Corrupt> {
        self.read = self.ring.cursor(self.ring.cursors + LINE, self.read, self.written)?;
        Ok(RING_WORDS - (self.written - self.read))
    }

    /// Writes words, for which the caller has found room.
    pub(super) fn write_words(&mut self, words: &[u64]) {
        for word in words {
            let place = self.ring.place(self.written);
            self.ring.memory.word(place).store(*word, Ordering::Relaxed);
            self.written += 1;
        }
    }

    /// Writes the front of `bytes`, as much as there is room for, and publishes it. Returns how much that was.
    pub(super) fn write_some(&mut self, bytes: &[u8]) -> Result<usize, Corrupt> {
        let bytes = &bytes[..bytes.len().min(self.room()? * WORD_BYTES)];
        let start = self.ring.place(self.written);
        let until_end = (self.ring.first + RING_WORDS - start) * WORD_BYTES;
        let (front, rest) = bytes.split_at(bytes.len().min(until_end));
        self.ring.memory.write(start, front);
        self.ring.memory.write(self.ring.first, rest);
        self.written += bytes.len().div_ceil(WORD_BYTES);
        self.publish();
        Ok(bytes.len())
    }

    /// Shows the consumer what was written; pairs with the load in `available`.
    pub(super) fn publish(&self) {
        self.ring.memory.word(self.ring.cursors).store(self.written as u64, Ordering::SeqCst);
    }

    /// Tells whether the job at this position has begun. One that was overwritten has.
    pub(super) fn has_begun(&self, position: usize) -> bool {
        let mark = self.ring.memory.word(self.ring.place(position)).load(Ordering::Acquire);
        self.written - position > RING_WORDS || mark != QUEUED
    }

    /// Tells whether the worker sleeps and has read everything.
    pub(super) fn is_idle(&mut self) -> bool {
        let sleeps = self.ring.memory.word(ASLEEP).load(Ordering::SeqCst) != 0;
        sleeps && self.room().is_ok_and(|room| room == RING_WORDS)
    }

    /// Takes back the job at this position; false when it has begun (`RING-3`).
    pub(super) fn revoke(&self, position: usize) -> bool {
        let mark = self.ring.memory.word(self.ring.place(position));
        self.written - position <= RING_WORDS
            && mark.compare_exchange(QUEUED, REVOKED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Consumer {
    /// The consumer of an empty ring.
    pub(super) fn new(memory: &Arc<SharedMemory>, direction: Direction) -> Self {
        Self { ring: Ring::new(memory, direction), read: 0, written: 0 }
    }

    /// Where the next word comes from.
    pub(super) fn position(&self) -> usize {
        self.read
    }

    /// How many words can be read.
    pub(super) fn available(&mut self) -> Result<usize, Corrupt> {
        let (least, most) = (self.written, self.read + RING_WORDS);
        self.written = self.ring.cursor(self.ring.cursors, least, most)?;
        Ok(self.written - self.read)
    }

    /// Begins the job whose mark is the next word; false when the parent has taken it back (`RING-3`).
    pub(super) fn begin(&self) -> Result<bool, Corrupt> {
        let mark = self.ring.memory.word(self.ring.place(self.read));
        match mark.compare_exchange(QUEUED, BEGUN, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(true),
            Err(REVOKED) => Ok(false),
            Err(_) => Err(Corrupt("a job in the shared ring has no mark")),
        }
    }

    /// Reads the header of a message, which its producer has published as a whole.
    pub(super) fn read_header<const N: usize>(&mut self) -> Result<[u64; N], Corrupt> {
        if self.written - self.read < N {
            return Err(Corrupt("a message in the shared ring is cut short"));
        }
        let mut words = [0; N];
        for word in &mut words {
            *word = self.ring.memory.word(self.ring.place(self.read)).load(Ordering::Relaxed);
            self.read += 1;
        }
        Ok(words)
    }

    /// Appends what is there of the next `most` bytes to `into`, and frees its place. Returns how much that was.
    pub(super) fn read_some(&mut self, most: usize, into: &mut Vec<u8>) -> Result<usize, Corrupt> {
        let count = most.min(self.available()? * WORD_BYTES);
        let start = self.ring.place(self.read);
        let front = count.min((self.ring.first + RING_WORDS - start) * WORD_BYTES);
        self.ring.memory.read(start, front, into);
        self.ring.memory.read(self.ring.first, count - front, into);
        self.read += count.div_ceil(WORD_BYTES);
        self.publish();
        Ok(count)
    }

    /// Gives the place of what was read back to the producer; pairs with the load in `room`.
    pub(super) fn publish(&self) {
        let cursor = self.ring.memory.word(self.ring.cursors + LINE);
        cursor.store(self.read as u64, Ordering::SeqCst);
    }
}

/// Puts the worker to sleep until the parent wakes it, unless `is_ready`.
pub(super) fn sleep(
    channel: &SharedMemory,
    is_ready: impl FnOnce() -> Result<bool, Corrupt>,
) -> Result<(), Corrupt> {
    channel.word(ASLEEP).store(1, Ordering::SeqCst);
    if !is_ready()? {
        channel.wait_while(ASLEEP, 1, Duration::MAX);
    }
    channel.word(ASLEEP).store(0, Ordering::SeqCst);
    Ok(())
}

/// Wakes the worker, if it sleeps.
pub(super) fn wake(channel: &SharedMemory) {
    if channel.word(ASLEEP).load(Ordering::SeqCst) != 0 {
        wake_anyway(channel);
    }
}

/// Wakes the worker, also if its word does not say that it sleeps.
pub(super) fn wake_anyway(channel: &SharedMemory) {
    channel.word(ASLEEP).store(0, Ordering::SeqCst);
    channel.wake(ASLEEP);
}

/// The bell of the pool's thread: a word in memory that the pool, its fork server and all workers share.
///
/// A worker that damages it can delay other workers' answers until the thread's next look, and nothing else.
pub(super) struct Bell(SharedMemory);

impl Bell {
    /// How often it rang; the thread sleeps on this word.
    const RANG: usize = 0;
    /// Not 0 while the thread sleeps, or is about to.
    const SLEEPS: usize = LINE;
    /// How many notices the fork server has sent.
    const NOTICES: usize = 2 * LINE;

    /// Makes one, which processes that are forked afterwards have too.
    pub(super) fn new() -> io::Result<Self> {
        let (memory, _mapped) = SharedMemory::new(3 * LINE * WORD_BYTES)?;
        Ok(Self(memory))
    }

    /// Keeps it out of children that are forked from now on.
    pub(super) fn keep_from_children(&self) -> io::Result<()> {
        self.0.keep_from_children()
    }

    /// Wakes the thread, or has it look once more before it sleeps.
    pub(super) fn ring(&self) {
        self.0.word(Self::RANG).fetch_add(1, Ordering::SeqCst);
        if self.0.word(Self::SLEEPS).load(Ordering::SeqCst) != 0 {
            self.0.wake(Self::RANG);
        }
    }

    /// Counts a notice, and rings.
    pub(super) fn ring_for_notice(&self) {
        self.0.word(Self::NOTICES).fetch_add(1, Ordering::SeqCst);
        self.ring();
    }

    /// How often it rang, and how many notices there were.
    pub(super) fn seen(&self) -> (u64, u64) {
        let rang = self.0.word(Self::RANG).load(Ordering::SeqCst);
        (rang, self.0.word(Self::NOTICES).load(Ordering::SeqCst))
    }

    /// Sleeps until it rings more often than `rang`, or the time is up.
    pub(super) fn wait(&self, rang: u64, timeout: Duration) {
        self.0.word(Self::SLEEPS).store(1, Ordering::SeqCst);
        self.0.wait_while(Self::RANG, rang, timeout);
        self.0.word(Self::SLEEPS).store(0, Ordering::SeqCst);
    }
}
