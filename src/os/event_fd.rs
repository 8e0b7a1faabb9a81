#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! An event descriptor: a flag that a selector can wait for.
//!
//! A thread that sleeps in `ppoll` or `epoll_wait` sees neither a condition variable nor an atomic. A descriptor wakes it.
//!
//! **Invariants**
//! - `EVENTFD-1`: once signalled it stays readable until it is read. A stop descriptor is never read, so one signal reaches
//!   every thread and every forked child, however late it looks.
//!
//! **Source**: eventfd(2).

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use super::syscall::check;

/// A flag that a selector can wait for.
#[derive(Debug)]
pub struct EventFd {
    /// The kernel's 64-bit counter. As a `File`, because then std reads, writes and retries.
    pub(super) file: File,
}

impl EventFd {
    /// Makes an event descriptor that is not signalled.
    ///
    /// # Errors
    /// Out of descriptors or memory.
    pub fn new() -> io::Result<Self> {
        // SAFETY: eventfd(2) takes two integers and touches no memory of ours.
        let raw = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: OS-1: the call has just returned this descriptor, so no other value owns it.
        let owned = unsafe { OwnedFd::from_raw_fd(raw) };
        Ok(Self { file: File::from(owned) })
    }

    /// Makes the descriptor readable until it is read (`EVENTFD-1`).
    ///
    /// # Errors
    /// None that a live event descriptor can give.
    pub fn signal(&self) -> io::Result<()> {
        // `WouldBlock`: the counter is at its end. Then the descriptor is readable, which was the purpose.
        unless_it_blocks((&self.file).write_all(&1_u64.to_ne_bytes()))
    }

    /// Takes the signal back. Not for a descriptor that others wait for too (`EVENTFD-1`).
    ///
    /// # Errors
    /// None that a live event descriptor can give.
    pub fn clear(&self) -> io::Result<()> {
        // `WouldBlock`: it was not signalled.
        unless_it_blocks((&self.file).read_exact(&mut [0; size_of::<u64>()]))
    }
}

/// Takes a call that would have blocked for one that had nothing to do.
fn unless_it_blocks(done: io::Result<()>) -> io::Result<()> {
    done.or_else(|error| match error.kind() {
        io::ErrorKind::WouldBlock => Ok(()),
        _ => Err(error),
    })
}

impl AsFd for EventFd {
    /// Lends the descriptor, for a selector to wait on.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
