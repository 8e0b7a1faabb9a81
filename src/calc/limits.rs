//! Works: accepting connections within the limits of the process.
//!
//! An error of `accept` is seldom the listener's. A client may have gone again: the next one stands behind it. If
//! descriptors have run out, the client stays in the backlog, and makes no further event: see [`AcceptBackOff`].
//!
//! **Invariants**
//! - `ACCEPT-LIMIT-1` Without a client and without [`retry_at`](Acceptor::retry_at) the backlog was empty, so the next
//!   client makes an event.
//! - `ACCEPT-LIMIT-2` With `retry_at`, clients wait that make no event: try again then, or when a connection is closed.

use std::io::{self, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

use crate::aio::AcceptBackOff;
use crate::os::socket::AcceptFailure;

/// A listener that never blocks, and what it remembers of a shortage.
pub(super) struct Acceptor {
    /// Where clients come in. It does not block: of several processes that see one client, one gets it.
    pub(super) listener: TcpListener,
    /// Delays while there are no descriptors.
    back_off: AcceptBackOff,
    /// When to try again after a shortage (`ACCEPT-LIMIT-2`).
    pub(super) retry_at: Option<Instant>,
}

impl Acceptor {
    /// Takes over a listener.
    pub(super) fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { listener, back_off: AcceptBackOff::default(), retry_at: None })
    }

    /// Accepts the next client, if one waits; fails if the listener failed for good.
    pub(super) fn accept(&mut self) -> io::Result<Option<TcpStream>> {
        self.retry_at = None;
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    self.back_off.reset();
                    // A reply must not wait until the one before it is acknowledged. If this fails, the client has
                    // gone, and the first read says so.
                    drop(stream.set_nodelay(true));
                    return Ok(Some(stream));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => match AcceptFailure::of(&error) {
                    AcceptFailure::Peer => {}
                    AcceptFailure::Shortage => {
                        self.back_off(&error);
                        return Ok(None);
                    }
                    AcceptFailure::Listener => return Err(error),
                },
            }
        }
    }

    /// Puts the next attempt off after a shortage of descriptors, memory or threads, and reports the first.
    pub(super) fn back_off(&mut self, shortage: &io::Error) {
        // A closed stderr is no reason to stop serving.
        let report = |line: &str| drop(writeln!(io::stderr(), "{line}"));
        self.retry_at = Some(Instant::now() + self.back_off.delay(shortage, report));
    }
}
