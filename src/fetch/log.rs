//! The log of a fetch: one line for each start and each end.
//!
//! Two logs are what one compares to see what concurrency is: in the one each start is followed by its answer, in
//! the other all starts stand first. For that, lines must not mix, and none may be missing or torn, whoever wrote them
//! and however the run ended.
//!
//! ```text
//! 2026-03-01T12:00:00.123456Z request to http://127.0.0.1:8000/a started
//! 2026-03-01T12:00:00.423456Z response for http://127.0.0.1:8000/a received with status 200
//! 2026-03-01T12:00:00.523456Z request to http://127.0.0.1:8000/b failed: connect: connection refused
//! ```
//!
//! **Invariants**
//! - `FETCHLOG-1` An event is one line and one write, at the end of the file, whoever else writes to it.
//! - `FETCHLOG-2` An address in a line has neither blanks nor control characters, so it cannot break its line, nor
//!   feign another: each of them is written as its number, `\u{a}`.
//! - `FETCHLOG-3` A run starts the file afresh.
//! - `FETCHLOG-4` Once its [`Gate`] was shut, no line begins, and none is half written: the process may end.
//!
//! A process that exits kills its threads, and the kernel looks for that between two pages of a write. So a long line
//! could be torn without the gate.
//!
//! **Left out**: a disk that is full in the middle of a line. The run tells of the failed write.
//!
//! **Source**: DESIGN section 4; write(2) on `O_APPEND`.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::mode::Mode;
use crate::http::Status;
use crate::http::date::log_stamp;
use crate::web::client::Fault;

/// How long the gate waits between two looks at a line under way. Taste: a write takes some microseconds.
const LOOK: Duration = Duration::from_micros(100);

/// Lets lines pass, one at a time, until it is shut.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// Held for the length of a write; true once it was shut. Nothing under the lock leaves it half changed.
    is_shut: Arc<Mutex<bool>>,
}

impl Gate {
    /// Shuts it for good, after the line that is being written (`FETCHLOG-4`). Who wants to write another waits for
    /// ever, so this is for a program that is about to exit.
    ///
    /// # Blocking
    /// For the length of a write, `most` at the longest: a disk may hang, and who ends a program does not.
    pub fn shut(&self, most: Duration) {
        let began = Instant::now();
        loop {
            match self.is_shut.try_lock() {
                Ok(mut is_shut) => return *is_shut = true,
                Err(TryLockError::Poisoned(error)) => return *error.into_inner() = true,
                Err(TryLockError::WouldBlock) if began.elapsed() < most => thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => return,
            }
        }
    }

    /// Waits for its turn to pass.
    fn pass(&self) -> MutexGuard<'_, bool> {
        let is_shut = self.is_shut.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_shut {
            return is_shut;
        }
        drop(is_shut);
        loop {
            thread::park();
        }
    }
}

/// The log of one mode.
#[derive(Debug)]
pub struct Log {
    /// The file, whose every write goes to its end.
    file: File,
    /// What each line passes.
    gate: Gate,
}

impl Log {
    /// Returns the name of a mode's log.
    pub fn name(mode: Mode) -> String {
        format!("fetch-{mode}.log")
    }

    /// Begins the log of a mode in a directory, which exists (`FETCHLOG-3`).
    ///
    /// # Errors
    /// Those of open(2).
    pub fn create(directory: &Path, mode: Mode, gate: &Gate) -> io::Result<Self> {
        let path = directory.join(Self::name(mode));
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        // A link to /dev/null or to a terminal has nothing to be emptied of.
        if file.metadata()?.is_file() {
            file.set_len(0)?;
        }
        Ok(Self { file, gate: gate.clone() })
    }

    /// Writes that a link is asked for.
    pub(super) fn started(&self, link: &str) -> io::Result<()> {
        self.line(|line| write!(line, "request to {} started", Address(link)))
    }

    /// Writes that its answer is complete.
    pub(super) fn received(&self, link: &str, status: Status) -> io::Result<()> {
        let (link, code) = (Address(link), status.code());
        self.line(|line| write!(line, "response for {link} received with status {code}"))
    }

    /// Writes that there is none.
    pub(super) fn failed(&self, link: &str, fault: &Fault) -> io::Result<()> {
        // A fault is one line (FAULT-1).
        self.line(|line| write!(line, "request to {} failed: {fault}", Address(link)))
    }

    /// Writes a line (`FETCHLOG-1`).
    fn line(&self, event: impl FnOnce(&mut String) -> std::fmt::Result) -> io::Result<()> {
        let passage = self.gate.pass();
        // Stamped within the gate, so that the order of the stamps is that of the lines.
        let mut line = log_stamp(SystemTime::now());
        line.push(' ');
        event(&mut line).map_err(io::Error::other)?;
        line.push('\n');
        let written = (&self.file).write_all(line.as_bytes());
        drop(passage);
        written
    }
}

/// An address as a line shows it (`FETCHLOG-2`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Address<'a>(
    /// As it was given.
    pub(super) &'a str,
);

impl std::fmt::Display for Address<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            if character.is_control() || character.is_whitespace() {
                write!(out, "{}", character.escape_unicode())?;
            } else {
                out.write_char(character)?;
            }
        }
        Ok(())
    }
}
