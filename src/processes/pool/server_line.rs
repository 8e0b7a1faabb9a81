//! What parent and fork server say to each other.
//!
//! A message is four numbers of 32 bits, sent as one packet, so that none is ever cut.
//!
//! | message | kind | place | third | fourth | descriptors |
//! | --- | --- | --- | --- | --- | --- |
//! | start | 1 | of the worker | | | |
//! | kill | 2 | of the worker | | | |
//! | started | 3 | of the worker | its number | | socket, ledger |
//! | failed | 4 | of the worker | errno | | |
//! | ended | 5 | of the worker | its number | code, or signal below 0 | |
//!
//! **Invariants**
//! - `LINE-1`: a packet of another length or kind is an error: then one side is not who the other takes it for.
//! - `LINE-2`: a worker whose descriptors were lost on the way, for want of room, is one that could not be forked.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::os::process::{Exit, Pid};
use crate::os::socket_pair;

/// How long a message is.
const PACKET_BYTES: usize = 16;

/// What the parent asks for.
#[derive(Debug)]
pub(super) enum Request {
    /// Fork a worker for this place.
    Start(u32),
    /// Kill the worker of this place.
    Kill(u32),
}

/// What the fork server tells.
#[derive(Debug)]
pub(super) enum Notice {
    /// A worker was forked.
    Started {
        /// Where it was wanted.
        place: u32,
        /// Its number.
        pid: Pid,
        /// The parent's end of its socket.
        socket: OwnedFd,
        /// The memory that it shares with the parent.
        ledger: OwnedFd,
    },
    /// A worker could not be forked.
    Failed {
        /// Where it was wanted.
        place: u32,
        /// Why.
        error: io::Error,
    },
    /// A worker has ended, and was reaped.
    Ended {
        /// Where it was.
        place: u32,
        /// Its number.
        pid: Pid,
        /// How it ended.
        exit: Exit,
    },
}

impl Request {
    /// Sends it.
    ///
    /// # Errors
    /// The fork server is gone.
    pub(super) fn send(&self, control: BorrowedFd<'_>) -> io::Result<()> {
        let words = match *self {
            Self::Start(place) => [1, place.cast_signed(), 0, 0],
            Self::Kill(place) => [2, place.cast_signed(), 0, 0],
        };
        socket_pair::send_with_fds(control, &packet(words), &[])
    }

    /// Receives one; `None` when the parent is gone.
    pub(super) fn receive(control: BorrowedFd<'_>) -> io::Result<Option<Self>> {
        match receive(control, true)? {
            None => Ok(None),
            Some(([1, place, ..], _)) => Ok(Some(Self::Start(place.cast_unsigned()))),
            Some(([2, place, ..], _)) => Ok(Some(Self::Kill(place.cast_unsigned()))),
            Some((words, _)) => Err(strange(words)),
        }
    }
}

impl Notice {
    /// Sends it.
    ///
    /// # Errors
    /// The parent is gone.
    pub(super) fn send(&self, control: BorrowedFd<'_>) -> io::Result<()> {
        match self {
            Self::Started { place, pid, socket, ledger } => {
                let bytes = packet([3, place.cast_signed(), pid.to_raw(), 0]);
                socket_pair::send_with_fds(control, &bytes, &[socket.as_fd(), ledger.as_fd()])
            }
            Self::Failed { place, error } => {
                let errno = error.raw_os_error().unwrap_or(0);
                socket_pair::send_with_fds(
                    control,
                    &packet([4, place.cast_signed(), errno, 0]),
                    &[],
                )
            }
            Self::Ended { place, pid, exit } => {
                let how = match *exit {
                    Exit::Code(code) => code,
                    Exit::Signal(number) => -number,
                };
                let bytes = packet([5, place.cast_signed(), pid.to_raw(), how]);
                socket_pair::send_with_fds(control, &bytes, &[])
            }
        }
    }

    /// Receives one; `None` when `wait` is false and there is none.
    ///
    /// # Errors
    /// `UnexpectedEof` when the fork server is gone.
    pub(super) fn receive(control: BorrowedFd<'_>, wait: bool) -> io::Result<Option<Self>> {
        let (words, fds) = match receive(control, wait) {
            Ok(Some(received)) => received,
            Ok(None) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut fds = fds.into_iter();
        let [kind, place, third, fourth] = words;
        let place = place.cast_unsigned();
        match (kind, fds.next(), fds.next()) {
            (3, Some(socket), Some(ledger)) => {
                Ok(Some(Self::Started { place, pid: Pid::from_raw(third), socket, ledger }))
            }
            // LINE-2. The worker sees the end of its stream, and leaves.
            (3, ..) => {
                let text = "receive a worker's descriptors: may this process have no more?";
                Ok(Some(Self::Failed { place, error: io::Error::other(text) }))
            }
            (4, None, None) => {
                let error = match third {
                    0 => io::Error::other("fork a worker: not by the kernel's fault"),
                    errno => io::Error::from_raw_os_error(errno),
                };
                Ok(Some(Self::Failed { place, error }))
            }
            (5, None, None) => {
                let exit = if fourth < 0 { Exit::Signal(-fourth) } else { Exit::Code(fourth) };
                Ok(Some(Self::Ended { place, pid: Pid::from_raw(third), exit }))
            }
            _ => Err(strange(words)),
        }
    }
}

/// A message as it is sent.
fn packet(words: [i32; 4]) -> [u8; PACKET_BYTES] {
    let mut bytes = [0; PACKET_BYTES];
    for (word, place) in words.iter().zip(bytes.chunks_exact_mut(4)) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

/// Receives a message; `None` when the peer is gone.
fn receive(control: BorrowedFd<'_>, wait: bool) -> io::Result<Option<([i32; 4], Vec<OwnedFd>)>> {
    let mut bytes = [0; PACKET_BYTES];
    let (got, fds) = socket_pair::receive_with_fds(control, &mut bytes, wait)?;
    if got == 0 {
        return Ok(None);
    }
    let mut words = [0; 4];
    for (word, place) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = i32::from_ne_bytes(*place);
    }
    if got == PACKET_BYTES { Ok(Some((words, fds))) } else { Err(strange(words)) }
}

/// The error of a message that nobody should send (`LINE-1`).
fn strange(words: [i32; 4]) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no message begins with {words:?}"))
}
