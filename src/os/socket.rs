#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! What std leaves out of sockets: a longer backlog, a listener on both families, the reset of a connection, and the three
//! kinds of errors of an accept.
//!
//! **Invariants**
//! - `OS-ACCEPT-1`: a failed accept is the peer's fault (try the next), a shortage (wait), or the listener's end (stop).
//!
//! **Source**: listen(2), accept(2) under "Error handling", socket(7) under `SO_LINGER`.

use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::{io, mem, ptr};

use libc::c_int;

use super::syscall::check;

/// What accept(2) says of them: "treat them like EAGAIN by retrying", because they were pending on the new socket.
#[rustfmt::skip]
const ERRORS_OF_THE_PEER: [c_int; 12] = [
    libc::ECONNABORTED, libc::EINTR, libc::EPROTO, libc::ENETDOWN, libc::ENOPROTOOPT, libc::EHOSTDOWN,
    libc::ENONET, libc::EHOSTUNREACH, libc::EOPNOTSUPP, libc::ENETUNREACH, libc::EPERM, libc::ETIMEDOUT,
];

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
    pub fn of(error: &io::Error) -> Self {
        match error.raw_os_error() {
            _ if is_shortage(error) => Self::Shortage,
            Some(code) if ERRORS_OF_THE_PEER.contains(&code) => Self::Peer,
            _ => Self::Listener,
        }
    }
}

/// Tells a call that failed because descriptors or memory were short, and may succeed when some are given back.
pub fn is_shortage(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    matches!(code, Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// Changes how many connections the kernel keeps ready for accept. It caps this at `somaxconn`.
///
/// # Errors
/// The socket does not listen.
pub fn listen_with_backlog(listener: &TcpListener, backlog_connections: u16) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as `listener` is borrowed; two integers, no memory.
    check(unsafe { libc::listen(listener.as_raw_fd(), c_int::from(backlog_connections)) }).map(drop)
}

/// Makes the close of this stream reset the connection and throw away what was not sent.
///
/// # Errors
/// None for an open stream.
pub fn set_linger_zero(stream: &TcpStream) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    set_option(stream.as_fd(), (libc::SOL_SOCKET, libc::SO_LINGER), &linger)
}

/// Sets an option of a socket, given by level and name; `value` has the type that it asks for.
fn set_option<T>(socket: BorrowedFd<'_>, option: (c_int, c_int), value: &T) -> io::Result<()> {
    let (level, name) = option;
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)?;
    let value = ptr::from_ref(value).cast();
    // SAFETY: the descriptor is open, and the kernel reads `length` bytes of `value`.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value, length) }).map(drop)
}

/// Listens on `127.0.0.1` and `::1` with one socket: it has an address of all interfaces and of both families, and takes
/// what comes over the loopback device. Port 0 asks for a free one.
///
/// # Errors
/// The port is taken; there is no IPv6; the kernel does not let this user choose a device (before Linux 5.7).
pub fn listen_on_loopback(port: u16) -> io::Result<TcpListener> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // SAFETY: three integers, no memory.
    let raw = check(unsafe { libc::socket(libc::AF_INET6, kind, 0) })?;
    // SAFETY: OS-1: the call has just returned this descriptor.
    let listener = TcpListener::from(unsafe { OwnedFd::from_raw_fd(raw) });
    let socket = listener.as_fd();
    set_option(socket, (libc::SOL_SOCKET, libc::SO_REUSEADDR), &1)?;
    set_option(socket, (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY), &0)?;
    set_option(socket, (libc::SOL_SOCKET, libc::SO_BINDTODEVICE), b"lo\0")?;
    // SAFETY: `sockaddr_in6` is made of integers; zero is the address `::`.
    let mut address: libc::sockaddr_in6 = unsafe { mem::zeroed() };
    address.sin6_family = libc::sa_family_t::try_from(libc::AF_INET6).map_err(io::Error::other)?;
    address.sin6_port = port.to_be();
    let length = libc::socklen_t::try_from(size_of_val(&address)).map_err(io::Error::other)?;
    // SAFETY: `address` is live, of the family that it names, and of this length.
    check(unsafe { libc::bind(raw, (&raw const address).cast(), length) })?;
    listen_with_backlog(&listener, 128)?;
    Ok(listener)
}
