//! The channel between the parent and one worker: a ring for jobs and one for answers, in shared memory.
//!
//! Problem: a pipe costs system calls, and a job can close it. Shared memory has neither fault, but may hold anything.
//!
//! A ring is a stream of words with one producer and one consumer. A message is a header of two words and its bytes,
//! filled up to a whole word. It may be longer than the ring: the consumer reads while the producer writes.
//!
//! | ring | first word | second word | then |
//! | --- | --- | --- | --- |
//! | jobs | mark | length | the argument |
//! | answers | position of its job, and whether it is a value | length | the value, or the failure |
//!
//! Only a side that sleeps costs a system call. No wake-up is lost, because all of this is sequentially consistent:
//!
//! ```text
//! sleeper                                 waker
//! reads the count: 6
//! is there a job? no                      publishes a job
//! 6 becomes 7: it sleeps                  adds 2; the count was odd: makes it even, futex wake
//! futex wait while the count is 7
//! ```
//!
//! **Invariants**
//! - `RING-1`: each side keeps its own cursor in its own memory and publishes a copy. The other side's copy is checked
//!   before it is used; an impossible one is an error. Bytes are copied out before they are decoded.
//! - `RING-2`: the mark of a job changes once, from `QUEUED`: to `BEGUN` by the worker or to `REVOKED` by the parent. So a
//!   job that is taken back never runs, and one that has begun is never given to another worker.
//! - `RING-3`: a side sleeps only if it has seen every event: a count that was raised since the sleeper
//!   read it does not become odd. The worker is told of a job at once, the parent of an answer later (`PWORKER-5`).
//!
//! **Source**: Lamport's queue (1977); Reed and Kanodia, "Synchronization with eventcounts and sequencers" (1979); futex(2).

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::time::Duration;

use crate::os::{SharedMemory, reserve};

/// The length of a ring: a power of two, so that a position is found without a division.
pub(super) const RING_WORDS: usize = 128 * 1024;
/// How many words a header has.
const HEADER_WORDS: usize = 2;
/// How many bytes a word has.
const WORD_BYTES: usize = 8;
/// The most bytes that are written or read before the other side sees it: a part of a ring, so that both work at a time.
const PIECE_BYTES: usize = 128 * 1024;
/// Words that different sides write are on different cache lines.
const LINE: usize = 8;
/// Where the ring from parent to worker begins, after the event count at which the worker sleeps: two cursors, and the data.
const JOBS: usize = LINE;
/// Where the ring from worker to parent begins.
const ANSWERS: usize = JOBS + 2 * LINE + RING_WORDS;
/// How often either side yields its processor before it sleeps: what it waits for may come meanwhile (bench `process_pool`).
pub(super) const YIELDS: u32 = 100;
/// The size of a channel.
pub(super) const CHANNEL_BYTES: usize = (ANSWERS + 2 * LINE + RING_WORDS) * WORD_BYTES;

/// The mark of a job that has not begun.
pub(super) const QUEUED: u64 = 1;
/// The mark of a job that the worker has begun.
const BEGUN: u64 = 2;
/// The mark of a job that the parent has taken back.
const REVOKED: u64 = 3;

/// The side of a ring that writes, or the one that reads. A producer consumes free words, which the consumer has left.
pub(super) struct Side {
    /// The channel.
    memory: Arc<SharedMemory>,
    /// The index of the ring's first word.
    first: usize,
    /// The index of our cursor.
    own: usize,
    /// The index of the other side's cursor.
    other: usize,
    /// How far we may be ahead of that cursor: a ring's length for the producer, nothing for the consumer.
    lead: usize,
    /// How many words were written or read.
    pub(super) position: usize,
    /// How far the position may go, by the last look at the other side's cursor.
    limit: usize,
}

impl Side {
    /// The producer or the consumer of an empty ring.
    fn new(memory: &Arc<SharedMemory>, ring: usize, is_producer: bool) -> Self {
        let (produced, consumed, first) = (ring, ring + LINE, ring + 2 * LINE);
        let (own, other, lead) =
            if is_producer { (produced, consumed, RING_WORDS) } else { (consumed, produced, 0) };
        Self { memory: Arc::clone(memory), first, own, other, lead, position: 0, limit: lead }
    }

    /// How many words can be written or read. It looks at the other side's cursor only when it knows of fewer than `wanted`:
    /// a look may take the cache line from another processor. Checks the cursor (`RING-1`); pairs with the store in `pass`.
    fn available(&mut self, wanted: usize) -> io::Result<usize> {
        if self.limit - self.position < wanted {
            let cursor = self.memory.word(self.other).load(Acquire);
            let limit = usize::try_from(cursor).ok().and_then(|at| at.checked_add(self.lead));
            let possible = self.limit..=self.position + RING_WORDS;
            let limit = limit.filter(|limit| possible.contains(limit));
            self.limit =
                limit.ok_or_else(|| io::Error::other("a cursor of the shared ring cannot be"))?;
        }
        Ok(self.limit - self.position)
    }

    /// The word at a position.
    fn word(&self, position: usize) -> &AtomicU64 {
        self.memory.word(self.first + position % RING_WORDS)
    }

    /// Writes and publishes the front of `bytes`, as much as there is room for. Returns how much that was.
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = bytes.len().min(PIECE_BYTES);
        let count = most.min(self.available(most.div_ceil(WORD_BYTES))? * WORD_BYTES);
        let start = self.position % RING_WORDS;
        let (front, rest) = bytes[..count].split_at(count.min((RING_WORDS - start) * WORD_BYTES));
        self.memory.write(self.first + start, front);
        self.memory.write(self.first, rest);
        self.pass(count);
        Ok(count)
    }

    /// Appends what is there of the next `most` bytes to `into`, and frees its place.
    fn read_some(&mut self, most: usize, into: &mut Vec<u8>) -> io::Result<()> {
        let most = most.min(PIECE_BYTES);
        let count = most.min(self.available(most.div_ceil(WORD_BYTES))? * WORD_BYTES);
        let start = self.position % RING_WORDS;
        let front = count.min((RING_WORDS - start) * WORD_BYTES);
        self.memory.read(self.first + start, front, into);
        self.memory.read(self.first, count - front, into);
        self.pass(count);
        Ok(())
    }

    /// Goes behind so many bytes, and shows that to the other side; pairs with the load in `available`.
    fn pass(&mut self, count: usize) {
        self.position += count.div_ceil(WORD_BYTES);
        self.memory.word(self.own).store(self.position as u64, Release);
    }
}

/// A message that was received, or a part of it.
pub(super) struct Received {
    /// The first word of its header.
    pub(super) first: u64,
    /// How many bytes it has.
    length: usize,
    /// Those that were read.
    pub(super) bytes: Vec<u8>,
}

/// One end of a channel: the parent's or the worker's. It sends and receives messages, and never waits.
pub(super) struct Endpoint {
    /// Messages go out here.
    pub(super) output: Side,
    /// Messages come in here.
    pub(super) input: Side,
    /// How many bytes of the last message were not sent.
    pub(super) unsent: usize,
    /// The message that was received in part.
    partial: Option<Received>,
    /// The other side sleeps here.
    pub(super) peer: EventCount,
}

impl Endpoint {
    /// An end of an empty channel.
    pub(super) fn new(channel: &Arc<SharedMemory>, is_parent: bool, peer: EventCount) -> Self {
        let (out, back) = if is_parent { (JOBS, ANSWERS) } else { (ANSWERS, JOBS) };
        let (output, input) = (Side::new(channel, out, true), Side::new(channel, back, false));
        Self { output, input, unsent: 0, partial: None, peer }
    }

    /// Tells whether something can be received.
    pub(super) fn has_input(&mut self) -> io::Result<bool> {
        Ok(self.input.available(1)? > 0)
    }

    /// Tells whether there is room for a header and so many bytes.
    pub(super) fn has_room(&mut self, bytes: usize) -> io::Result<bool> {
        let words = HEADER_WORDS + bytes.div_ceil(WORD_BYTES);
        Ok(self.output.available(words)? >= words)
    }

    /// Sends a message, or what there is room for; there must be room for the header. The caller tells the other side.
    pub(super) fn send(&mut self, first: u64, bytes: &[u8]) -> io::Result<()> {
        for word in [first, bytes.len() as u64] {
            self.output.word(self.output.position).store(word, Relaxed);
            self.output.position += 1;
        }
        self.unsent = bytes.len();
        self.send_rest(bytes)
    }

    /// Sends more of the last message, as much as there is room for, and tells the other side of each piece but the last.
    pub(super) fn send_rest(&mut self, bytes: &[u8]) -> io::Result<()> {
        loop {
            let written = self.output.write_some(&bytes[bytes.len() - self.unsent..])?;
            self.unsent -= written;
            if self.unsent == 0 || written == 0 {
                return Ok(());
            }
            self.peer.advance();
        }
    }

    /// Receives the next message; or a piece of it, returns `None`, and tells that there is room. Something must be there.
    pub(super) fn receive(&mut self) -> io::Result<Option<Received>> {
        let mut message = match self.partial.take() {
            Some(partial) => partial,
            None => self.receive_header()?,
        };
        self.input.read_some(message.length - message.bytes.len(), &mut message.bytes)?;
        if message.bytes.len() == message.length {
            return Ok(Some(message));
        }
        self.partial = Some(message);
        self.peer.advance();
        Ok(None)
    }

    /// Receives a header, and reserves memory for the bytes: a page of it counts once it is written.
    fn receive_header(&mut self) -> io::Result<Received> {
        if self.input.available(HEADER_WORDS)? < HEADER_WORDS {
            return Err(io::Error::other("a header in the shared ring is cut short"));
        }
        let start = self.input.position;
        let [first, second] = [start, start + 1].map(|at| self.input.word(at).load(Relaxed));
        self.input.position += HEADER_WORDS;
        let length = usize::try_from(second).unwrap_or(usize::MAX);
        Ok(Received { first, length, bytes: reserve(length)? })
    }

    /// Begins the job that is received next, and returns its position; `None` when the parent has taken it back (`RING-2`).
    pub(super) fn begin(&self) -> io::Result<Option<usize>> {
        let position = self.input.position;
        match self.input.word(position).compare_exchange(QUEUED, BEGUN, AcqRel, Acquire) {
            Ok(_) => Ok(Some(position)),
            Err(REVOKED) => Ok(None),
            Err(_) => Err(io::Error::other("a job in the shared ring has no mark")),
        }
    }

    /// Tells whether the job that was sent at a position has begun. One that was overwritten has.
    pub(super) fn has_begun(&self, position: usize) -> bool {
        let is_there = self.output.position - position <= RING_WORDS;
        !is_there || self.output.word(position).load(Acquire) != QUEUED
    }

    /// Takes back the job that was sent at a position; false when it has begun (`RING-2`).
    pub(super) fn revoke(&self, position: usize) -> bool {
        let mark = self.output.word(position);
        !self.has_begun(position) && mark.compare_exchange(QUEUED, REVOKED, AcqRel, Acquire).is_ok()
    }
}

/// A word that counts events in twos. It is odd while the one thread that may sleep here does, or is about to. A process
/// that damages it delays the sleeper until its timeout, and does nothing worse.
#[derive(Clone)]
pub(super) struct EventCount {
    /// The memory that begins with the count.
    pub(super) memory: Arc<SharedMemory>,
}

impl EventCount {
    /// Makes an event count, which processes that are forked afterwards have too.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { memory: Arc::new(SharedMemory::new(2 * LINE * WORD_BYTES)?) })
    }

    /// Tells whether the sleeper wants each event at once: a hint, in a line of its own. Only the memory of `new` has it.
    pub(super) fn is_urgent(&self) -> bool {
        self.memory.word(LINE).load(SeqCst) > 0
    }

    /// Sets the hint. A change is an event itself: there may be answers that the sleeper was not told of.
    pub(super) fn set_urgent(&self, is_urgent: bool) {
        if self.is_urgent() != is_urgent {
            self.memory.word(LINE).store(u64::from(is_urgent), SeqCst);
            self.advance();
        }
    }

    /// The count.
    pub(super) fn count(&self) -> u64 {
        self.memory.word(0).load(SeqCst)
    }

    /// Raises the count, and wakes the sleeper if there is one.
    pub(super) fn advance(&self) {
        if self.memory.word(0).fetch_add(2, SeqCst) & 1 == 1 {
            self.memory.word(0).fetch_and(!1, SeqCst);
            self.memory.wake(0);
        }
    }

    /// Wakes the sleeper, whatever the word says.
    pub(super) fn wake(&self) {
        self.memory.word(0).fetch_or(1, SeqCst);
        self.advance();
    }

    /// Sleeps until the count is no longer `seen`, or the time is up. May return early.
    pub(super) fn wait(&self, seen: u64, timeout: Duration) {
        let asleep = seen | 1;
        if self.memory.word(0).compare_exchange(seen, asleep, SeqCst, SeqCst).is_ok() {
            self.memory.wait_while(0, asleep, timeout);
            self.memory.word(0).fetch_and(!1, SeqCst);
        }
    }
}
