//! The door of a server with readiness: takes clients in without ever waiting for one.
//!
//! An error of `accept` is seldom the listener's. A client may have gone before it was taken in: the next one
//! stands behind it. Descriptors may have run out: then the client stays in the backlog, and a loop that
//! tries again at once spins at full speed until somebody leaves. With edge triggering the opposite
//! threatens too: the client has been announced and will not be again, so a loop that waits for the next
//! announcement leaves it standing for ever.
//!
//! **Invariants**
//! - `DOOR-1` After [`Knock::Nobody`] the backlog was empty, so the next client will be announced.
//! - `DOOR-2` After [`Knock::Shortage`] somebody waits who will not be announced: try again at the time named,
//!   or when a client of our own leaves and gives its descriptor back.
//! - `DOOR-3` These times are [`FIRST_WAIT`] away at first, and twice as far each time, up to [`LONGEST_WAIT`].
//! - `DOOR-4` A shortage is reported once, not at every try.
//!
//! **Left out**: a spare descriptor, given up to accept the client and turn it away at once. Here it waits.
//!
//! **Source**: accept(2), "Error handling"; `os::socket::AcceptFailure` sorts the errors.

use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};

use super::acceptor::BACKLOG_CONNECTIONS;
use crate::os::socket::{AcceptFailure, listen_with_backlog};

/// The first wait for descriptors. Taste: a client takes it for a slow connect.
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// The longest wait for descriptors. Taste: one call in vain a second is not felt.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Who stands at the door.
#[derive(Debug)]
pub(super) enum Knock {
    /// A client, taken in.
    Client(TcpStream),
    /// Nobody; wait for readiness (`DOOR-1`).
    Nobody,
    /// Somebody, but descriptors ran out; try again then (`DOOR-2`).
    Shortage(Instant),
    /// The listener is of no use any more.
    Broken(io::Error),
}

/// A listener that never blocks, and what it remembers of a shortage.
#[derive(Debug)]
pub(super) struct Door {
    /// Where clients come in.
    pub(super) listener: TcpListener,
    /// The next wait for descriptors; back to the first after every client (`DOOR-3`).
    wait: Duration,
    /// Whether a shortage was reported (`DOOR-4`).
    reported: bool,
}

impl Door {
    /// Takes over a listener.
    ///
    /// # Errors
    /// The socket does not listen.
    pub(super) fn new(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        listen_with_backlog(&listener, BACKLOG_CONNECTIONS)?;
        let listener = TcpListener::from_std(listener);
        Ok(Self { listener, wait: FIRST_WAIT, reported: false })
    }

    /// Takes the next client in, if there is one.
    pub(super) fn next(&mut self) -> Knock {
        loop {
            let error = match self.listener.accept() {
                Ok((stream, _)) => {
                    self.wait = FIRST_WAIT;
                    // A reply must not wait until the one before it is acknowledged. When this fails the
                    // client has gone, and the first read says so.
                    drop(stream.set_nodelay(true));
                    return Knock::Client(stream);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Knock::Nobody,
                Err(error) => error,
            };
            match AcceptFailure::of(&error) {
                AcceptFailure::Peer => {}
                AcceptFailure::Shortage => return Knock::Shortage(self.next_try(&error)),
                AcceptFailure::Listener => return Knock::Broken(error),
            }
        }
    }

    /// Returns when to try again after a shortage, and reports the first.
    fn next_try(&mut self, shortage: &io::Error) -> Instant {
        if !self.reported {
            self.reported = true;
            let line = format!("accept: {shortage}; clients wait in the backlog\n");
            // A closed stderr is no reason to stop serving.
            drop(io::stderr().write_all(line.as_bytes()));
        }
        let wait = self.wait;
        self.wait = (wait * 2).min(LONGEST_WAIT);
        Instant::now() + wait
    }
}
