//! The ledger: what a worker leaves for its parent to read without asking, in memory that both share.
//!
//! Problem: a worker that was killed cannot say which job it was at. A result that waits in its memory, to be sent
//! together with the next ones, is lost with it, or waits behind a job that takes an hour. And a long result that
//! goes through a socket is copied into the kernel and out again.
//!
//! **Invariants**
//! - `LEDGER-1`: a worker claims a job before it runs it: jobs below the claim have begun, the others never ran.
//! - `LEDGER-2`: each byte a worker has written stands in the ledger until it was sent: so a result that is
//!   finished is never lost, and the parent can fetch it before it is sent.
//! - `LEDGER-3`: a parent that revokes the claim gets every job that has not begun back. The worker skips jobs
//!   until the frame [`Kind::Resume`](super::frame::Kind::Resume); until then the parent does not revoke again.
//! - `LEDGER-4`: a piece of a long value is written into a slot only when the parent has read what was there.
//!
//! How `LEDGER-3` holds; both change one word, each in one step:
//!
//! ```text
//! worker, at job 7                        parent
//! claim: 7 -> 8, run job 7
//!                                         revoke: 8 -> 8 + mark; so job 7 runs, 8 and 9 come back
//! claim: mark seen, skip 8 and 9
//!                                         sends Resume, then another job
//! Resume: 8 + mark -> 8
//! claim: 8 -> 9, run the other job
//! ```
//!
//! **Left out**: results through the ledger alone, without a socket: a parent that waits for several workers needs
//! something to wait for. For one that waits for a single job, see `doze`.
//!
//! **Source**: the work-stealing queue of Cilk-5 (one word that owner and thief contend for); seqlocks.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use crate::os::SharedMemory;

/// The number of the next job that may begin, and the mark. Alone in its cache line, for both sides write it.
const CLAIM: usize = 0;
/// How many bytes the worker has written to its stream, ever.
const WRITTEN: usize = 8;
/// How many of these it had sent when it last emptied the results' area.
const BASE: usize = 9;
/// When the job began that was claimed last, if it has a limit, as [`nanos`](crate::os::nanos) counts.
const BEGUN_AT: usize = 10;
/// How many pieces of long values the parent has read, ever.
const PIECES_READ: usize = 16;
/// 1 while the worker sleeps until the parent has read a piece.
const WORKER_SLEEPS: usize = 17;
/// Whether a leader dozes, and how it was woken (`doze`). Alone in its cache line, like the claim.
pub(super) const OWNER: usize = 24;
/// The mark of a revoked claim.
const REVOKED: u64 = 1 << 63;
/// Where the results that were not sent begin.
const RESULTS_AT: usize = 4096;
/// How many bytes of results may wait to be sent.
pub(super) const RESULTS_BYTES: usize = 64 * 1024;
/// Where the slots for pieces of long values begin.
const SLOTS_AT: usize = RESULTS_AT + RESULTS_BYTES;
/// How long a piece is. Measured with `benches/process_pool.rs`: four of these stay in a core's cache.
pub(super) const PIECE_BYTES: usize = 256 * 1024;
/// How many pieces may be under way: the worker writes one while the parent reads another.
const SLOTS: u64 = 4;
/// All of it. What is never touched takes no memory.
const LEDGER_BYTES: usize = SLOTS_AT + PIECE_BYTES * 4;
/// How long a worker sleeps for a free slot before it looks again, should a wake-up be lost. Taste.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The shared memory of one worker and its parent.
#[derive(Debug)]
pub(super) struct Ledger {
    /// The words and areas named above.
    pub(super) memory: SharedMemory,
}

impl Ledger {
    /// Makes an empty ledger, and the descriptor by which the other side maps it.
    pub(super) fn new() -> io::Result<(Self, OwnedFd)> {
        let (memory, fd) = SharedMemory::new(LEDGER_BYTES)?;
        Ok((Self { memory }, fd))
    }

    /// Maps the ledger that another process has made.
    pub(super) fn map(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let memory = SharedMemory::map(fd)?;
        if memory.len() < LEDGER_BYTES {
            return Err(io::Error::other("map a ledger: too short"));
        }
        Ok(Self { memory })
    }

    /// Worker: claims job `number`; false when it was revoked (`LEDGER-1`, `LEDGER-3`).
    pub(super) fn claim(&self, number: u64) -> bool {
        let word = self.memory.word(CLAIM);
        // Pairs with the read-modify-write in `revoke`: one of the two comes first, and the other sees it.
        word.compare_exchange(number, number + 1, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Worker: notes when the job begins that it will claim next.
    pub(super) fn note_begin(&self, now: u64) {
        // Ordered by the claim that follows: pairs with the load in `begun`, after which `ran_for` reads this.
        self.memory.word(BEGUN_AT).store(now, Ordering::Relaxed);
    }

    /// Parent: for how long the job has run that was claimed last, if it has a limit.
    pub(super) fn ran_for(&self, now: u64) -> Duration {
        Duration::from_nanos(now.saturating_sub(self.memory.word(BEGUN_AT).load(Ordering::Relaxed)))
    }

    /// Worker: takes the mark off.
    pub(super) fn resume(&self) {
        // Pairs with the load in `revoke` and in `begun`.
        self.memory.word(CLAIM).fetch_and(!REVOKED, Ordering::AcqRel);
    }

    /// Parent: how many jobs have begun (`LEDGER-1`).
    pub(super) fn begun(&self) -> u64 {
        // Pairs with the exchange in `claim`.
        self.memory.word(CLAIM).load(Ordering::Acquire) & !REVOKED
    }

    /// Parent: keeps every job that has not begun from beginning, and tells how many have; `None` when the worker
    /// has not yet seen the last such call (`LEDGER-3`).
    pub(super) fn revoke(&self) -> Option<u64> {
        // Pairs with the exchange in `claim` and the change in `resume`.
        let before = self.memory.word(CLAIM).fetch_or(REVOKED, Ordering::AcqRel);
        (before & REVOKED == 0).then_some(before)
    }

    /// Worker: notes bytes that will be sent, behind the `waiting` bytes that wait already (`LEDGER-2`).
    pub(super) fn note(&self, waiting: usize, bytes: &[u8]) {
        self.memory.write(RESULTS_AT + waiting, bytes);
        let word = self.memory.word(WRITTEN);
        // Only the worker writes this word. The release pairs with the load in `fetch`: who sees the new count
        // sees the bytes (SHM-4).
        word.store(word.load(Ordering::Relaxed) + bytes.len() as u64, Ordering::Release);
    }

    /// Parent: how many bytes the worker has written, ever.
    pub(super) fn written(&self) -> u64 {
        // Pairs with the store in `note`.
        self.memory.word(WRITTEN).load(Ordering::Acquire)
    }

    /// Worker: everything noted was sent.
    pub(super) fn sent(&self) {
        let written = self.memory.word(WRITTEN).load(Ordering::Relaxed);
        // Pairs with the loads in `fetch`: who saw bytes written after this sees this too, and starts again.
        self.memory.word(BASE).store(written, Ordering::Relaxed);
        fence(Ordering::Release);
    }

    /// Parent: appends to `into` what the worker has written beyond the first `have` bytes of its stream. Nothing
    /// when these bytes, or some before them, are on their way through the socket: they come first.
    pub(super) fn fetch(&self, have: u64, into: &mut Vec<u8>) -> usize {
        let length = into.len();
        loop {
            let base = self.memory.word(BASE).load(Ordering::Acquire);
            // Pairs with the store in `note`.
            let written = self.memory.word(WRITTEN).load(Ordering::Acquire);
            let from = have.checked_sub(base).and_then(|from| usize::try_from(from).ok());
            let count = written.checked_sub(have).and_then(|count| usize::try_from(count).ok());
            let (Some(from), Some(count)) = (from, count) else { return 0 };
            if count == 0 || from + count > RESULTS_BYTES {
                return 0;
            }
            self.memory.read(RESULTS_AT + from, count, into);
            // A seqlock's end: unless the area was emptied meanwhile, what was read is what was written.
            fence(Ordering::Acquire);
            if self.memory.word(BASE).load(Ordering::Relaxed) == base {
                return count;
            }
            into.truncate(length);
        }
    }

    /// Worker: writes piece `number`, once there is a free slot (`LEDGER-4`).
    ///
    /// # Blocking
    /// Until the parent has read the piece four before this one. If the parent dies, this process does too.
    pub(super) fn write_piece(&self, number: u64, bytes: &[u8]) {
        loop {
            let read = self.memory.word(PIECES_READ).load(Ordering::Acquire);
            if number < read + SLOTS {
                break;
            }
            // Store, then look again: pairs with the parent's store of the count, then its look at this word.
            self.memory.word(WORKER_SLEEPS).store(1, Ordering::SeqCst);
            if self.memory.word(PIECES_READ).load(Ordering::SeqCst) == read {
                self.memory.wait_while(PIECES_READ, read, LOOK_AGAIN);
            }
            self.memory.word(WORKER_SLEEPS).store(0, Ordering::SeqCst);
        }
        self.memory.write(slot_at(number), bytes);
        // The parent is told through the socket, after this; that orders the two.
        fence(Ordering::Release);
    }

    /// Parent: appends piece `number` to `into`, and frees its slot.
    pub(super) fn read_piece(&self, number: u64, length: usize, into: &mut Vec<u8>) {
        fence(Ordering::Acquire);
        self.memory.read(slot_at(number), length.min(PIECE_BYTES), into);
        self.memory.word(PIECES_READ).store(number + 1, Ordering::SeqCst);
        if self.memory.word(WORKER_SLEEPS).load(Ordering::SeqCst) == 1 {
            self.memory.wake(PIECES_READ);
        }
    }
}

/// Where the slot of a piece begins.
fn slot_at(number: u64) -> usize {
    let slot = usize::try_from(number % SLOTS).expect("holds because there are four");
    SLOTS_AT + slot * PIECE_BYTES
}
