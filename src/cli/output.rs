//! Where a subcommand writes: results to stdout, everything else to stderr.
//!
//! `print!` panics when stdout is closed. Here a failed write is an error, which ends the program quietly.
//!
//! **Invariants**
//! - `OUTPUT-1`: stdout holds results and nothing else, so that it can be piped into the next program.
//! - Progress is shown on a terminal only, and is erased. A closed stderr is no failure.

use std::env;
use std::fmt::Display;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use super::failure::{Doing, Failure};
use crate::report::{output_columns, wrapped};
use crate::rt::EventLoop;

/// Goes back to the line's beginning and clears it, on a terminal.
const CLEAR_LINE: &str = "\r\x1b[K";

/// The two streams of a program.
#[derive(Debug)]
pub(crate) struct Output {
    /// Line by line, as std does it.
    stdout: io::Stdout,
    /// Not buffered.
    stderr: io::Stderr,
    /// Whether stderr is a terminal.
    is_watched: bool,
    /// Whether a line of progress has to be erased before anything else is written.
    shows_progress: bool,
}

impl Output {
    /// Takes the streams of this process.
    pub(crate) fn new() -> Self {
        let stderr = io::stderr();
        // A terminal that cannot erase a line would show every step of the progress.
        let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let is_watched = stderr.is_terminal() && !is_dumb;
        Self { stdout: io::stdout(), stderr, is_watched, shows_progress: false }
    }

    /// Writes a line of a result.
    pub(crate) fn line(&mut self, text: impl Display) -> Result<(), Failure> {
        self.bytes(format!("{text}\n").as_bytes())
    }

    /// Writes a result: a line of JSON where that is asked for, or else a text of whole lines.
    pub(crate) fn result(
        &mut self,
        is_json: bool,
        json: impl Display,
        text: &str,
    ) -> Result<(), Failure> {
        if is_json { self.line(json) } else { self.bytes(text.as_bytes()) }
    }

    /// Writes a piece of a result as it is.
    pub(crate) fn bytes(&mut self, piece: &[u8]) -> Result<(), Failure> {
        self.clear_progress();
        self.stdout.write_all(piece).map_err(|error| Failure::of_stdout(&error))
    }

    /// Writes a text, in lines that fit the terminal. Tables and drawings, which have several blanks in a row, stay.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        let columns = output_columns();
        let is_table = |line: &str| line.trim_start().contains("  ");
        let fit = |line| if is_table(line) { line.to_owned() } else { wrapped(line, columns) };
        self.bytes(text.split('\n').map(fit).collect::<Vec<_>>().join("\n").as_bytes())
    }

    /// Writes what std holds back until a line is whole.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.stdout.flush().map_err(|error| Failure::of_stdout(&error))
    }

    /// Writes a line for the person who started the program.
    pub(crate) fn note(&mut self, text: impl Display) {
        self.clear_progress();
        drop(self.stderr.write_all(format!("{text}\n").as_bytes()));
    }

    /// Shows how far a long job is, in place of the last such line.
    pub(crate) fn progress(&mut self, text: impl Display) {
        if self.is_watched {
            self.shows_progress = true;
            drop(self.stderr.write_all(format!("{CLEAR_LINE}{text}").as_bytes()));
        }
    }

    /// Erases the line of progress.
    pub(crate) fn clear_progress(&mut self) {
        if self.shows_progress {
            self.shows_progress = false;
            drop(self.stderr.write_all(CLEAR_LINE.as_bytes()));
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.clear_progress();
    }
}

/// Makes a directory, if it does not exist yet.
pub(crate) fn make_directory(directory: &Path) -> Result<(), Failure> {
    fs::create_dir_all(directory).doing(format_args!("write {}", directory.display()))
}

/// Makes a directory in which a file can be written; keeps what an earlier run has written.
pub(crate) fn make_directory_for(directory: &Path, name: &str) -> Result<(), Failure> {
    make_directory(directory)?;
    let path = directory.join(name);
    let opened = fs::OpenOptions::new().append(true).create(true).open(&path);
    opened.map(drop).doing(format_args!("write {}", path.display()))
}

/// Writes a file into a directory that exists.
pub(crate) fn write_into(directory: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path = directory.join(name);
    fs::write(&path, text).doing(format_args!("write {}", path.display()))
}

/// Makes an event loop that does not report slow polls: a write to a stopped terminal blocks the loop, and no task
/// can help that.
pub(crate) fn quiet_loop() -> Result<EventLoop, Failure> {
    EventLoop::builder().slow_poll(None).build().doing("event loop")
}
