//! The log of a fetch: one line for each start and each end.
//!
//! **Invariants**
//! - `FETCHLOG-1` An event is one line and one write at the end of the file, also if another process writes to it.
//! - `FETCHLOG-2` An address in a line has no blanks and no control characters; each is written as its number, such as
//!   `\u{a}`. So an address cannot break its line or forge another. A password in it is masked.
//! - `FETCHLOG-3` A run starts with an empty file.
//! - `FETCHLOG-4` After [`Gate::shut`], no line begins and none is half written, so the process may exit.
//!
//! **Source**: write(2) and open(2), `O_APPEND`.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::plan::Mode;
use crate::http::date::log_stamp;
use crate::http::{Status, without_password};
use crate::web::client::Fault;

/// How often [`Gate::shut`] tries to take the lock.
const RETRY: Duration = Duration::from_micros(100);

/// Lets one line at a time be written, until it is shut.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// Locked during a write; true after [`shut`](Self::shut).
    is_shut: Arc<Mutex<bool>>,
}

impl Gate {
    /// Shuts the gate for good, after the line that is being written (`FETCHLOG-4`). Threads that want to write
    /// another line wait forever: call it just before the exit, which could kill a thread in the middle of a write.
    ///
    /// # Blocking
    /// During a write, and for at most `most`, because a disk may hang.
    pub fn shut(&self, most: Duration) {
        let began = Instant::now();
        loop {
            match self.is_shut.try_lock() {
                Ok(mut is_shut) => return *is_shut = true,
                Err(TryLockError::Poisoned(error)) => return *error.into_inner() = true,
                Err(TryLockError::WouldBlock) if began.elapsed() < most => thread::sleep(RETRY),
                Err(TryLockError::WouldBlock) => return,
            }
        }
    }

    /// Waits until the caller may write a line; forever if the gate is shut.
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
    /// The file, opened for appending.
    file: File,
    /// Its name, for errors.
    path: PathBuf,
    /// Serializes the writes of all threads.
    gate: Gate,
}

impl Log {
    /// Returns the file name of a mode's log.
    pub fn name(mode: Mode) -> String {
        format!("fetch-{mode}.log")
    }

    /// Opens the log of a mode in a directory that exists, and empties it (`FETCHLOG-3`).
    ///
    /// # Errors
    /// Those of open(2).
    pub fn create(directory: &Path, mode: Mode, gate: &Gate) -> io::Result<Self> {
        let path = directory.join(Self::name(mode));
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        // The name may be a link to /dev/null or a terminal, which cannot be truncated.
        if file.metadata()?.is_file() {
            file.set_len(0)?;
        }
        Ok(Self { file, path, gate: gate.clone() })
    }

    /// Writes that a link is requested.
    pub(super) fn started(&self, link: &str) -> io::Result<()> {
        self.line(|line| write!(line, "request to {} started", ShownAddress(link)))
    }

    /// Writes that the response is complete.
    pub(super) fn received(&self, link: &str, status: Status) -> io::Result<()> {
        let (link, code) = (ShownAddress(link), status.code());
        self.line(|line| write!(line, "response for {link} received with status {code}"))
    }

    /// Writes that there is no response.
    pub(super) fn failed(&self, link: &str, fault: &Fault) -> io::Result<()> {
        // The text of a fault has no line breaks.
        self.line(|line| write!(line, "request to {} failed: {fault}", ShownAddress(link)))
    }

    /// Writes a line (`FETCHLOG-1`).
    fn line(&self, event: impl FnOnce(&mut String) -> std::fmt::Result) -> io::Result<()> {
        let passage = self.gate.pass();
        // The time is read under the lock, so the times are in the order of the lines.
        let mut line = log_stamp(SystemTime::now());
        line.push(' ');
        event(&mut line).map_err(io::Error::other)?;
        line.push('\n');
        let written = (&self.file).write_all(line.as_bytes());
        drop(passage);
        written.map_err(|error| {
            io::Error::new(error.kind(), format!("write {}: {error}", self.path.display()))
        })
    }
}

/// An address as a line shows it (`FETCHLOG-2`).
#[derive(Clone, Copy, Debug)]
pub(super) struct ShownAddress<'a>(pub(super) &'a str);

impl std::fmt::Display for ShownAddress<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in without_password(self.0).chars() {
            if character.is_control() || character.is_whitespace() {
                write!(out, "{}", character.escape_unicode())?;
            } else {
                out.write_char(character)?;
            }
        }
        Ok(())
    }
}
