//! An event count in shared memory: one thread sleeps until other processes say that there is news.
//!
//! Problem: a condition variable of std does not work between processes, and a write to a descriptor is a system call even
//! when the other side is busy. Here only a thread that sleeps costs a system call.
//!
//! No wake-up is lost, because all accesses are sequentially consistent:
//!
//! ```text
//! sleeper                                 waker
//! reads the count: 7
//! is there a job? no                      publishes a job
//! SLEEPS = 1                              count = 8
//! futex wait while the count is 7         SLEEPS is 1: SLEEPS = 0, futex wake
//! ```
//!
//! A process that damages the words delays the sleeper until its timeout, and does nothing worse.
//!
//! **Source**: Reed and Kanodia, "Synchronization with eventcounts and sequencers" (1979); futex(2).

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use super::ring::{LINE, WORD_BYTES};
use crate::os::SharedMemory;

/// An event count: a word that counts, and one that tells whether the one thread that may sleep here does.
pub(super) struct EventCount {
    /// The memory in which both words are.
    memory: Arc<SharedMemory>,
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

    /// Keeps it out of children that are forked from now on.
    pub(super) fn keep_from_children(&self) -> io::Result<()> {
        self.memory.share_with_children(false)
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
        self.memory.word(self.index).fetch_add(1, SeqCst);
        self.memory.word(self.index + LINE).store(0, SeqCst);
        self.memory.wake(self.index);
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
