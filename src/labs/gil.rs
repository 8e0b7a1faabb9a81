//! The global interpreter lock in figures: a model of it, beside `CPython` itself where there is a `python3`.
//!
//! Questions 4, 14 and 22 of the course. Each experiment measures what the section of the same name in
//! `notes/python/gil.py` measures, with the same numbers.
//!
//! **Invariants**
//! - `LAB-GIL-1`: model and `CPython` are measured one after the other, never at the same time.
//! - `SECTION-1`: the figures of both are written by the same function, so they can be compared.
//! - `PYTHON-1`: the script is killed when its time is up, and by the kernel when this process ends.
//! - `PYTHON-2`: without a `python3`, or when it fails, there are no figures, which is no error.

pub mod computing;
pub mod waiting;

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Journal;
use super::samples::Row;
use crate::os::process::end_with_parent;
use crate::os::{PollFd, poll};
use crate::report::{OtherWorkProbe, columns, per_second, seconds};

/// The script, which measures one section for each run.
const SCRIPT: &str = include_str!("../../notes/python/gil.py");
/// How long a section of the script may take; the longest takes some 3 s on an idle machine.
const LIMIT: Duration = Duration::from_secs(20);

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
    /// Whether the figures of the rows show it.
    holds: fn(&[Vec<f64>]) -> bool,
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
        holds: |rows| rows[1..].iter().all(|row| row[2] > 0.9 && row[2] < 1.6),
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
            let [forced, not_forced] = [0, 4].map(|row| rows[row].first().copied().unwrap_or(1e9));
            (0.005..0.008).contains(&forced) && not_forced > forced
        },
    },
    Section {
        name: "naps",
        title: "Waiting: threads that sleep release the lock",
        headings: &["time"],
        measure: waiting::naps,
        show,
        claim: "Waiting: here threads help, with a GIL or without",
        holds: |rows| rows[1][0] < rows[0][0] / 4.0,
    },
    Section {
        name: "convoy",
        title: "The convoy: short waits beside threads that compute",
        headings: &["mean", "median"],
        measure: waiting::convoy,
        show,
        claim: "The convoy: a thread that releases the lock for half a millisecond gets it back after a whole interval, \
                or several",
        holds: |rows| rows[1][1] > 0.005,
    },
    Section {
        name: "pipe",
        title: "The convoy, with calls that never wait",
        headings: &["transfers/s"],
        measure: waiting::ready_pipe,
        show: |_, figure| per_second(figure),
        claim: "The pipe: each call releases the lock, and the thread that computes takes it once it is awake",
        holds: |rows| rows[1][0] < rows[0][0] / 2.0,
    },
    Section {
        name: "native",
        title: "A native call that keeps the lock, and the longest gap of a clock of 1 ms",
        headings: &["the call", "gap before", "gap of all"],
        measure: computing::native,
        show,
        claim: "The native call: the lock is released where the interpreter checks it, and a native call does not check",
        holds: |rows| rows[0][2] >= rows[0][0] && rows[0][1] < 0.05,
    },
    Section {
        name: "updates",
        title: "Lost updates: two threads count together",
        headings: &["of", "lost"],
        measure: computing::updates,
        show: |_, figure| format!("{figure}"),
        claim: "Lost updates: the GIL protects the interpreter, not the program. A call between load and store is a place \
                to switch. Without one, CPython since 3.10 loses nothing, which is no promise",
        holds: |rows| rows[0][1] < 0.5 && (rows[3][1] * 2.0 - rows[3][0]).abs() < 0.5,
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
    // Such as "CPython 3.11.7".
    let version = ask_python("version").ok().filter(|text| !text.trim().is_empty());
    match &version {
        Some(version) => {
            journal.line(format_args!("The model, beside {}\n", version.trim()))?;
        }
        None => journal.line("The model alone: there is no python3 here that answers\n")?,
    }
    let mut notices = Vec::new();
    for section in SECTIONS {
        let probe = OtherWorkProbe::start();
        let rows = (section.measure)();
        let figures: Vec<_> = rows.iter().map(|row| row.1.clone()).collect();
        let verdict = probe.finish().verdict((section.holds)(&figures));
        notices.push(format!("{}: {verdict}.", section.claim));
        // PYTHON-2
        let python = version.is_some().then(|| ask_python(section.name).unwrap_or_default());
        journal.line(section.table(&rows, python.as_deref()))?;
    }
    journal.notices(&notices.iter().map(String::as_str).collect::<Vec<_>>())
}

impl Section {
    /// Lays out the rows; `python` is what the script has printed, if there is a `python3`.
    fn table(&self, rows: &[Row], python: Option<&str>) -> String {
        let mut lines = Vec::new();
        for (index, (what, figures)) in rows.iter().enumerate() {
            lines.push(self.line(what, "model", figures));
            if let Some(python) = python {
                // The numbers of its line from the last colon on.
                let line = python.lines().nth(index).and_then(|line| line.rsplit_once(':'));
                let words = line.map_or("", |(_, figures)| figures).split_whitespace();
                let figures: Vec<_> = words.filter_map(|word| word.parse().ok()).collect();
                lines.push(self.line("", "CPython", &figures));
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
            let count = if last { usize::MAX } else { 1 };
            let of_it = figures.iter().skip(index).take(count);
            let shown: Vec<_> = of_it.map(|figure| (self.show)(heading, *figure)).collect();
            cells.push(if shown.is_empty() { "-".to_owned() } else { shown.join(" ") });
        }
        cells
    }
}

/// Runs the script for one section, and returns what it prints.
///
/// # Errors
/// There is no `python3`, it failed, or its time was up.
fn ask_python(section: &str) -> io::Result<String> {
    let mut command = Command::new("python3");
    // Isolated from the user's settings and from modules in this folder.
    command.args(["-I", "-c", SCRIPT, section]).stdin(Stdio::null()).stderr(Stdio::null());
    end_with_parent(&mut command);
    let mut child = Reaped(command.stdout(Stdio::piped()).spawn()?);
    let mut stdout = child.0.stdout.take().expect("holds because its output is a pipe");
    let (deadline, mut bytes, mut piece) = (Instant::now() + LIMIT, Vec::new(), [0; 4096]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if poll(&mut [PollFd::readable(stdout.as_fd())], Some(left))? == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "python3: its time is up"));
        }
        match stdout.read(&mut piece)? {
            0 => break,
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
    let status = child.0.wait()?;
    let text = String::from_utf8(bytes).map_err(io::Error::other)?;
    if status.success() { Ok(text) } else { Err(io::Error::other(format!("python3: {status}"))) }
}

/// A child that is killed and reaped on every way out (`PYTHON-1`).
struct Reaped(Child);

impl Drop for Reaped {
    /// After its end both do nothing; a failure cannot be reported here.
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
