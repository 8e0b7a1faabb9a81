#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! Descriptors: opening a file without waiting, whether one outlives an exec, and the width of a terminal.
//!
//! Problem: an open of a FIFO waits until another process writes to it. And a program that is executed gets every
//! descriptor that is not close-on-exec: a pipe whose end it holds without knowing never ends (`OS-3`).
//!
//! **Source**: open(2), `O_NONBLOCK` and `O_NOCTTY`; fcntl(2), `F_SETFD`; `ioctl_tty(2)`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
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

/// The columns of the terminal behind a descriptor; `None` when it is no terminal, or one that does not know.
pub fn terminal_columns(fd: impl AsFd) -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: `TIOCGWINSZ` writes a `winsize`, and `size` is ours to write.
    let result = unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then(|| usize::from(size.ws_col))
}
