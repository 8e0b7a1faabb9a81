#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! Waiting for a few descriptors, with a timeout counted in nanoseconds: ppoll(2).
//!
//! `epoll_wait` counts milliseconds: a sleep of a tenth of one is late, or a busy loop.
//!
//! **Invariants**
//! - `POLL-1`: [`poll`] waits on after a signal, with the time that remains: it is never early. [`wait_readable`] returns
//!   then, because its caller has a clock of its own.

use std::io::{self, ErrorKind, Write};
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;
use std::time::{Duration, Instant};

use super::clock::timespec;
use super::syscall::check;

/// One descriptor, what to wait for on it, and afterwards what came.
#[derive(Debug)]
#[repr(transparent)]
pub struct PollFd<'fd> {
    /// The kernel's form; `revents` is written by each [`poll`].
    raw: libc::pollfd,
    /// Keeps the descriptor open as long as we may wait on it (`OS-1`).
    fd: PhantomData<BorrowedFd<'fd>>,
}

impl<'fd> PollFd<'fd> {
    /// Waits until there is something to read, which an end of stream and an error are too.
    pub fn readable(fd: BorrowedFd<'fd>) -> Self {
        Self::new(fd, libc::POLLIN)
    }

    /// Waits until a write would not block, or would fail.
    pub fn writable(fd: BorrowedFd<'fd>) -> Self {
        Self::new(fd, libc::POLLOUT)
    }

    /// Waits for these poll flags.
    fn new(fd: BorrowedFd<'fd>, events: libc::c_short) -> Self {
        let raw = libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 };
        Self { raw, fd: PhantomData }
    }

    /// Tells whether the last [`poll`] found it ready. Hang-up and error count: the next call tells which.
    pub fn is_ready(&self) -> bool {
        self.raw.revents != 0
    }
}

/// Waits until one of the descriptors is ready, and returns how many are; 0 means that the time is up.
///
/// # Errors
/// Out of memory, or more descriptors than the process may have open.
///
/// # Blocking
/// For `timeout`, or without end when it is `None`; never less, also when signals come.
pub fn poll(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<usize> {
    // A deadline beyond what the clock can count is the same as none.
    let deadline = timeout.and_then(|span| Instant::now().checked_add(span));
    let mut left = timeout;
    loop {
        match poll_once(fds, left) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            }
            done => return done,
        }
    }
}

/// Writes all of the bytes and flushes, also where another program that has the same file open has made it non-blocking.
///
/// # Errors
/// Neither `WouldBlock` nor `Interrupted`; a part may have been written.
///
/// # Blocking
/// Until there is space.
pub fn write_out(file: &mut (impl Write + AsFd), mut bytes: &[u8]) -> io::Result<()> {
    loop {
        let is_written = bytes.is_empty();
        let written = if is_written { file.flush().map(|()| 0) } else { file.write(bytes) };
        match written {
            Ok(_) if is_written => return Ok(()),
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll(&mut [PollFd::writable(file.as_fd())], None)?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Waits until `fd` is readable (true), or until the time is up or a signal came (false). One system call.
///
/// # Errors
/// Out of memory.
///
/// # Blocking
/// For at most `timeout`, and the kernel's timer slack (50 µs by default, see prctl(2)).
pub fn wait_readable(fd: BorrowedFd<'_>, timeout: Duration) -> io::Result<bool> {
    match poll_once(&mut [PollFd::readable(fd)], Some(timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
    }
}

/// One ppoll(2). EINTR is an error here, because the callers treat it differently.
fn poll_once(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<usize> {
    let span = timeout.map(timespec);
    let span_ptr = span.as_ref().map_or(ptr::null(), ptr::from_ref);
    let count = libc::nfds_t::try_from(fds.len()).map_err(io::Error::other)?;
    // SAFETY: `PollFd` is transparent over `pollfd`, `count` is the slice's length, and `span` outlives
    // the call; a null mask leaves the signals alone.
    let ready = unsafe { libc::ppoll(fds.as_mut_ptr().cast(), count, span_ptr, ptr::null()) };
    check(ready).map(|ready| usize::try_from(ready).expect("holds because check() refused -1"))
}
