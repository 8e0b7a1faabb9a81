#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! Opening a file without waiting, and whether a descriptor outlives an exec.
//!
//! Problem: an open of a FIFO waits until another process writes to it, and no signal handler of ours ends that wait. And
//! a program that is executed gets every descriptor of its process that is not close-on-exec: a pipe whose end it holds
//! without knowing never ends (`OS-3`).
//!
//! **Left out**: the race with a thread that forks and executes between the opening of a descriptor and its flag.
//!
//! **Source**: open(2), `O_NONBLOCK` and `O_NOCTTY`; fcntl(2), `F_SETFD`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::syscall::check;

/// Opens a file for reading, without waiting, whatever stands there. A terminal does not become ours.
///
/// Reads of a regular file are the same with and without `O_NONBLOCK`; of other files the caller takes care.
///
/// # Errors
/// Those of open(2).
pub fn open_at_once(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)
}

/// Has an exec close this descriptor, or keep it. A copy of the descriptor has a flag of its own.
///
/// # Errors
/// None for an open descriptor.
pub fn set_close_on_exec(fd: BorrowedFd<'_>, closes: bool) -> io::Result<()> {
    let flags = if closes { libc::FD_CLOEXEC } else { 0 };
    // SAFETY: the descriptor is open; the command takes an integer.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, flags) }).map(drop)
}
