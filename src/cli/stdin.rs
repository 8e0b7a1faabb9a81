//! The standard input, read by a task that must not hold its loop.
//!
//! A read of a terminal or a pipe blocks until somebody types. The usual remedy, `O_NONBLOCK`, is not ours to
//! use: the flag belongs to the open file, which the shell and other programs share. So the task waits for
//! readiness and then reads once, which gives what there is without waiting. A regular file cannot be waited for:
//! epoll refuses it with EPERM, since it is always ready. It is read at once.
//!
//! **Invariants**
//! - `STDIN-1`: a terminal, pipe or socket is read only when poll(2) has just called it ready.
//! - `STDIN-2`: readiness is cleared only after poll(2) said "not ready"; what comes later is told anew, so
//!   nothing is lost although epoll is edge-triggered. A short read would not do for proof: a terminal gives
//!   one line at a time.
//!
//! **Left out**: another process that reads from the same terminal or pipe between the poll and the read; then
//! the read blocks until the next line.
//!
//! **Source**: `epoll_ctl(2)` on EPERM; open(2) on `O_NONBLOCK`; poll(2) on regular files.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use crate::aio::Descriptor;
use crate::os::{PollFd, poll};

/// The standard input on an event loop.
#[derive(Debug)]
pub(crate) enum Stdin {
    /// What can be waited for.
    Waited(Descriptor<File>),
    /// A regular file, or a device such as `/dev/null`: always ready.
    Ready(File),
}

impl Stdin {
    /// Registers the standard input with the loop. Its descriptor stays open: this is a copy.
    ///
    /// # Errors
    /// No descriptors are left.
    ///
    /// # Panics
    /// No event loop runs on this thread.
    pub(crate) fn new() -> io::Result<Self> {
        let copy = || io::stdin().as_fd().try_clone_to_owned().map(File::from);
        match Descriptor::new(copy()?) {
            Ok(descriptor) => Ok(Self::Waited(descriptor)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Ok(Self::Ready(copy()?))
            }
            Err(error) => Err(error),
        }
    }

    /// Reads what there is, as soon as there is something; 0 is the end.
    ///
    /// # Errors
    /// Those of read(2): a directory, a broken disk.
    ///
    /// # Cancellation
    /// Nothing is lost: bytes are taken by the poll that returns them.
    pub(crate) async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let descriptor = match self {
            Self::Ready(file) => return file.read(buf),
            Self::Waited(descriptor) => descriptor,
        };
        loop {
            descriptor.readable().await?;
            let mut file = descriptor.get_ref();
            if poll(&mut [PollFd::readable(file.as_fd())], Some(Duration::ZERO))? > 0 {
                return file.read(buf);
            }
            descriptor.clear_readable()?;
        }
    }
}
