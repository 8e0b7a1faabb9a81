//! Works: accepting connections within the limits of the process.
//!
//! An error of `accept` is seldom the listener's. A client may have gone again: the next one stands behind it. If
//! descriptors have run out, the client stays in the backlog: a loop that tries again at once spins, and, with edge
//! triggering, a loop that waits for the next event never hears of that client again.
//!
//! **Invariants**
//! - `ACCEPT-LIMIT-1` After [`Accepted::Empty`] the backlog was empty, so the next client makes an event.
//! - `ACCEPT-LIMIT-2` After [`Accepted::Shortage`] clients wait that make no event: try again at the time named, or
//!   when a connection is closed. The waits are those of [`AcceptBackOff`], as in `aio::TcpListener`.
//!
//! **Source**: accept(2), "Error handling"; `os::socket::AcceptFailure` sorts the errors.

use std::io::{self, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use crate::aio::AcceptBackOff;
use crate::os::socket::{AcceptFailure, listen_with_backlog};

/// How many clients the kernel may hold ready; it caps this at `net.core.somaxconn`, often the same.
pub(super) const BACKLOG_CONNECTIONS: u16 = 4096;

/// What an accept gave.
#[derive(Debug)]
pub(super) enum Accepted {
    /// A client.
    Client(TcpStream),
    /// No client waits (`ACCEPT-LIMIT-1`).
    Empty,
    /// A client waits, but descriptors ran out; try again then (`ACCEPT-LIMIT-2`).
    Shortage(Instant),
}

/// A listener that never blocks, and what it remembers of a shortage.
#[derive(Debug)]
pub(super) struct Acceptor {
    /// Where clients come in. It does not block: of several processes that see one client, one gets it.
    listener: TcpListener,
    /// Delays while there are no descriptors.
    back_off: AcceptBackOff,
}

impl Acceptor {
    /// Takes over a listener.
    ///
    /// # Errors
    /// The socket does not listen.
    pub(super) fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        listen_with_backlog(&listener, BACKLOG_CONNECTIONS)?;
        Ok(Self { listener, back_off: AcceptBackOff::default() })
    }

    /// Accepts the next client, if one waits.
    ///
    /// # Errors
    /// The listener failed for good.
    pub(super) fn accept(&mut self) -> io::Result<Accepted> {
        loop {
            let error = match self.listener.accept() {
                Ok((stream, _)) => {
                    self.back_off.reset();
                    // A reply must not wait until the one before it is acknowledged. If this fails, the client has
                    // gone, and the first read says so.
                    drop(stream.set_nodelay(true));
                    return Ok(Accepted::Client(stream));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Accepted::Empty),
                Err(error) => error,
            };
            match AcceptFailure::of(&error) {
                AcceptFailure::Peer => {}
                AcceptFailure::Shortage => return Ok(Accepted::Shortage(self.back_off(&error))),
                AcceptFailure::Listener => return Err(error),
            }
        }
    }

    /// Returns when to try again after a shortage of descriptors, memory or threads, and reports the first.
    pub(super) fn back_off(&mut self, shortage: &io::Error) -> Instant {
        // A closed stderr is no reason to stop serving.
        let report = |line: &str| drop(writeln!(io::stderr(), "{line}"));
        Instant::now() + self.back_off.delay(shortage, report)
    }
}

impl AsFd for Acceptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}
