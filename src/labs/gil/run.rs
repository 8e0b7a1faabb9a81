//! The lab: every experiment in order, and then what to notice in each.
//!
//! **Invariants**
//! - `LAB-GIL-1`: model and `CPython` are measured one after the other, never at once.

use std::io;

use super::section::Section;
use super::{convoy, handover, naps, native, pipe, python, speed, updates};
use crate::labs::Journal;

/// The experiments.
const SECTIONS: [Section; 7] = [
    Section {
        name: "speed",
        title: "Computing: the same work, parted over threads",
        measure: speed::measure,
        words: speed::words,
        notice: "Computing: two threads are no faster than one, on however many cores. Only who has the lock computes.",
    },
    Section {
        name: "handover",
        title: "Handing over: how long a turn is (median, p90), and each thread's share",
        measure: handover::measure,
        words: handover::words,
        notice: "Handing over: a waiter asks after the interval; the rest of a turn is the kernel waking two threads. Without\n  \
                 the forced switch the holder mostly has the lock again before the waiter is awake.",
    },
    Section {
        name: "naps",
        title: "Waiting: threads that sleep give the lock up",
        measure: naps::measure,
        words: naps::words,
        notice: "Waiting: here threads help, GIL or not.",
    },
    Section {
        name: "convoy",
        title: "The convoy: short waits beside threads that compute",
        measure: convoy::measure,
        words: convoy::words,
        notice: "The convoy: who gives the lock up for half a millisecond gets it back after a whole interval, or several.",
    },
    Section {
        name: "pipe",
        title: "The convoy, with calls that never wait",
        measure: pipe::measure,
        words: pipe::words,
        notice: "The pipe: each call gives the lock up, and the thread that computes takes it as soon as it is awake.",
    },
    Section {
        name: "native",
        title: "A native call that keeps the lock, and the longest gap of a clock of 1 ms, before -> over all",
        measure: native::measure,
        words: native::words,
        notice: "The native call: the lock is given up where the interpreter looks, and a native call does not look.",
    },
    Section {
        name: "updates",
        title: "Lost updates: two threads count together",
        measure: updates::measure,
        words: updates::words,
        notice: "Lost updates: the GIL keeps the interpreter whole, not the program. A call between load and store is a place\n  \
                 to switch. Without one, CPython since 3.10 loses nothing; that is an accident, no promise.",
    },
];

/// Runs the experiments.
///
/// # Errors
/// Those of the journal's writer.
///
/// # Blocking
/// For some 7 s, and as long again where there is a `python3`.
pub fn run(journal: &Journal) -> io::Result<()> {
    let version = python::version();
    match &version {
        Some(version) => journal.line(format_args!("The model, beside {version}\n"))?,
        None => journal.line("The model alone: there is no python3 here that answers\n")?,
    }
    for section in SECTIONS {
        let rows = (section.measure)();
        let theirs = version.as_ref().map(|_| python::figures(section.name)).unwrap_or_default();
        journal.line(section.table(&rows, &theirs))?;
    }
    journal.line("What to notice:")?;
    SECTIONS.iter().try_for_each(|section| journal.line(format_args!("- {}", section.notice)))
}
