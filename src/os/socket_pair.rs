#![expect(unsafe_code, reason = "floor 0 wraps system calls")]
//! Two sockets that are each other's other end, and descriptors that travel over them.
//!
//! Problem: a pipe has one direction, its writer is killed by SIGPIPE when the reader is gone, and no pipe
//! carries a descriptor from one process to another. A pair of sockets does all three.
//!
//! **Invariants**
//! - `PAIR-1`: no call here raises SIGPIPE: a peer that is gone is the error EPIPE.
//! - `PAIR-2`: a call either never waits or always does, as its name says; the descriptors themselves stay in
//!   the blocking mode, which their other owners would share.
//! - `PAIR-3`: a descriptor that arrives is owned at once (`OS-1`) and close-on-exec (`OS-3`).
//!
//! **Left out**: credentials of the sender, more than [`MOST_FDS`] descriptors in a message.
//!
//! **Source**: socketpair(2), send(2), recv(2), unix(7), cmsg(3).

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use libc::c_int;

use super::syscall::check;

/// The most descriptors that one message may carry. Taste: the fork server sends two.
pub const MOST_FDS: usize = 4;

/// Room for the descriptors of one message, with the kernel's header before them.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Makes two connected sockets that carry a stream of bytes, in both directions.
///
/// # Errors
/// Out of descriptors or memory.
///
/// # Source
/// socketpair(2), `SOCK_STREAM`
pub fn stream() -> io::Result<(OwnedFd, OwnedFd)> {
    pair(libc::SOCK_STREAM)
}

/// Makes two connected sockets that carry messages: one receive takes what one send gave, or nothing.
///
/// # Errors
/// Out of descriptors or memory.
///
/// # Source
/// socketpair(2), `SOCK_SEQPACKET`
pub fn packets() -> io::Result<(OwnedFd, OwnedFd)> {
    pair(libc::SOCK_SEQPACKET)
}

/// One socketpair(2).
fn pair(kind: c_int) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut raw = [-1; 2];
    // SAFETY: the kernel writes two integers, for which there is room.
    check(unsafe {
        libc::socketpair(libc::AF_UNIX, kind | libc::SOCK_CLOEXEC, 0, raw.as_mut_ptr())
    })?;
    // SAFETY: OS-1: the call has just returned this descriptor.
    let left = unsafe { OwnedFd::from_raw_fd(raw[0]) };
    // SAFETY: as above.
    let right = unsafe { OwnedFd::from_raw_fd(raw[1]) };
    Ok((left, right))
}

/// Asks for room for `bytes` that were sent and not yet received. The kernel caps it at `wmem_max`.
///
/// # Errors
/// None for an open socket.
///
/// # Source
/// socket(7), `SO_SNDBUF`
pub fn set_send_buffer(socket: BorrowedFd<'_>, bytes: u32) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<u32>()).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open, and the option takes an integer of this length.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_SNDBUF,
            (&raw const bytes).cast(),
            length,
        )
    })
    .map(drop)
}

/// Sends as much as there is room for, and returns how much that was.
///
/// # Errors
/// `WouldBlock` when there is no room; `BrokenPipe` or `ConnectionReset` when the peer is gone (`PAIR-1`).
pub fn try_send(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    send(socket, bytes, libc::MSG_DONTWAIT)
}

/// Sends everything.
///
/// # Errors
/// The peer is gone (`PAIR-1`); how much it got is not known then.
///
/// # Blocking
/// Until the last byte has room.
pub fn send_all(socket: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent = send(socket, bytes, 0)?;
        bytes = &bytes[sent..];
    }
    Ok(())
}

/// One send(2), again after EINTR.
fn send(socket: BorrowedFd<'_>, bytes: &[u8], flags: c_int) -> io::Result<usize> {
    let flags = flags | libc::MSG_NOSIGNAL;
    // SAFETY: the kernel reads `bytes.len()` bytes from where they lie.
    retry(|| unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) })
}

/// Appends what has arrived to `into`, at most `most` bytes; returns how many, and 0 at the end of the stream.
///
/// # Errors
/// `WouldBlock` when nothing has arrived; `ConnectionReset` when the peer died with our bytes unread.
pub fn try_receive(socket: BorrowedFd<'_>, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    receive_with(socket, into, most, libc::MSG_DONTWAIT)
}

/// Appends what has arrived to `into`, at most `most` bytes; waits for the first.
///
/// # Errors
/// `ConnectionReset` when the peer died with our bytes unread.
///
/// # Blocking
/// Until something arrives or the stream ends.
pub fn receive(socket: BorrowedFd<'_>, into: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    receive_with(socket, into, most, 0)
}

/// One recv(2) into the free end of a vector, again after EINTR.
fn receive_with(
    socket: BorrowedFd<'_>,
    into: &mut Vec<u8>,
    most: usize,
    flags: c_int,
) -> io::Result<usize> {
    into.reserve(most);
    let length = into.len();
    let free = &mut into.spare_capacity_mut()[..most];
    // SAFETY: the kernel writes at most `most` bytes, for which `free` has room.
    let got =
        retry(|| unsafe { libc::recv(socket.as_raw_fd(), free.as_mut_ptr().cast(), most, flags) })?;
    // SAFETY: the first `got` bytes behind the old end were just written.
    unsafe { into.set_len(length + got) };
    Ok(got)
}

/// Ends the stream in both directions, for every process that holds this end: the peer reads an end.
///
/// # Errors
/// The peer has done so already.
///
/// # Source
/// shutdown(2)
pub fn shut_down(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: two integers, no memory.
    check(unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RDWR) }).map(drop)
}

/// Sends one message and lends the peer's process descriptors of its own for these files.
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
    let sent = retry(|| unsafe {
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
    let got = retry(|| unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) })?;
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

/// Makes a call that returns a length until it is not interrupted by a signal.
fn retry(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        match usize::try_from(call()) {
            Ok(length) => return Ok(length),
            // The only negative result is -1; errno tells the reason.
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
}
