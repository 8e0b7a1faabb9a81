//! The lab: every experiment in order, beside `CPython`'s figures, and whether what the course says of it was seen.
//!
//! **Invariants**
//! - `LAB-GIL-1`: model and `CPython` are measured one after the other, never at the same time.
//! - `SECTION-1`: the figures of both are written by the same function, so they can be compared.

use std::io;

use super::{computing, native, python, updates, waiting};
use crate::labs::Journal;
use crate::labs::samples::Row;
use crate::report::{OtherWorkProbe, columns, seconds};

/// One experiment.
struct Section {
    /// Its name in the Python script.
    name: &'static str,
    /// What is measured, in one line.
    title: &'static str,
    /// What the figures are; the last heading is that of all further figures too.
    headings: &'static [&'static str],
    /// Measures it in the model.
    measure: fn() -> Vec<Row>,
    /// Writes one of the figures.
    show: fn(&str, f64) -> String,
    /// What the course says.
    claim: &'static str,
    /// Whether the rows show it.
    holds: fn(&[Row]) -> bool,
}

/// The experiments.
const SECTIONS: [Section; 7] = [
    Section {
        name: "speed",
        title: "Computing: the same work, divided among threads",
        headings: &["best", "worst", "of one thread's"],
        measure: computing::speed,
        show,
        claim: "Computing: two threads are no faster than one, on any number of processors. Only the thread with the \
                lock computes",
        holds: |rows| rows[1..].iter().all(|row| row.figures[2] > 0.9 && row.figures[2] < 1.6),
    },
    Section {
        name: "handover",
        title: "Handing over: how long a turn is, by threads and switch interval",
        headings: &["median", "p90", "shares"],
        measure: computing::handover,
        show,
        claim: "Handing over: a waiting thread asks after the interval; the rest of a turn is the kernel waking threads. \
                Without the forced switch the holder mostly has the lock again before the waiter is awake",
        holds: |rows| {
            let median = |row: &Row| row.figures.first().copied().unwrap_or(f64::INFINITY);
            (0.005..0.008).contains(&median(&rows[0])) && median(&rows[4]) > median(&rows[0])
        },
    },
    Section {
        name: "naps",
        title: "Waiting: threads that sleep release the lock",
        headings: &["time"],
        measure: waiting::naps,
        show,
        claim: "Waiting: here threads help, with a GIL or without",
        holds: |rows| rows[1].figures[0] < rows[0].figures[0] / 4.0,
    },
    Section {
        name: "convoy",
        title: "The convoy: short waits beside threads that compute",
        headings: &["mean", "median"],
        measure: waiting::convoy,
        show,
        claim: "The convoy: a thread that releases the lock for half a millisecond gets it back after a whole interval, \
                or several",
        holds: |rows| rows[1].figures[1] > 0.005,
    },
    Section {
        name: "pipe",
        title: "The convoy, with calls that never wait",
        headings: &["transfers/s"],
        measure: waiting::ready_pipe,
        show: |_, figure| crate::report::per_second(figure),
        claim: "The pipe: each call releases the lock, and the thread that computes takes it once it is awake",
        holds: |rows| rows[1].figures[0] < rows[0].figures[0] / 2.0,
    },
    Section {
        name: "native",
        title: "A native call that keeps the lock, and the longest gap of a clock of 1 ms",
        headings: &["the call", "gap before", "gap of all"],
        measure: native::measure,
        show,
        claim: "The native call: the lock is released where the interpreter checks it, and a native call does not check",
        holds: |rows| rows[0].figures[2] >= rows[0].figures[0] && rows[0].figures[1] < 0.05,
    },
    Section {
        name: "updates",
        title: "Lost updates: two threads count together",
        headings: &["of", "lost"],
        measure: updates::measure,
        show: |_, figure| format!("{figure}"),
        claim: "Lost updates: the GIL protects the interpreter, not the program. A call between load and store is a place \
                to switch. Without one, CPython since 3.10 loses nothing, which is no promise",
        holds: |rows| {
            rows[0].figures[1] < 0.5 && (rows[3].figures[1] * 2.0 - rows[3].figures[0]).abs() < 0.5
        },
    },
];

/// Writes a time, or a share of something.
fn show(heading: &str, figure: f64) -> String {
    match heading {
        "shares" | "of one thread's" => format!("{figure:.2}"),
        _ => seconds(figure),
    }
}

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
    let mut notices = Vec::new();
    for section in SECTIONS {
        let probe = OtherWorkProbe::start();
        let rows = (section.measure)();
        let verdict = probe.finish().verdict((section.holds)(&rows));
        notices.push(format!("{}: {verdict}.", section.claim));
        let theirs = version.as_ref().map(|_| python::figures(section.name)).unwrap_or_default();
        journal.line(section.table(&rows, version.is_some().then_some(&theirs)))?;
    }
    let notices: Vec<_> = notices.iter().map(String::as_str).collect();
    journal.notices(&notices)
}

impl Section {
    /// Lays out the rows; `python` has the figures of the first of them, if there is a `python3`.
    fn table(&self, rows: &[Row], python: Option<&Vec<Vec<f64>>>) -> String {
        let mut lines = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            lines.push(self.line(&row.what, "model", &row.figures));
            if let Some(python) = python {
                lines.push(self.line("", "CPython", python.get(index).map_or(&[], Vec::as_slice)));
            }
        }
        let headings: Vec<_> = ["", ""].iter().chain(self.headings).copied().collect();
        format!("{}\n{}", self.title, columns(&headings, &lines))
    }

    /// One line; dashes where there are no figures.
    fn line(&self, what: &str, whose: &str, figures: &[f64]) -> Vec<String> {
        let mut cells = vec![format!("  {what}"), whose.to_owned()];
        for (index, heading) in self.headings.iter().enumerate() {
            let last = index + 1 == self.headings.len();
            let end = if last { figures.len() } else { figures.len().min(index + 1) };
            let of_it = figures.get(index..end).unwrap_or_default();
            let shown: Vec<_> = of_it.iter().map(|figure| (self.show)(heading, *figure)).collect();
            cells.push(if shown.is_empty() { "-".to_owned() } else { shown.join(" ") });
        }
        cells
    }
}
