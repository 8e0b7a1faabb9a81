#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! Two sockets that are each other's other end and carry packets, and descriptors that travel over them.
//!
//! Problem: a pipe has one direction, joins what was written in two calls, and carries no descriptor from one process to
//! another. std's `UnixStream::pair` has both directions, and lacks the other two.
//!
//! **Invariants**
//! - `PAIR-1`: no call here raises SIGPIPE: a peer that is gone is the error EPIPE.
//! - `PAIR-2`: a call waits or does not, as its caller says. The descriptors stay in the blocking mode, which other owners
//!   would share.
//! - `PAIR-3`: a descriptor that arrives is owned at once (`OS-1`) and close-on-exec (`OS-3`).
//!
//! **Left out**: credentials of the sender, more than [`MOST_FDS`] descriptors in a message.
//!
//! **Source**: socketpair(2), sendmsg(2), recvmsg(2), unix(7), cmsg(3).

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use libc::c_int;

use super::syscall::{check, retry_length};

/// The most descriptors that one message may carry: `Control` has room for so many.
pub const MOST_FDS: usize = 4;

/// Room for the descriptors of one message, with the kernel's header before them.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Makes two connected sockets that carry messages: one receive takes what one send gave, or nothing.
///
/// # Errors
/// Out of descriptors or memory.
///
/// # Source
/// socketpair(2), `SOCK_SEQPACKET`
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

/// Sends one message, on any pair of sockets, and gives the peer's process descriptors of its own for these files.
///
/// # Errors
/// The peer is gone; `InvalidInput` for more than [`MOST_FDS`] descriptors.
///
/// # Blocking
/// Until there is room.
///
/// # Source
/// unix(7), `SCM_RIGHTS`
pub fn send_with_fds(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    if fds.len() > MOST_FDS {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "send: too many descriptors"));
    }
    let raw: Vec<c_int> = fds.iter().map(AsRawFd::as_raw_fd).collect();
    let mut control = Control([0; 64]);
    let mut piece =
        libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut message = header(&mut piece, &mut control);
    message.msg_controllen = 0;
    if !raw.is_empty() {
        let data_bytes = u32::try_from(size_of_val(raw.as_slice())).map_err(io::Error::other)?;
        // SAFETY: arithmetic only; four descriptors and the header fit into `Control`.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(data_bytes) } as usize;
        // SAFETY: the control buffer is live, aligned, and long enough for a header.
        let first = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
        let head = libc::cmsghdr {
            // SAFETY: arithmetic only.
            cmsg_len: unsafe { libc::CMSG_LEN(data_bytes) } as usize,
            cmsg_level: libc::SOL_SOCKET,
            cmsg_type: libc::SCM_RIGHTS,
        };
        // SAFETY: `first` points into `control`, which is ours to write.
        unsafe { first.write(head) };
        // SAFETY: `first` is a header in a buffer with room for what follows it.
        let data = unsafe { libc::CMSG_DATA(first) };
        // SAFETY: `CMSG_SPACE` above has counted these bytes.
        unsafe { ptr::copy_nonoverlapping(raw.as_ptr().cast(), data, data_bytes as usize) };
    }
    // SAFETY: every pointer in `message` is to a live buffer of the length that stands beside it.
    let sent = retry_length(|| unsafe {
        libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL)
    })?;
    if sent == bytes.len() { Ok(()) } else { Err(io::Error::other("send: message cut short")) }
}

/// Receives one message of at most `room.len()` bytes, and the descriptors that came with it.
///
/// Returns 0 bytes when the peer is gone. Fewer descriptors come than were sent when this process may have no more;
/// those are lost.
///
/// # Errors
/// `WouldBlock` when `wait` is false and no message is there.
///
/// # Blocking
/// When `wait` is true, until a message comes.
pub fn receive_with_fds(
    socket: BorrowedFd<'_>,
    room: &mut [u8],
    wait: bool,
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control = Control([0; 64]);
    let mut piece = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    let mut message = header(&mut piece, &mut control);
    let flags = libc::MSG_CMSG_CLOEXEC | if wait { 0 } else { libc::MSG_DONTWAIT };
    // SAFETY: every pointer in `message` is to a live buffer of the length that stands beside it.
    let got =
        retry_length(|| unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) })?;
    Ok((got, take_fds(&message)))
}

/// Takes charge of the descriptors in a message that was received (`PAIR-3`).
fn take_fds(message: &libc::msghdr) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    // SAFETY: the kernel has set the length of what it wrote into the control buffer.
    let first = unsafe { libc::CMSG_FIRSTHDR(message) };
    if first.is_null() {
        return fds;
    }
    // SAFETY: not null, so a whole header lies there.
    let head = unsafe { first.read() };
    if head.cmsg_level != libc::SOL_SOCKET || head.cmsg_type != libc::SCM_RIGHTS {
        return fds;
    }
    // SAFETY: arithmetic only.
    let empty_bytes = unsafe { libc::CMSG_LEN(0) } as usize;
    // SAFETY: `first` is a header in the control buffer.
    let data = unsafe { libc::CMSG_DATA(first) };
    for index in 0..(head.cmsg_len - empty_bytes) / size_of::<c_int>() {
        // SAFETY: `index` is below the count that the header's length gives.
        let place = unsafe { data.add(index * size_of::<c_int>()) };
        // SAFETY: as above; the bytes need not be aligned.
        let raw = unsafe { place.cast::<[u8; size_of::<c_int>()]>().read() };
        // SAFETY: OS-1: the kernel has just made this descriptor for us.
        fds.push(unsafe { OwnedFd::from_raw_fd(c_int::from_ne_bytes(raw)) });
    }
    fds
}

/// The header of a message with one piece of bytes and room for descriptors.
fn header(piece: &mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: `msghdr` is plain old data, for which all bits zero is a value: no address, no flags.
    let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    message.msg_iov = piece;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control.0);
    message
}
