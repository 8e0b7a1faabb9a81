//! A TCP listener: connections as a task accepts them, also when descriptors run out.
//!
//! **Invariants**
//! - `ACCEPT-1` The failure of one connection (the peer has left again) is skipped: the next one is accepted.
//! - `ACCEPT-2` Out of descriptors or memory, the task sleeps and tries again. The selector tells of a waiting client
//!   once, so no event would wake the task; and to try again at once would spin. The observer is told once.
//! - `ACCEPT-3` Every client in the backlog is accepted, however few events told of them (`READY-1`).

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

use super::accept_back_off::AcceptBackOff;
use super::source::Source;
use super::tcp_stream::TcpStream;
use crate::os::socket::AcceptFailure;
use crate::rt::Direction;

/// A socket that listens.
#[derive(Debug)]
pub struct TcpListener {
    /// The socket, registered with its loop.
    source: Source<mio::net::TcpListener>,
    /// Delays while there are no descriptors.
    back_off: AcceptBackOff,
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
        Ok(Self { source: Source::new(listener)?, back_off: AcceptBackOff::default() })
    }

    /// Returns the address on which it listens.
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.get_ref().local_addr()
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// The listener is of no use any more, or its loop does not run.
    ///
    /// # Cancellation
    /// Nothing is lost: a connection is taken only by the poll that returns it.
    pub async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            let accept = mio::net::TcpListener::accept;
            let accepted = poll_fn(|cx| self.source.poll_io(Direction::Read, cx, accept)).await;
            let register = |(stream, address)| Ok((TcpStream::from_mio(stream)?, address));
            match accepted.and_then(register) {
                Ok(client) => {
                    self.back_off.reset();
                    return Ok(client);
                }
                Err(error) => match AcceptFailure::of(&error) {
                    AcceptFailure::Peer => {}
                    AcceptFailure::Shortage => self.back_off.wait(&error).await,
                    AcceptFailure::Listener => return Err(error),
                },
            }
        }
    }
}
