//! The kernel switches between threads, at any instruction.
//!
//! Two threads on one processor, and neither ever waits: each writes its mark as fast as it can, and counts how often it
//! finds the other's. `cooperative` is the same game with tasks.
//!
//! **Invariants**
//! - `LAB-PREEMPTIVE-1`: both make progress: between two marks of one the kernel has taken the processor from it. So there
//!   are as many involuntary switches as hand-overs, except the last, where one thread has ended.
//!
//! **Source**: sched(7), getrusage(2).

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use super::Journal;
use crate::os::ThreadUsage;
use crate::os::affinity::{allowed_cpus, pin_to_cpus};

/// After so many hand-overs the game ends.
pub const HANDOVERS: usize = 20;
/// The mark before any thread has written.
const NOBODY: usize = usize::MAX;

/// What two threads share. `Relaxed` will do: nothing else is to be read in the order of these writes.
struct Board {
    /// Which thread ran last; the swap of each thread pairs with the other's.
    last: AtomicUsize,
    /// How often that has changed.
    handovers: AtomicUsize,
    /// How many marks were written.
    marks: AtomicUsize,
}

/// What the lab has found.
#[derive(Clone, Debug)]
pub struct PreemptiveReport {
    /// How often the processor went from one to the other.
    pub handovers: usize,
    /// The marks that both have written.
    pub marks: usize,
    /// What the kernel has counted for each of the two.
    pub usage: Vec<ThreadUsage>,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    let PreemptiveReport { handovers, marks, usage } = experiment()?;
    journal.line("Two threads on one processor, each in a loop that never waits:")?;
    for (name, ThreadUsage { cpu, voluntary, involuntary }) in ["a", "b"].iter().zip(&usage) {
        journal.line(format_args!(
            "  {name}: ran for {cpu:.1?}, was stopped {involuntary} times, waited {voluntary} times"
        ))?;
    }
    let cpu: std::time::Duration = usage.iter().map(|usage| usage.cpu).sum();
    let slices = u32::try_from(handovers + 1).unwrap_or(u32::MAX);
    journal.line(format_args!(
        "  {marks} marks; the processor went from one to the other {handovers} times, after {:.1?} on average",
        cpu / slices,
    ))?;
    journal.notices(&[
        "Neither loop ever gives the processor away: the kernel's timer takes it, which the kernel counts as \
         involuntary.",
        "It may happen between any two instructions. That is why threads need locks even on one processor.",
        "A thread in an endless loop slows the others; it does not stop them. `handloom lab cooperative` shows \
         the opposite.",
    ])
}

/// The experiment itself.
///
/// # Errors
/// As `run`, but for the journal.
///
/// # Panics
/// Never: the threads return their errors.
pub fn experiment() -> io::Result<PreemptiveReport> {
    let cpu = allowed_cpus()?[0];
    let board = Board {
        last: AtomicUsize::new(NOBODY),
        handovers: AtomicUsize::new(0),
        marks: AtomicUsize::new(0),
    };
    let usage = thread::scope(|scope| {
        let threads = [0, 1].map(|me| {
            scope.spawn({
                let board = &board;
                move || play(me, cpu, board)
            })
        });
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().expect("holds because the threads do not panic")
        };
        threads.map(join).into_iter().collect::<io::Result<Vec<_>>>()
    })?;
    let (handovers, marks) = (board.handovers.into_inner(), board.marks.into_inner());
    Ok(PreemptiveReport { handovers, marks, usage })
}

/// One thread: binds itself to the processor, and writes its mark until the game is over.
fn play(me: usize, cpu: usize, board: &Board) -> io::Result<ThreadUsage> {
    pin_to_cpus(&[cpu])?;
    let before = ThreadUsage::now()?;
    let mut marks = 0;
    while board.handovers.load(Relaxed) < HANDOVERS {
        let last = board.last.swap(me, Relaxed);
        if last != me && last != NOBODY {
            board.handovers.fetch_add(1, Relaxed);
        }
        marks += 1;
    }
    board.marks.fetch_add(marks, Relaxed);
    Ok(ThreadUsage::now()?.since(before))
}
