//! The table of the labs.

use std::io;

use super::{Journal, gil, tasks};

/// An experiment.
#[derive(Debug)]
pub struct Lab {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows, in one line.
    pub line: &'static str,
    /// The chapter of the notes that it belongs to.
    pub chapter: &'static str,
    /// The number of the course's question that it answers.
    pub question: u8,
    /// Runs it.
    pub run: fn(&Journal) -> io::Result<()>,
}

/// Every lab, in the order of the course.
pub const LABS: &[Lab] = &[
    Lab {
        name: "tasks",
        line: "two sleeps of 3 s: together they take 3 s, in a row 6 s",
        chapter: "Tasks",
        question: 49,
        run: tasks::run,
    },
    Lab {
        name: "gil",
        line: "one lock for all threads: who computes, who waits, what is lost; beside CPython's own figures",
        chapter: "The GIL",
        question: 22,
        run: gil::run,
    },
];
