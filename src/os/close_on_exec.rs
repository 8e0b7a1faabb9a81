#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! Whether a descriptor outlives an exec.
//!
//! Problem: a program that is executed gets every descriptor of its process, and a pipe whose end it holds without
//! knowing never ends. So all descriptors here are made with close-on-exec (`OS-3`). Whoever wants to hand one over,
//! under its number, has to say so.
//!
//! **Invariants**
//! - `CLOSE-ON-EXEC-1`: the flag belongs to the descriptor, not to what it leads to: a copy has one of its own.
//!
//! **Left out**: the race with a thread that forks and executes in between; std's `Stdio` hands over 0, 1 and 2 without.
//!
//! **Source**: fcntl(2), `F_SETFD`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::syscall::check;

/// Has an exec close this descriptor, or keep it.
///
/// # Errors
/// None for an open descriptor.
pub fn set_close_on_exec(fd: BorrowedFd<'_>, closes: bool) -> io::Result<()> {
    let flags = if closes { libc::FD_CLOEXEC } else { 0 };
    // SAFETY: the descriptor is open; the command takes an integer.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, flags) }).map(drop)
}
