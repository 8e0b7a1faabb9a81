//! Where a subcommand writes: results to stdout, everything else to stderr; and how it ends when it does not end well:
//! an exit code for scripts, a text for people.
//!
//! `print!` panics when stdout is closed. Here a failed write is an error, which ends the program quietly.
//!
//! **Invariants**
//! - `EXIT-1`: 0 done; 1 it ran and something failed; 2 the command line was wrong; 130 interrupted.
//! - `EXIT-2`: a closed stdout ends the program with 0 and without a message: the reader, such as `head`, has enough.
//! - `OUTPUT-1`: stdout holds results and nothing else, so that it can be piped into the next program.
//! - Progress is shown on a terminal only, and is erased. A closed stderr is no failure.

use std::env;
use std::fmt::Display;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::os::write_out;
use crate::report::{output_columns, wrapped};
use crate::rt::EventLoop;

/// Goes back to the line's beginning and clears it, on a terminal.
const CLEAR_LINE: &str = "\r\x1b[K";

/// The two streams of a program.
#[derive(Debug)]
pub(crate) struct Output {
    /// Whether stderr is a terminal.
    is_watched: bool,
    /// Whether a line of progress has to be erased before anything else is written.
    shows_progress: bool,
}

impl Output {
    /// Takes the streams of this process.
    pub(crate) fn new() -> Self {
        // A terminal that cannot erase a line would show every step of the progress.
        let is_dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let is_watched = io::stderr().is_terminal() && !is_dumb;
        Self { is_watched, shows_progress: false }
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
        write_out(&mut io::stdout(), piece).map_err(|error| Failure::of_stdout(&error))
    }

    /// Writes a text, in lines that fit the terminal. Tables and drawings, which have several blanks in a row, stay.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        let columns = output_columns();
        let is_table = |line: &str| line.trim_start().contains("  ");
        let fit = |line| if is_table(line) { line.to_owned() } else { wrapped(line, columns) };
        self.bytes(text.split('\n').map(fit).collect::<Vec<_>>().join("\n").as_bytes())
    }

    /// Writes a line for the person who started the program.
    pub(crate) fn note(&mut self, text: impl Display) {
        self.clear_progress();
        drop(io::stderr().write_all(format!("{text}\n").as_bytes()));
    }

    /// Shows how far a long job is, in place of the last such line.
    pub(crate) fn progress(&mut self, text: impl Display) {
        if self.is_watched {
            self.shows_progress = true;
            drop(io::stderr().write_all(format!("{CLEAR_LINE}{text}").as_bytes()));
        }
    }

    /// Erases the line of progress.
    pub(crate) fn clear_progress(&mut self) {
        if self.shows_progress {
            self.shows_progress = false;
            drop(io::stderr().write_all(CLEAR_LINE.as_bytes()));
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
    fs::create_dir_all(directory).doing(format_args!("make the directory {}", directory.display()))
}

/// Opens a file that is written after the work, before which a wrong name is told. What an earlier run wrote stays.
pub(crate) fn open_early(path: &Path) -> Result<fs::File, Failure> {
    let opened = fs::File::options().write(true).create(true).truncate(false).open(path);
    opened.doing(format_args!("write {}", path.display()))
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

/// The exit code of a program that was interrupted: 128 + SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a subcommand ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line was wrong; the text says what, and where.
    Usage(String),
    /// It ran and something failed; the text says what.
    Failed(String),
    /// The user pressed ctrl-c.
    Interrupted,
    /// Stdout is closed (`EXIT-2`).
    StdoutClosed,
}

impl Failure {
    /// A failure while doing something, such as "listen on 127.0.0.1:8888".
    pub(crate) fn while_doing(what: impl Display, error: impl Display) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }

    /// The failure of a write to stdout.
    pub(crate) fn of_stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::StdoutClosed,
            _ => Self::while_doing("stdout", error),
        }
    }

    /// The failure of something that ctrl-c interrupts.
    pub(crate) fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::Interrupted => Self::Interrupted,
            _ => Self::Failed(error.to_string()),
        }
    }

    /// The program's exit code (`EXIT-1`).
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::StdoutClosed => ExitCode::SUCCESS,
            Self::Failed(_) => ExitCode::from(1),
            Self::Usage(_) => ExitCode::from(2),
            Self::Interrupted => ExitCode::from(INTERRUPTED),
        }
    }
}

/// Adds to an error what was being done.
pub(crate) trait Doing<T> {
    /// Turns an error into a failure "`what`: error".
    fn doing(self, what: impl Display) -> Result<T, Failure>;
}

impl<T, E: Display> Doing<T> for Result<T, E> {
    fn doing(self, what: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::while_doing(what, error))
    }
}
