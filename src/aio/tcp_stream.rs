//! A TCP connection that a task reads and writes.
//!
//! **Invariants**
//! - `TCP-1` A read that fills less than its buffer shows that the socket is drained, so no read is made that would
//!   only fail with `WouldBlock`. The end of the stream is found all the same (`READY-2`).
//! - `TCP-2` A connect is done when the socket is writable *and* has no error: a refusal makes it writable too.
//! - `TCP-3` Dropping the stream, or both halves, closes the descriptor; dropping the write half alone closes the
//!   sending side.
//! - `TCP-4` A connect that is done within the call, as on this machine, costs no wait.
//!
//! **Left out**: urgent data, at whose mark a read is short although more waits; vectored writes.
//!
//! **Source**: tcp(7), connect(2) on `EINPROGRESS`, shutdown(2).

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::task::{Context, Poll};

use super::io::{AsyncRead, AsyncWrite, failed};
use super::source::Source;
use crate::rt::Direction;

/// A connection.
#[derive(Debug)]
pub struct TcpStream {
    /// The socket, registered with its loop.
    source: Source<mio::net::TcpStream>,
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.get_ref().as_fd()
    }
}

impl TcpStream {
    /// Connects to one address. Names are resolved by [`resolve`](super::resolve()).
    ///
    /// # Errors
    /// Those of connect(2), with the address. The only time limit is the system's: use [`timeout`](super::timeout()).
    ///
    /// # Panics
    /// No event loop runs on this thread.
    ///
    /// # Cancellation
    /// The attempt is given up and the descriptor closed.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::try_connect(address)
            .await
            .map_err(|error| failed(format!("connect {address}"), error))
    }

    /// Connects, with the bare error.
    async fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let socket = mio::net::TcpStream::connect(address)?;
        // TCP-4: connect(2) gives EINPROGRESS also if the handshake is over by the time it returns.
        if socket.peer_addr().is_ok() {
            return Self::from_mio(socket);
        }
        let source = Source::new(socket)?;
        loop {
            poll_fn(|cx| source.poll_ready(Direction::Write, cx)).await?;
            // TCP-2: SO_ERROR first, then whether there is a peer.
            if let Some(error) = source.get_ref().take_error()? {
                return Err(error);
            }
            match source.get_ref().peer_addr() {
                Ok(_) => return Ok(Self { source }),
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    source.clear_ready(Direction::Write);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes over a connected socket that does not block, for example from `accept`.
    ///
    /// # Errors
    /// `epoll_ctl(2)` failed.
    ///
    /// # Panics
    /// No event loop runs on this thread.
    pub fn from_mio(stream: mio::net::TcpStream) -> io::Result<Self> {
        Ok(Self { source: Source::new(stream)? })
    }

    /// Takes over a connected socket of the standard library.
    ///
    /// # Errors
    /// fcntl(2) or `epoll_ctl(2)` failed.
    ///
    /// # Panics
    /// No event loop runs on this thread.
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Self::from_mio(mio::net::TcpStream::from_std(stream))
    }

    /// Waits until a read is worth a try: bytes have come, or the end.
    ///
    /// # Errors
    /// The stream's loop does not run (`SOURCE-3`).
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn readable(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_readable(cx)).await
    }

    /// The poll of [`readable`](Self::readable).
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.source.poll_ready(Direction::Read, cx)
    }

    /// Waits until a write is worth a try.
    ///
    /// # Errors
    /// As [`readable`](Self::readable).
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn writable(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.source.poll_ready(Direction::Write, cx)).await
    }

    /// Reads now. Tasks may share the buffer, because nothing is awaited while it is filled.
    ///
    /// # Errors
    /// Those of read(2); `WouldBlock` when nothing is there: await [`readable`](Self::readable).
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.source.transfer(Direction::Read, buf.len(), |mut socket| socket.read(buf))
    }

    /// Writes now.
    ///
    /// # Errors
    /// Those of write(2); `WouldBlock` when there is no room: await [`writable`](Self::writable).
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.source.transfer(Direction::Write, buf.len(), |mut socket| socket.write(buf))
    }

    /// Closes one or both directions.
    ///
    /// # Errors
    /// Those of shutdown(2); `NotConnected` if the peer has reset the connection.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.get_ref().shutdown(how)
    }

    /// Returns the address of the other side.
    ///
    /// # Errors
    /// Those of getpeername(2).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.get_ref().peer_addr()
    }

    /// Returns the address of this side.
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.get_ref().local_addr()
    }

    /// Sends small segments at once instead of gathering them (`TCP_NODELAY`).
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.source.get_ref().set_nodelay(nodelay)
    }

    /// Splits the stream into a half to read and a half to write, for two tasks.
    pub fn into_split(self) -> (ReadHalf, WriteHalf) {
        let stream = Rc::new(self);
        (ReadHalf { stream: stream.clone() }, WriteHalf { stream })
    }
}

impl AsyncRead for TcpStream {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.source.poll_ready(Direction::Read, cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.source.poll_io(Direction::Read, cx, |_| self.try_read(buf))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.source.poll_io(Direction::Write, cx, |_| self.try_write(buf))
    }
}

/// The half of a stream that reads.
#[derive(Debug)]
pub struct ReadHalf {
    /// The stream.
    stream: Rc<TcpStream>,
}

/// The half of a stream that writes; dropping it closes the sending side (`TCP-3`).
#[derive(Debug)]
pub struct WriteHalf {
    /// The stream.
    stream: Rc<TcpStream>,
}

impl AsyncRead for ReadHalf {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_readable(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.stream.source.poll_io(Direction::Read, cx, |_| self.stream.try_read(buf))
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.source.poll_io(Direction::Write, cx, |_| self.stream.try_write(buf))
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        // It fails if the peer has already reset the connection, which ends the sending side too.
        drop(self.stream.shutdown(Shutdown::Write));
    }
}
