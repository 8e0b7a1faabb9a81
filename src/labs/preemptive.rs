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
const NONE: usize = usize::MAX;

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
    // Relaxed: nothing else is read in the order of these writes. The swap of each thread pairs with the other's.
    let (last, handovers) = (AtomicUsize::new(NONE), AtomicUsize::new(0));
    let play = |me| {
        pin_to_cpus(&[cpu])?;
        let (before, mut marks) = (ThreadUsage::now()?, 0);
        while handovers.load(Relaxed) < HANDOVERS {
            let found = last.swap(me, Relaxed);
            if found != me && found != NONE {
                handovers.fetch_add(1, Relaxed);
            }
            marks += 1;
        }
        io::Result::Ok((marks, ThreadUsage::now()?.since(before)))
    };
    let ends = thread::scope(|scope| {
        let play = &play;
        let threads = [0, 1].map(|me| scope.spawn(move || play(me)));
        threads.map(thread::ScopedJoinHandle::join)
    });
    let (mut marks, mut usage) = (0, Vec::new());
    for end in ends {
        let (of_thread, used) = end.expect("holds because the threads do not panic")?;
        marks += of_thread;
        usage.push(used);
    }
    Ok(PreemptiveReport { handovers: handovers.into_inner(), marks, usage })
}
