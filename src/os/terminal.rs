#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! The width of a terminal: `ioctl_tty(2)`.

use std::mem;
use std::os::fd::{AsFd, AsRawFd};

/// The columns of the terminal behind a descriptor; `None` when it is no terminal, or one that does not know.
pub fn terminal_columns(fd: impl AsFd) -> Option<usize> {
    // SAFETY: `winsize` is made of integers.
    let mut size: libc::winsize = unsafe { mem::zeroed() };
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: `TIOCGWINSZ` writes a `winsize`, and `size` is ours to write.
    let result = unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &raw mut size) };
    (result == 0 && size.ws_col > 0).then(|| usize::from(size.ws_col))
}
