//! Reading and writing bytes in a task: `std::io::Read` and `Write` with a waker.
//!
//! [`BufReader`](super::BufReader) works on any of them: a socket, half of one, a script of bytes in a test.
//!
//! **Left out**: vectored and uninitialised buffers; `Pin`, because every implementation here is `Unpin`.
//!
//! **Source**: `futures::io` and `tokio::io`.

use std::error::Error;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::{fmt, io};

/// A source of bytes.
pub trait AsyncRead {
    /// Reads into `buf` and returns how many bytes; 0 is the end of the stream.
    ///
    /// # Errors
    /// Those of read(2), but never `WouldBlock`.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Waits until a read is worth a try, so that no buffer is kept during the wait. A source that cannot tell is
    /// always ready.
    ///
    /// # Errors
    /// The source is of no use any more.
    fn poll_readable(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Reads what there is, as soon as there is something; 0 is the end of the stream.
    ///
    /// # Errors
    /// Those of read(2).
    ///
    /// # Cancellation
    /// Nothing is lost: bytes are taken only by the poll that returns them.
    fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        poll_fn(|cx| self.poll_read(cx, buf))
    }
}

/// A sink of bytes.
pub trait AsyncWrite {
    /// Writes from `buf` and returns how many bytes were taken.
    ///
    /// # Errors
    /// Those of write(2), but never `WouldBlock`.
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;

    /// Writes what fits, as soon as something does.
    ///
    /// # Errors
    /// Those of write(2).
    ///
    /// # Cancellation
    /// Nothing is written unless the future returned.
    fn write(&mut self, buf: &[u8]) -> impl Future<Output = io::Result<usize>> {
        poll_fn(|cx| self.poll_write(cx, buf))
    }

    /// Writes all of `buf`.
    ///
    /// # Errors
    /// Those of write(2); it is unknown how much was written.
    ///
    /// # Cancellation
    /// An unknown part of `buf` was written: drop the stream too.
    fn write_all(&mut self, mut buf: &[u8]) -> impl Future<Output = io::Result<()>> {
        poll_fn(move |cx| {
            while !buf.is_empty() {
                match ready!(self.poll_write(cx, buf))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => buf = &buf[written..],
                }
            }
            Poll::Ready(Ok(()))
        })
    }
}

/// Returns an error that says what failed, such as "connect 127.0.0.1:80", with `error` as its cause.
pub(super) fn failed(what: String, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), FailedOperation { what, error })
}

/// An operation that failed.
#[derive(Debug)]
struct FailedOperation {
    /// The operation and its object.
    what: String,
    /// Why it failed.
    error: io::Error,
}

impl fmt::Display for FailedOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.error)
    }
}

impl Error for FailedOperation {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
