//! Taking clients in, for the models that block.
//!
//! Problem: a thread that blocks in accept(2) does not hear the stop; and a server that is out of
//! descriptors finds the same client in the backlog again and again, and spins.
//!
//! **Invariants**
//! - `ACCEPTOR-1`: the stop wins over a waiting client.
//! - `ACCEPTOR-2`: out of descriptors or memory, it waits, from 10 ms doubling to a second, and tries again.
//! - `ACCEPTOR-3`: the listener does not block, since of several processes that see one client only one
//!   gets it; the streams it gives do block.
//!
//! **Left out**: waking only one of the processes that wait for a client (`EPOLLEXCLUSIVE` in
//! `epoll_ctl(2)`). With few of them the herd is small.
//!
//! **Source**: accept(2), "Error handling"; `os::socket::AcceptFailure` sorts the errors.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::os::socket::{AcceptFailure, listen_with_backlog};
use crate::os::{PollFd, poll};

/// How many clients the kernel may hold ready; it caps this at `net.core.somaxconn`, often the same.
pub(super) const BACKLOG_CONNECTIONS: u16 = 4096;
/// The first wait when there is a shortage. Taste.
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// The longest wait when there is a shortage. Taste: a human who frees descriptors sees it work.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The door of a blocking server: the next client, or the stop.
#[derive(Debug)]
pub(super) struct Acceptor<'a> {
    /// Where clients come in; it does not block (`ACCEPTOR-3`).
    listener: &'a TcpListener,
    /// Readable once the server shall stop.
    stop: BorrowedFd<'a>,
    /// The next wait for descriptors; back to the first after every accept (`ACCEPTOR-2`).
    wait: Duration,
    /// Set once a shortage was reported: one line is enough.
    reported: bool,
}

impl<'a> Acceptor<'a> {
    /// Prepares the listener.
    ///
    /// # Errors
    /// The socket does not listen.
    pub(super) fn new(listener: &'a TcpListener, stop: BorrowedFd<'a>) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        listen_with_backlog(listener, BACKLOG_CONNECTIONS)?;
        Ok(Self { listener, stop, wait: FIRST_WAIT, reported: false })
    }

    /// Waits for the next client; `None` when the server shall stop.
    ///
    /// # Errors
    /// The listener fails for good.
    pub(super) fn next(&mut self) -> io::Result<Option<TcpStream>> {
        loop {
            let mut fds = [PollFd::readable(self.stop), PollFd::readable(self.listener.as_fd())];
            poll(&mut fds, None)?;
            // ACCEPTOR-1: else a flood of clients could put the stop off for ever.
            if fds[0].is_ready() {
                return Ok(None);
            }
            match self.listener.accept() {
                Ok((stream, _)) => {
                    self.wait = FIRST_WAIT;
                    return Ok(Some(stream));
                }
                // Another process was faster, or the client has gone again.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => match AcceptFailure::of(&error) {
                    AcceptFailure::Peer => {}
                    AcceptFailure::Shortage => self.wait_out(&error)?,
                    AcceptFailure::Listener => return Err(error),
                },
            }
        }
    }

    /// Waits out a shortage of descriptors, memory or threads, but not the stop (`ACCEPTOR-2`).
    ///
    /// # Errors
    /// The wait itself fails.
    pub(super) fn wait_out(&mut self, shortage: &io::Error) -> io::Result<()> {
        if !self.reported {
            self.reported = true;
            let line = format!("accept: {shortage}; clients wait in the backlog\n");
            // A closed stderr is no reason to stop serving.
            drop(io::stderr().write_all(line.as_bytes()));
        }
        poll(&mut [PollFd::readable(self.stop)], Some(self.wait))?;
        self.wait = (self.wait * 2).min(LONGEST_WAIT);
        Ok(())
    }
}
