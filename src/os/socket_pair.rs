#![expect(unsafe_code, reason = "layer 0 wraps system calls")]
//! Two sockets that are each other's other end and carry packets, and a descriptor that travels with a packet.
//!
//! Problem: a pipe has one direction, joins what was written in two calls, and carries no descriptor from one process to
//! another. std's `UnixStream::pair` has both directions, and lacks the other two.
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

use libc::c_int;

use super::syscall::{check, retry};

/// How long a descriptor is.
const FD_BYTES: u32 = c_int::BITS / u8::BITS;

/// Room for one descriptor, with the kernel's header before it.
#[repr(C, align(8))]
struct Control([u8; 64]);

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
    let mut control = Control([0; 64]);
    let mut piece =
        libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut message = header(&mut piece, &mut control);
    if let Some(fd) = fd {
        // SAFETY: the control buffer is live, aligned, and long enough for a header.
        let first = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
        let head = libc::cmsghdr {
            // SAFETY: arithmetic only.
            cmsg_len: unsafe { libc::CMSG_LEN(FD_BYTES) } as usize,
            cmsg_level: libc::SOL_SOCKET,
            cmsg_type: libc::SCM_RIGHTS,
        };
        // SAFETY: `first` points into `control`, which is ours to write.
        unsafe { first.write(head) };
        // SAFETY: `first` is a header in a buffer with room for what follows it.
        let data = unsafe { libc::CMSG_DATA(first) };
        // SAFETY: there is room for one descriptor, whose bytes need not be aligned.
        unsafe { data.cast::<[u8; size_of::<c_int>()]>().write(fd.as_raw_fd().to_ne_bytes()) };
        // SAFETY: arithmetic only; a descriptor and the header fit into `Control`.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(FD_BYTES) } as usize;
    } else {
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
    let mut control = Control([0; 64]);
    let mut piece = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    let mut message = header(&mut piece, &mut control);
    let flags = libc::MSG_CMSG_CLOEXEC | if waits { 0 } else { libc::MSG_DONTWAIT };
    // SAFETY: every pointer in `message` is to a live buffer of the length that stands beside it.
    let got = retry(|| unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) })?;
    Ok((got.unsigned_abs(), take_fd(&message)))
}

/// Takes charge of the descriptor in a message that was received.
fn take_fd(message: &libc::msghdr) -> Option<OwnedFd> {
    // SAFETY: the kernel has set the length of what it wrote into the control buffer.
    let first = unsafe { libc::CMSG_FIRSTHDR(message) };
    if first.is_null() {
        return None;
    }
    // SAFETY: not null, so a whole header lies there.
    let head = unsafe { first.read() };
    // SAFETY: arithmetic only.
    let length = unsafe { libc::CMSG_LEN(FD_BYTES) } as usize;
    if (head.cmsg_level, head.cmsg_type) != (libc::SOL_SOCKET, libc::SCM_RIGHTS)
        || head.cmsg_len < length
    {
        return None;
    }
    // SAFETY: `first` is a header in the control buffer.
    let data = unsafe { libc::CMSG_DATA(first) };
    // SAFETY: the header's length says that a descriptor follows; its bytes need not be aligned.
    let raw = unsafe { data.cast::<[u8; size_of::<c_int>()]>().read() };
    // SAFETY: OS-1: the kernel has just made this descriptor for us.
    Some(unsafe { OwnedFd::from_raw_fd(c_int::from_ne_bytes(raw)) })
}

/// The header of a message with one piece of bytes and room for a descriptor.
fn header(piece: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: `msghdr` is plain old data, for which all bits zero is a value: no address, no flags.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = piece;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control.0);
    message
}
