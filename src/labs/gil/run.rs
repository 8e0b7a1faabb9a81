//! The lab: every experiment in order, each with what to notice.
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
        notice: "  Two threads are no faster than one, on however many cores: only who has the lock computes.\n",
    },
    Section {
        name: "handover",
        title: "Handing over: how long a turn is (median, p90), and each thread's share",
        measure: handover::measure,
        words: handover::words,
        notice: "  A waiter asks after the interval; the rest of a turn is the kernel waking two threads. Without the\n  \
                 forced switch the holder mostly has the lock again before the waiter is awake.\n",
    },
    Section {
        name: "naps",
        title: "Waiting: threads that sleep give the lock up",
        measure: naps::measure,
        words: naps::words,
        notice: "  For waiting, threads help, GIL or not.\n",
    },
    Section {
        name: "convoy",
        title: "The convoy: short waits beside threads that compute",
        measure: convoy::measure,
        words: convoy::words,
        notice: "  Who gives the lock up for half a millisecond gets it back after a whole interval, or several.\n",
    },
    Section {
        name: "pipe",
        title: "The convoy, with calls that never wait",
        measure: pipe::measure,
        words: pipe::words,
        notice: "  Each call gives the lock up, and the thread that computes takes it as soon as it is awake.\n",
    },
    Section {
        name: "native",
        title: "A native call that keeps the lock, and the longest gap of a clock of 1 ms, before -> over all",
        measure: native::measure,
        words: native::words,
        notice: "  The lock is given up where the interpreter looks, and a native call does not look.\n",
    },
    Section {
        name: "updates",
        title: "Lost updates: two threads count together",
        measure: updates::measure,
        words: updates::words,
        notice: "  The GIL keeps the interpreter whole, not the program: a call between load and store is a place to\n  \
                 switch. Without one, CPython since 3.10 loses nothing; that is an accident, no promise.",
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
    Ok(())
}
