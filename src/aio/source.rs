//! A socket registered with the loop's reactor: the bridge from `WouldBlock` to `Pending`.
//!
//! **Invariants**
//! - `SOURCE-1` A registration lives exactly as long as its source: dropping one takes the other away
//!   before the descriptor is closed and its number used again.
//! - `SOURCE-2` The waker is recorded in the same poll in which the operation found nothing, so no
//!   readiness can fall between: the selector is asked only after the poll.
//! - `SOURCE-3` A source belongs to the loop it was made on. Awaited when that does not run (it is gone, or
//!   another runs on this thread), it is an error at once, not a wait without end.
//!
//! **Source**: tokio's `PollEvented`; async-io's `Async`.

use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use crate::rt::context;
use crate::rt::core::Core;
use crate::rt::reactor::{Entry, Reactor};
use crate::rt::{Direction, Wait};

/// A socket, or whatever mio can watch, registered with the loop that runs on this thread.
#[derive(Debug)]
pub struct Source<S: mio::event::Source + AsRawFd> {
    /// The socket.
    io: S,
    /// Its entry in the reactor.
    entry: Rc<Entry>,
    /// The loop that it belongs to.
    core: Rc<Core>,
}

impl<S: mio::event::Source + AsRawFd> Source<S> {
    /// Registers a socket.
    ///
    /// # Errors
    /// `epoll_ctl(2)` failed: no memory, or `EPERM` for something that cannot be waited for, such as a file.
    ///
    /// # Panics
    /// No event loop runs on this thread.
    pub fn new(io: S) -> io::Result<Self> {
        Self::register(io, false)
    }

    /// Registers a socket that is still connecting: it is writable when that has come to an end.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// # Panics
    /// No event loop runs on this thread.
    pub fn connecting(io: S) -> io::Result<Self> {
        Self::register(io, true)
    }

    /// Registers with the current loop.
    fn register(mut io: S, connecting: bool) -> io::Result<Self> {
        let core = context::current();
        let entry = core.reactor.borrow_mut().register(&mut io, connecting)?;
        Ok(Self { io, entry, core })
    }

    /// Returns the socket.
    pub fn get_ref(&self) -> &S {
        &self.io
    }

    /// Returns the socket, for an operation that changes it.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.io
    }

    /// Waits until an operation is worth a try. Each `Ready` counts against the task's budget.
    ///
    /// # Errors
    /// The loop that the source belongs to does not run: it is gone, or another one does.
    #[inline]
    pub fn poll_ready(&self, direction: Direction, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.entry.is_ready(direction) {
            return self.core.poll_budget(cx).map(Ok);
        }
        self.wait(direction, cx.waker())
    }

    /// Leaves a waker for the next readiness.
    ///
    /// A function of its own, so that `poll_ready` is small enough to be inlined where it is ready.
    #[inline(never)]
    fn wait<T>(&self, direction: Direction, waker: &Waker) -> Poll<io::Result<T>> {
        if !self.core.running.get() {
            return Poll::Ready(Err(io::Error::other(
                "the event loop of this socket does not run",
            )));
        }
        if let Some(displaced) = self.entry.wait(direction, waker) {
            displaced.wake();
        }
        let descriptor = self.io.as_raw_fd();
        self.core.wait.set(match direction {
            Direction::Read => Wait::Readable(descriptor),
            Direction::Write => Wait::Writable(descriptor),
        });
        Poll::Pending
    }

    /// Notes that an operation moved less than it was given: the next one waits for the selector, and
    /// the call that would have to fail is saved.
    ///
    /// # Errors
    /// `epoll_ctl(2)` failed, when writing had not been watched before.
    #[inline]
    pub fn clear_ready(&mut self, direction: Direction) -> io::Result<()> {
        Reactor::clear_ready(&self.core.reactor, &mut self.io, &self.entry, direction)
    }

    /// Tries `operation` when it may succeed, again and again until it does not answer `WouldBlock`.
    ///
    /// # Errors
    /// Those of `operation`, but `WouldBlock` and `Interrupted`; those of [`poll_ready`](Self::poll_ready).
    pub fn poll_io<T>(
        &mut self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&mut S) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            ready!(self.poll_ready(direction, cx))?;
            match operation(&mut self.io) {
                Ok(done) => return Poll::Ready(Ok(done)),
                Err(error) => self.retry(direction, error)?,
            }
        }
    }

    /// Moves bytes now, in one call if it is not interrupted. When fewer were moved than `asked_bytes`,
    /// the next operation waits for the selector, and the call that would have to fail is saved.
    ///
    /// # Errors
    /// Those of `operation`, but `Interrupted`.
    #[inline]
    pub fn transfer(
        &mut self,
        direction: Direction,
        asked_bytes: usize,
        mut operation: impl FnMut(&mut S) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            match operation(&mut self.io) {
                // Nothing is the end of the stream, which stays ready.
                Ok(bytes) if bytes == 0 || bytes == asked_bytes => return Ok(bytes),
                Ok(bytes) => return self.clear_ready(direction).map(|()| bytes),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    if error.kind() == io::ErrorKind::WouldBlock {
                        self.clear_ready(direction)?;
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Notes a failure after which the operation is to be tried again; any other comes back.
    fn retry(&mut self, direction: Direction, error: io::Error) -> io::Result<()> {
        match error.kind() {
            io::ErrorKind::WouldBlock => self.clear_ready(direction),
            io::ErrorKind::Interrupted => Ok(()),
            _ => Err(error),
        }
    }
}

impl<S: mio::event::Source + AsRawFd> Drop for Source<S> {
    fn drop(&mut self) {
        self.core.reactor.borrow_mut().deregister(&mut self.io, &self.entry);
    }
}
