//! How a subcommand ends when it does not end well: an exit code for scripts, a text for people.
//!
//! **Invariants**
//! - `EXIT-1`: 0 done; 1 it ran and something failed; 2 the command line was wrong; 130 interrupted.
//! - `EXIT-2`: a closed stdout ends the program with 0 and without a message: the reader, such as `head`, has enough.
//!
//! **Source**: bash(1), "Exit status": 128 and the signal's number for a program that a signal ended.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

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
