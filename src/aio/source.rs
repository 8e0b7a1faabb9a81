//! A socket registered with the loop's reactor: turns `WouldBlock` into `Pending`.
//!
//! **Invariants**
//! - `SOURCE-1` A registration lives exactly as long as its source. Dropping the source removes the registration before
//!   the descriptor is closed and its number is used again.
//! - `SOURCE-2` The waker is recorded in the same poll in which the operation found nothing. No readiness falls in
//!   between, because the selector is asked only after the poll.
//! - `SOURCE-3` A source belongs to the loop that it was made on. Awaited while that loop does not run (it was dropped,
//!   or another loop runs on this thread), it gives an error at once.
//! - `SOURCE-4` When two tasks wait for the same direction, both are woken.
//!
//! **Source**: tokio's `PollEvented`; async-io's `Async`.

use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use super::shared_wait::SharedWait;
use crate::jobs::contain;
use crate::rt::core::Core;
use crate::rt::reactor::Entry;
use crate::rt::{Direction, Wait, context};

/// A socket, or anything else that mio can watch, registered with the loop that runs on this thread.
#[derive(Debug)]
pub struct Source<S: mio::event::Source + AsRawFd> {
    /// The socket.
    io: S,
    /// Combines the wakers of several tasks.
    shared: SharedWait,
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
    pub fn new(mut io: S) -> io::Result<Self> {
        let core = context::current();
        let entry = core.reactor.borrow_mut().register(&mut io)?;
        Ok(Self { io, shared: SharedWait::default(), entry, core })
    }

    /// Returns the socket.
    pub fn get_ref(&self) -> &S {
        &self.io
    }

    /// Waits until an operation is worth a try. Each `Ready` counts against the task's budget.
    ///
    /// # Errors
    /// The loop that the source belongs to does not run (`SOURCE-3`).
    #[inline]
    pub fn poll_ready(&self, direction: Direction, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // First: a loop at rest never fills its tasks' budget again, so it must not be asked for any.
        if !self.core.running.get() {
            return Poll::Ready(Err(does_not_run()));
        }
        if self.entry.is_ready(direction) {
            return self.core.poll_budget(cx).map(Ok);
        }
        if let Some(displaced) = self.entry.wait(direction, cx.waker()) {
            self.shared.combine(displaced, cx.waker(), |all| self.entry.wait(direction, all));
        }
        let descriptor = self.io.as_raw_fd();
        self.core.wait.set(match direction {
            Direction::Read => Wait::Readable(descriptor),
            Direction::Write => Wait::Writable(descriptor),
        });
        Poll::Pending
    }

    /// Notes that an operation moved less than it was given: the next one, which would fail, waits for the selector.
    #[inline]
    pub fn clear_ready(&self, direction: Direction) {
        self.entry.clear_ready(direction);
    }

    /// Tries `operation` whenever it may succeed, until it gives another answer than `WouldBlock`.
    ///
    /// # Errors
    /// Those of `operation`, except `WouldBlock` and `Interrupted`; those of [`poll_ready`](Self::poll_ready).
    pub fn poll_io<T>(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&S) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            ready!(self.poll_ready(direction, cx))?;
            match operation(&self.io) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.clear_ready(direction);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }

    /// Moves bytes now, in one call if it is not interrupted. Notes it if fewer than `asked_bytes` were moved.
    ///
    /// # Errors
    /// Those of `operation`, except `Interrupted`.
    #[inline]
    pub fn transfer(
        &self,
        direction: Direction,
        asked_bytes: usize,
        mut operation: impl FnMut(&S) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            match operation(&self.io) {
                // No bytes: the end of the stream, which stays ready.
                Ok(bytes) if bytes == 0 || bytes == asked_bytes => return Ok(bytes),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                short => {
                    self.clear_ready(direction);
                    return short;
                }
            }
        }
    }
}

impl<S: mio::event::Source + AsRawFd> Drop for Source<S> {
    fn drop(&mut self) {
        self.core.reactor.borrow_mut().deregister(&mut self.io, &self.entry);
        self.entry.waiting.iter().for_each(|waiting| contain(|| drop(waiting.take())));
    }
}

/// Makes the error of a socket whose loop does not run (`SOURCE-3`).
#[cold]
fn does_not_run() -> io::Error {
    io::Error::other("the event loop of this socket does not run")
}
