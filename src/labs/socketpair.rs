//! A pair of connected sockets: a pipe with two directions, with packets too, through which descriptors can be sent.
//!
//! **Invariants**
//! - `LAB-SOCKETPAIR-1`: each end reads what the other has written, in both directions, with one descriptor.
//! - `LAB-SOCKETPAIR-2`: one direction can be closed alone: the peer reads an end, and can still answer.
//! - `LAB-SOCKETPAIR-3`: a pair for packets keeps boundaries: one receive for one send.
//! - `LAB-SOCKETPAIR-4`: a descriptor that is sent arrives as one of the receiver's own, for the same open file.
//!
//! **Source**: socketpair(2), unix(7) under `SCM_RIGHTS`.

use std::fs::{self, File};
use std::io::{self, Read, Write, pipe};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use super::Journal;
use super::child::{fork_child, naming, reap};
use crate::os::process::Exit;
use crate::os::socket_pair::{packets, receive, send};

/// What the parent asks, in two sends.
pub const ASKED: [&str; 2] = ["three ", "words"];
/// The most that one receive takes.
const MOST: usize = 100;

/// What the lab has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketpairReport {
    /// The child's answer, which came after the parent had closed its direction.
    pub answer: String,
    /// How the child ended; its code is the number of bytes it was asked.
    pub exit: Exit,
    /// What one receive brought after two sends, on a stream and on packets.
    pub received: [String; 2],
    /// Where the writing end of a pipe led in the parent, and where what the child got led in the child.
    pub same_file: [String; 2],
    /// What came out of that pipe, though its writing end was closed in the parent: the child wrote it.
    pub through: String,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    journal.line(format_args!(
        "The parent asks {ASKED:?}, closes its direction, and waits for the answer:"
    ))?;
    let SocketpairReport {
        answer,
        exit,
        received: [stream, packet],
        same_file: [here, there],
        through,
    } = experiment()?;
    journal.line(format_args!(
        "  the child answered {answer:?} and left with the number of bytes: {exit}\n  \
           one receive after two sends: {stream:?} on a stream, {packet:?} on packets\n  \
           a descriptor that was sent:  {here} here, {there} in the child; it wrote {through:?}"
    ))?;
    journal.notices(&[
        "Each side has one descriptor for both directions. With pipes it would be two pipes and four ends.",
        "The calls are those of the network, so the code can move to TCP. TCP has no packets: there a message \
         needs a length, or a line's end.",
        "The child did not inherit that descriptor: it was sent, and has another number there. Servers pass \
         connections this way.",
    ])
}

/// The experiment itself.
///
/// # Errors
/// As `run`, but for the journal.
pub fn experiment() -> io::Result<SocketpairReport> {
    let (answer, exit) = ask()?;
    let (same_file, through) = hand_over()?;
    let (left, right) = UnixStream::pair()?;
    let received = [one_receive((left.into(), right.into()))?, one_receive(packets()?)?];
    Ok(SocketpairReport { answer, exit, received, same_file, through })
}

/// Asks a child, and returns its answer and its end.
fn ask() -> io::Result<(String, Exit)> {
    let (mut ours, mut theirs) = UnixStream::pair()?;
    let mut child = fork_child(|| {
        let mut text = String::new();
        theirs.read_to_string(&mut text)?;
        theirs.write_all(text.to_uppercase().as_bytes())?;
        i32::try_from(text.len()).map_err(io::Error::other)
    })?;
    for part in ASKED {
        ours.write_all(part.as_bytes())?;
    }
    // This is told to the socket, not to a descriptor: it counts although the child has a copy of our end.
    ours.shutdown(Shutdown::Write)?;
    drop(theirs);
    let mut answer = String::new();
    ours.read_to_string(&mut answer)?;
    Ok((answer, reap(&mut child)?))
}

/// Sends twice, receives once.
fn one_receive((left, right): (OwnedFd, OwnedFd)) -> io::Result<String> {
    for part in ASKED {
        send(left.as_fd(), part.as_bytes(), None)?;
    }
    receive_text(&right)
}

/// Receives once.
fn receive_text(socket: &OwnedFd) -> io::Result<String> {
    let mut bytes = [0; MOST];
    let (got, _) = receive(socket.as_fd(), &mut bytes, true)?;
    Ok(String::from_utf8_lossy(&bytes[..got]).into_owned())
}

/// Sends a child the writing end of a pipe that was made after the fork.
///
/// Returns where it leads, here and there, and what comes out of the pipe.
fn hand_over() -> io::Result<([String; 2], String)> {
    let (ours, theirs) = packets()?;
    let mut child = fork_child(move || {
        let (_, fd) = receive(theirs.as_fd(), &mut [0], true)?;
        let fd = fd.ok_or(io::ErrorKind::UnexpectedEof)?;
        let there = leads_to(&fd)?;
        File::from(fd).write_all(b"hello")?;
        send(theirs.as_fd(), there.as_bytes(), None).map(|()| 0)
    })?;
    let (mut reader, writer) = pipe()?;
    let writer = OwnedFd::from(writer);
    let here = leads_to(&writer)?;
    send(ours.as_fd(), b"!", Some(writer.as_fd()))?;
    drop(writer);
    let there = receive_text(&ours)?;
    reap(&mut child)?;
    let mut through = String::new();
    reader.read_to_string(&mut through)?;
    Ok(([here, there], through))
}

/// Where a descriptor of this process leads, as the kernel names it, such as `pipe:[4711]`.
fn leads_to(fd: &OwnedFd) -> io::Result<String> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let to = fs::read_link(&path).map_err(|error| naming(&path, &error))?;
    Ok(to.display().to_string())
}
