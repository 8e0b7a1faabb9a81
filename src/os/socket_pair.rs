#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! Two sockets that are each other's other end and carry packets, and a descriptor that travels with a packet.
//!
//! A pipe has one direction, joins what was written in two calls, and carries no descriptor. std's `UnixStream::pair` has
//! both directions, and lacks the other two.
//!
//! **Invariants**
//! - `PAIR-1`: no call here raises SIGPIPE: a peer that is gone is the error EPIPE.
//! - `PAIR-2`: a call waits or does not, as its caller says. The descriptors stay in the blocking mode, which other owners
//!   would share.
//!
//! **Source**: socketpair(2), sendmsg(2), recvmsg(2), unix(7) under `SCM_RIGHTS`, cmsg(3).

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use libc::c_int;

use super::syscall::{check, retry};

/// A control message of cmsg(3) that carries a descriptor, as the kernel lays it out.
#[repr(C)]
struct Control {
    /// What follows, and its length with this header.
    head: libc::cmsghdr,
    /// The descriptor's number.
    fd: c_int,
}

/// The bytes of a [`Control`] without the padding at its end, where a second descriptor would have room.
const CONTROL_BYTES: usize = size_of::<libc::cmsghdr>() + size_of::<c_int>();

/// Makes two connected sockets that carry messages: one receive takes what one send gave, or nothing.
///
/// # Errors
/// Out of descriptors or memory.
pub fn packets() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut raw = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the kernel writes two integers, for which there is room.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, raw.as_mut_ptr()) })?;
    // SAFETY: OS-1: the call has just returned this descriptor.
    let left = unsafe { OwnedFd::from_raw_fd(raw[0]) };
    // SAFETY: as above.
    let right = unsafe { OwnedFd::from_raw_fd(raw[1]) };
    Ok((left, right))
}

/// Sends one message, on any pair of sockets, and gives the peer's process a descriptor of its own for this file.
///
/// # Errors
/// The peer is gone.
///
/// # Blocking
/// Until there is room.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut control = Control::new(fd.map_or(-1, |fd| fd.as_raw_fd()));
    let mut piece =
        libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut message = header(&mut piece, &mut control);
    if fd.is_none() {
        message.msg_controllen = 0;
    }
    let message = &raw const message;
    // SAFETY: every pointer in `message` is to a live buffer of the length that stands beside it.
    let sent = retry(|| unsafe { libc::sendmsg(socket.as_raw_fd(), message, libc::MSG_NOSIGNAL) })?;
    let is_whole = sent.unsigned_abs() == bytes.len();
    if is_whole { Ok(()) } else { Err(io::Error::other("send: message cut short")) }
}

/// Receives one message of at most `room.len()` bytes, and the descriptor that came with it: owned at once (`OS-1`) and
/// close-on-exec (`OS-3`). It is lost when this process may have no more.
///
/// Returns 0 bytes when the peer is gone.
///
/// # Errors
/// `WouldBlock` when `waits` is false and no message is there.
///
/// # Blocking
/// When `waits` is true, until a message comes.
pub fn receive(
    socket: BorrowedFd<'_>,
    room: &mut [u8],
    waits: bool,
) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut control = Control::new(-1);
    let mut piece = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    let mut message = header(&mut piece, &mut control);
    let flags = libc::MSG_CMSG_CLOEXEC | if waits { 0 } else { libc::MSG_DONTWAIT };
    // SAFETY: every pointer in `message` is to a live buffer of the length that stands beside it.
    let got = retry(|| unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) })?;
    let has_fd = message.msg_controllen >= CONTROL_BYTES
        && (control.head.cmsg_level, control.head.cmsg_type)
            == (libc::SOL_SOCKET, libc::SCM_RIGHTS)
        && control.head.cmsg_len >= CONTROL_BYTES;
    // SAFETY: OS-1: the kernel has just written a descriptor there, which it made for us.
    let fd = has_fd.then(|| unsafe { OwnedFd::from_raw_fd(control.fd) });
    Ok((got.unsigned_abs(), fd))
}

impl Control {
    /// A control message that carries this descriptor.
    fn new(fd: c_int) -> Self {
        let (cmsg_level, cmsg_type) = (libc::SOL_SOCKET, libc::SCM_RIGHTS);
        Self { head: libc::cmsghdr { cmsg_len: CONTROL_BYTES, cmsg_level, cmsg_type }, fd }
    }
}

/// The header of a message with one piece of bytes and room for a descriptor.
fn header(piece: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: `msghdr` is plain old data, for which all bits zero is a value: no address, no flags.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = piece;
    message.msg_iovlen = 1;
    message.msg_control = ptr::from_mut(control).cast();
    message.msg_controllen = CONTROL_BYTES;
    message
}
