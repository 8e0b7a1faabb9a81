//! An access log that cannot stop its server.
//!
//! A write to a full pipe blocks until the pipe's reader goes on, and on the event loop it would hold up every client.
//! So a line without space is dropped and counted, like a line that fails; the count stands before the next line.
//! - `ACCESS-1` One response is one line, and one write.
//!
//! **Source**: pipe(7): poll(2) calls a pipe writable when a write of `PIPE_BUF` bytes would not block.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use crate::os::{PollFd, poll};

/// The longest write, in bytes: Linux's `PIPE_BUF`. A longer line is cut.
const PIPE_BUF: usize = 4096;

/// A log for whole lines, which are dropped when they cannot be written.
#[derive(Debug)]
pub struct AccessLog {
    /// The file, pipe or terminal.
    file: File,
    /// Lines that were dropped, and not told of yet.
    dropped: Cell<u64>,
}

impl AccessLog {
    /// Writes to a file from its present position on, or to its end if it was opened for appending.
    pub fn new(file: File) -> Self {
        Self { file, dropped: Cell::new(0) }
    }

    /// Writes a line, which ends with a line feed, or drops it.
    pub fn write(&self, line: &str) {
        if self.tell_dropped().and_then(|()| self.try_write(line)).is_err() {
            self.dropped.update(|dropped| dropped + 1);
        }
    }

    /// Writes how many lines were dropped, if there are any.
    fn tell_dropped(&self) -> io::Result<()> {
        let dropped = self.dropped.get();
        if dropped > 0 {
            self.try_write(&format!("lines that could not be written: {dropped}\n"))?;
            self.dropped.set(0);
        }
        Ok(())
    }

    /// Writes a line if there is space.
    fn try_write(&self, line: &str) -> io::Result<()> {
        if poll(&mut [PollFd::writable(self.file.as_fd())], Some(Duration::ZERO))? == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if line.len() <= PIPE_BUF {
            return (&self.file).write_all(line.as_bytes());
        }
        let cut = line.floor_char_boundary(PIPE_BUF - 1);
        (&self.file).write_all(format!("{}\n", &line[..cut]).as_bytes())
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        drop(self.tell_dropped());
    }
}
