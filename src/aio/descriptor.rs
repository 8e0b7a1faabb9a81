//! Any descriptor that can be waited for: an event descriptor, a pipe, a listener that other code made.
//!
//! **Source**: mio's `unix::SourceFd`; asyncio's `loop.add_reader`.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::source::Source;
use crate::rt::Direction;

/// A descriptor whose readiness a task can wait for.
#[derive(Debug)]
pub struct Descriptor<D: AsFd> {
    /// The descriptor, registered with its loop.
    source: Source<Watched<D>>,
}

impl<D: AsFd> Descriptor<D> {
    /// Registers a descriptor, borrowed or owned, which should not block.
    ///
    /// # Errors
    /// `epoll_ctl(2)` failed; `EPERM` for a regular file or a directory, which cannot be waited for.
    ///
    /// # Panics
    /// No event loop runs on this thread.
    pub fn new(descriptor: D) -> io::Result<Self> {
        Ok(Self { source: Source::new(Watched(descriptor))? })
    }

    /// Waits until a read is worth a try.
    ///
    /// # Errors
    /// Its loop does not run (`SOURCE-3`).
    ///
    /// # Cancellation
    /// Nothing is lost.
    pub async fn readable(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.source.poll_ready(Direction::Read, cx)).await
    }

    /// Notes that a read found nothing, or less than it asked for: the next wait is for new data.
    pub fn clear_readable(&mut self) {
        self.source.clear_ready(Direction::Read);
    }
}

/// What mio needs to watch a descriptor.
#[derive(Debug)]
struct Watched<D>(D);

impl<D: AsFd> AsRawFd for Watched<D> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl<D: AsFd> mio::event::Source for Watched<D> {
    fn register(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.as_raw_fd()).register(to, token, interest)
    }

    fn reregister(&mut self, to: &Registry, token: Token, interest: Interest) -> io::Result<()> {
        SourceFd(&self.as_raw_fd()).reregister(to, token, interest)
    }

    fn deregister(&mut self, from: &Registry) -> io::Result<()> {
        SourceFd(&self.as_raw_fd()).deregister(from)
    }
}
