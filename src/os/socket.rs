#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! What std leaves out of sockets.
//!
//! Problem: std listens with a backlog of 128 connections, which a thousand clients that come at once
//! overrun; and offers no way to reset a connection, which the tests of a server need. And the many
//! ways in which an accept can fail ask for three different answers.
//!
//! **Invariants**
//! - Nothing here takes a descriptor; all borrow the socket of std (`OS-1`).
//! - `OS-ACCEPT-1`: a failed accept is the peer's fault (try the next), a shortage (wait), or the
//!   listener's end (stop). Every error is one of these.
//!
//! **Source**: listen(2), accept(2) under "Error handling", socket(7) under `SO_LINGER`.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::c_int;

use super::syscall::{check, retry_length};

/// What to do about an accept that failed (`OS-ACCEPT-1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptFailure {
    /// That one client is gone: accept the next.
    Peer,
    /// Out of descriptors or memory: wait, since the client stays in the backlog.
    Shortage,
    /// The listener itself is of no use any more.
    Listener,
}

impl AcceptFailure {
    /// Sorts the error of an accept (`OS-ACCEPT-1`). `WouldBlock` is not for here: it is no failure.
    ///
    /// # Source
    /// accept(2): "treat them like EAGAIN by retrying", of errors pending on the new socket.
    pub fn of(error: &io::Error) -> Self {
        match error.raw_os_error() {
            _ if is_shortage(error) => Self::Shortage,
            Some(
                libc::ECONNABORTED
                | libc::EINTR
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENOPROTOOPT
                | libc::EHOSTDOWN
                | libc::ENONET
                | libc::EHOSTUNREACH
                | libc::EOPNOTSUPP
                | libc::ENETUNREACH
                | libc::EPERM
                | libc::ETIMEDOUT,
            ) => Self::Peer,
            _ => Self::Listener,
        }
    }
}

/// Tells a call that failed for want of descriptors or memory, and may succeed when others have given some back.
///
/// # Source
/// accept(2) and socket(2), which have these four in common.
pub fn is_shortage(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    matches!(code, Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// Changes how many connections the kernel keeps ready for accept. It caps this at `somaxconn`.
///
/// # Errors
/// The socket does not listen.
///
/// # Source
/// listen(2), which may be called again for this.
pub fn listen_with_backlog(listener: &TcpListener, backlog_connections: u16) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as `listener` is borrowed; two integers, no memory.
    check(unsafe { libc::listen(listener.as_raw_fd(), c_int::from(backlog_connections)) }).map(drop)
}

/// Has the close of this stream reset the connection, and throw away what was not sent.
///
/// # Errors
/// None for an open stream.
///
/// # Source
/// socket(7), `SO_LINGER` with a span of zero
pub fn set_linger_zero(stream: &TcpStream) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let length = libc::socklen_t::try_from(size_of_val(&linger)).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open, and `linger` is the type and length that the option asks for.
    check(unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            length,
        )
    })
    .map(drop)
}

/// Sends as much as there is room for, whatever the socket's mode, and returns how much that was.
///
/// # Errors
/// `WouldBlock` when there is no room; `BrokenPipe` or `ConnectionReset` when the peer is gone, without SIGPIPE.
///
/// # Source
/// send(2), `MSG_DONTWAIT`
pub fn try_send(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the kernel reads `bytes.len()` bytes from where they lie.
    retry_length(|| unsafe {
        libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags)
    })
}
