//! Opening a file without waiting for anybody.
//!
//! Problem: an open of a FIFO waits until somebody writes to it, maybe for ever; and no signal handler of ours ends
//! that wait, since the call is restarted.
//!
//! **Invariants**
//! - `FILE-1`: the open returns at once, whatever stands there. Reads of a regular file are the same with and without
//!   `O_NONBLOCK`; of anything else the caller takes care.
//!
//! **Source**: open(2), `O_NONBLOCK` and `O_NOCTTY`; fifo(7).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a file for reading, without waiting (`FILE-1`). A terminal does not become ours.
///
/// # Errors
/// Those of open(2).
pub fn open_at_once(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}
