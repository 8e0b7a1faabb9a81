//! How a subcommand ends when it does not end well.
//!
//! Scripts look at the exit code and people at the text, so every way to end has both: the code says whose
//! fault it was, the text what to do about it.
//!
//! **Invariants**
//! - `EXIT-1`: 0 done; 1 it ran and something failed; 2 the command line was wrong; 130 interrupted.
//! - `EXIT-2`: a closed stdout ends the program with 0 and without a word: whoever closed it, such as `head`,
//!   has had enough, and that is no failure.
//!
//! **Left out**: the many codes of sysexits.h, which nobody tells apart.
//!
//! **Source**: bash(1), "Exit status": 128 and the signal's number for a program that a signal ended.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

/// The exit code of a program that ran and in which something failed.
const FAILED: u8 = 1;
/// The exit code for a wrong command line.
const USAGE: u8 = 2;
/// The exit code of a program that was interrupted: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

/// Why a subcommand did not come to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The command line was wrong; the text says what, and where.
    Usage(String),
    /// It ran and something failed; the text says what.
    Failed(String),
    /// The user pressed ctrl-c.
    Interrupted,
    /// Nobody reads stdout any more (`EXIT-2`).
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

    /// The program's exit code (`EXIT-1`).
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::StdoutClosed => ExitCode::SUCCESS,
            Self::Failed(_) => ExitCode::from(FAILED),
            Self::Usage(_) => ExitCode::from(USAGE),
            Self::Interrupted => ExitCode::from(INTERRUPTED),
        }
    }
}
