//! A TCP listener: connections as a task accepts them, also when descriptors run out.
//!
//! **Invariants**
//! - `ACCEPT-1` A failure of one connection (the peer has gone again) is passed over: the next is taken.
//! - `ACCEPT-2` Out of descriptors or memory, it waits on a timer and tries again: the selector tells of
//!   a waiting client once, so nobody else would wake it, and trying at once would spin. The observer is
//!   told once.
//! - `ACCEPT-3` Whatever waits in the backlog is taken, however few events told of it (`READY-1`).
//!
//! **Source**: accept(2), "Error handling"; `CPython`'s `asyncio` waits a second (`ACCEPT_RETRY_DELAY`).

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::Source;
use super::{TcpStream, sleep};
use crate::os::socket::AcceptFailure;
use crate::rt::Direction;
use crate::rt::context::report;

/// The first wait after descriptors ran out; doubled each time. A taste: short beside a client's patience.
const FIRST_BACK_OFF: Duration = Duration::from_millis(10);
/// The longest wait: `CPython`'s.
const LAST_BACK_OFF: Duration = Duration::from_secs(1);

/// A socket that listens.
#[derive(Debug)]
pub struct TcpListener {
    /// The socket, registered with its loop.
    source: Source<mio::net::TcpListener>,
    /// The next wait when descriptors run out.
    back_off: Duration,
}

impl TcpListener {
    /// Listens on an address; port 0 takes one that is free.
    ///
    /// # Errors
    /// Those of socket(2), bind(2) and listen(2).
    ///
    /// # Panics
    /// No event loop runs on this thread.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::from_mio(mio::net::TcpListener::bind(address)?)
    }

    /// Takes over a listening socket of the standard library.
    ///
    /// # Errors
    /// fcntl(2) or `epoll_ctl(2)` failed.
    ///
    /// # Panics
    /// No event loop runs on this thread.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Self::from_mio(mio::net::TcpListener::from_std(listener))
    }

    /// Registers a listener.
    fn from_mio(listener: mio::net::TcpListener) -> io::Result<Self> {
        Ok(Self { source: Source::new(listener)?, back_off: FIRST_BACK_OFF })
    }

    /// Returns the address that it listens on.
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.get_ref().local_addr()
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// What would fail again: the listener is of no use any more.
    ///
    /// # Cancellation
    /// Nothing is lost: a connection is taken only by the poll that returns it.
    pub async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            let accepted = poll_fn(|cx| {
                self.source.poll_io(Direction::Read, cx, |listener| listener.accept())
            });
            let error = match accepted.await {
                Ok((stream, address)) => match TcpStream::from_mio(stream) {
                    Ok(stream) => {
                        self.back_off = FIRST_BACK_OFF;
                        return Ok((stream, address));
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            match AcceptFailure::of(&error) {
                AcceptFailure::Peer => {}
                AcceptFailure::Shortage => {
                    // Once a shortage: each success begins anew.
                    if self.back_off == FIRST_BACK_OFF {
                        report(&format!("accept: {error}; clients wait in the backlog"));
                    }
                    sleep(self.back_off).await;
                    self.back_off = (self.back_off * 2).min(LAST_BACK_OFF);
                }
                AcceptFailure::Listener => return Err(error),
            }
        }
    }
}
