//! Shared memory: a counter that two processes see at once, without a lock and with one.
//!
//! **Invariants**
//! - `LAB-SHARED-1`: the parent does not see what a child adds in its own memory.
//! - `LAB-SHARED-2`: in shared memory it does; with the other's load between load and store, one of two additions is lost.
//! - `LAB-SHARED-3`: with a lock in the same memory none is lost, though the child comes between each time.
//!
//! **Source**: `memfd_create(2)`, mmap(2), futex(2).

use std::io;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::time::Duration;

use super::Journal;
use super::child::{LIMIT, fork_child, reap};
use crate::os::{SharedMemory, nanos};

/// How often each process adds one.
pub const ROUNDS: u64 = 100;
/// The word that is counted in.
const COUNTER: usize = 0;
/// The word that is the lock: 1 while it is held.
const LOCK: usize = 1;
/// The word that counts arrivals at a barrier.
const MET: usize = 2;
/// The word that counts how often the child came while the parent had the lock.
const REFUSED: usize = 3;
/// How long a futex sleeps at most before the value is checked again.
const LOOK: Duration = Duration::from_millis(100);

/// What the parent read in the end; each of two processes has added [`ROUNDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedMemoryReport {
    /// In memory that the fork copied.
    pub copied: u64,
    /// In shared memory, by load and store.
    pub unlocked: u64,
    /// In shared memory, by load and store under a lock.
    pub locked: u64,
    /// How often the child found the lock taken, between the parent's load and store.
    pub refused: u64,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line(format_args!("Parent and child add 1 to a counter, {ROUNDS} times each:"))?;
    let SharedMemoryReport { copied, unlocked, locked, refused } = experiment()?;
    let all = 2 * ROUNDS;
    journal.line(format_args!(
        "  in copied memory:               {copied:3} of {all}\n  \
           in shared memory:               {unlocked:3} of {all}, both load before either stores\n  \
           in shared memory, under a lock: {locked:3} of {all}; {refused} times it was taken"
    ))?;
    journal.notices(&[
        "Shared memory is faster than a pipe, but two processes lose additions as two threads do.",
        "The lock must be in the shared memory too. A process that finds it taken sleeps on a futex.",
        "No end of file tells of a death here: a process that dies with the lock leaves it locked forever.",
    ])
}

/// The experiment itself.
///
/// # Errors
/// Those of fork and of mapping; a process did not arrive at a barrier in time.
pub fn experiment() -> io::Result<SharedMemoryReport> {
    let mut copied = 0;
    let mut child = fork_child(|| {
        copied += ROUNDS;
        Ok(0)
    })?;
    copied += ROUNDS;
    reap(&mut child)?;

    let (unlocked, _) = both_add(|memory, _, round| {
        let seen = memory.word(COUNTER).load(Relaxed);
        meet(memory, 2 * round + 1)?; // Both have loaded.
        memory.word(COUNTER).store(seen + 1, Relaxed);
        meet(memory, 2 * round + 2) // Both have stored.
    })?;
    let (locked, refused) = both_add(|memory, is_child, round| {
        if is_child {
            meet(memory, 3 * round + 1)?;
            memory.word(REFUSED).fetch_add(memory.word(LOCK).load(Relaxed), Relaxed);
            meet(memory, 3 * round + 2)?;
        }
        lock(memory);
        let seen = memory.word(COUNTER).load(Relaxed);
        if !is_child {
            meet(memory, 3 * round + 1)?; // The parent has loaded.
            meet(memory, 3 * round + 2)?; // The child has reached the lock.
        }
        memory.word(COUNTER).store(seen + 1, Relaxed);
        unlock(memory);
        meet(memory, 3 * round + 3)
    })?;
    Ok(SharedMemoryReport { copied, unlocked, locked, refused })
}

/// Lets child and parent add in fresh memory; what the counter shows, and how often the lock was found taken.
fn both_add(add: impl Fn(&SharedMemory, bool, u64) -> io::Result<()>) -> io::Result<(u64, u64)> {
    // A fork copies the mapping itself. Meetings and the lock order what is `Relaxed` in it.
    let memory = SharedMemory::new(4 * size_of::<u64>())?;
    let add_all = |is_child| (0..ROUNDS).try_for_each(|round| add(&memory, is_child, round));
    let mut child = fork_child(|| add_all(true).map(|()| 0))?;
    add_all(false)?;
    reap(&mut child)?;
    Ok((memory.word(COUNTER).load(Relaxed), memory.word(REFUSED).load(Relaxed)))
}

/// Waits until both have arrived at so many barriers, this one included.
fn meet(memory: &SharedMemory, meetings: u64) -> io::Result<()> {
    let begin = nanos();
    // Pairs with the load below: a process that sees the other arrive sees what it stored before.
    memory.word(MET).fetch_add(1, AcqRel);
    memory.wake(MET);
    loop {
        let seen = memory.word(MET).load(Acquire);
        if seen >= 2 * meetings {
            return Ok(());
        }
        if u128::from(nanos() - begin) > LIMIT.as_nanos() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        memory.wait_while(MET, seen, LOOK);
    }
}

/// Takes the lock; pairs with the swap in [`unlock`].
fn lock(memory: &SharedMemory) {
    while memory.word(LOCK).swap(1, Acquire) == 1 {
        memory.wait_while(LOCK, 1, LOOK);
    }
}

/// Gives the lock back; pairs with the swap in [`lock`].
fn unlock(memory: &SharedMemory) {
    memory.word(LOCK).store(0, Release);
    memory.wake(LOCK);
}
