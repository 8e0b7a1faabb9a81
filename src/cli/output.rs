//! Where a subcommand's words go: results to stdout, everything else to stderr.
//!
//! `print!` panics when stdout is closed, so that `handloom … | head -1` would end with a panic's report.
//! Here a failed write is an error like any other, which ends the program quietly.
//!
//! **Invariants**
//! - `OUTPUT-1`: stdout holds results and nothing else, so that it can be piped into the next program.
//! - `OUTPUT-2`: progress is shown only where a person looks: on a terminal. It leaves no trace.
//! - `OUTPUT-3`: nobody fails because stderr is closed.
//!
//! **Left out**: colours; a lock, since each line is written by one call.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use super::failure::Failure;

/// Goes back to the line's beginning and clears it, on a terminal.
const CLEAR_LINE: &str = "\r\x1b[K";

/// The two streams of a program.
#[derive(Debug)]
pub(crate) struct Output {
    /// Line by line, as std does it.
    stdout: io::Stdout,
    /// Not buffered.
    stderr: io::Stderr,
    /// Whether a person looks at stderr (`OUTPUT-2`).
    is_watched: bool,
    /// Whether a line of progress stands on the terminal and has to go before anything else is written.
    shows_progress: bool,
}

impl Output {
    /// Takes the streams of this process.
    pub(crate) fn new() -> Self {
        let stderr = io::stderr();
        let is_watched = stderr.is_terminal();
        Self { stdout: io::stdout(), stderr, is_watched, shows_progress: false }
    }

    /// Writes a line of a result.
    ///
    /// # Errors
    /// [`Failure::StdoutClosed`], to be handed on; or the disk is full.
    pub(crate) fn line(&mut self, text: impl Display) -> Result<(), Failure> {
        self.bytes(format!("{text}\n").as_bytes())
    }

    /// Writes a piece of a result as it is.
    ///
    /// # Errors
    /// As [`line`](Self::line).
    pub(crate) fn bytes(&mut self, piece: &[u8]) -> Result<(), Failure> {
        self.clear_progress();
        self.stdout.write_all(piece).map_err(|error| Failure::of_stdout(&error))
    }

    /// Hands over what std holds back for the sake of whole lines.
    ///
    /// # Errors
    /// As [`line`](Self::line).
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.stdout.flush().map_err(|error| Failure::of_stdout(&error))
    }

    /// Writes a line for the person who started the program.
    pub(crate) fn note(&mut self, text: impl Display) {
        self.clear_progress();
        // OUTPUT-3.
        drop(self.stderr.write_all(format!("{text}\n").as_bytes()));
    }

    /// Shows how far a long job is, in place of the last such line.
    pub(crate) fn progress(&mut self, text: impl Display) {
        if self.is_watched {
            self.shows_progress = true;
            // OUTPUT-3.
            drop(self.stderr.write_all(format!("{CLEAR_LINE}{text}").as_bytes()));
        }
    }

    /// Takes the line of progress away.
    pub(crate) fn clear_progress(&mut self) {
        if self.shows_progress {
            self.shows_progress = false;
            // OUTPUT-3.
            drop(self.stderr.write_all(CLEAR_LINE.as_bytes()));
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.clear_progress();
    }
}
