//! Works: the open connections of a server that blocks, and its stop.
//!
//! The thread that accepts must know when there is room for one more connection, and, at the stop, when the last one
//! has closed. The conversations hear of the stop by themselves, from a descriptor that is never read.
//!
//! **Invariants**
//! - `SHUTDOWN-1` A connection counts from its accept until its descriptor is closed, however its conversation ends.
//! - `SHUTDOWN-2` After the stop the server waits for its connections for the grace at most. A thread that is still busy
//!   then is left to the end of the process.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::config::Config;
use crate::os::{EventFd, PollFd, poll};

/// Returns when a grace that begins now ends. One that is too long for the clock ends at once.
pub(super) fn grace_end(grace: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(grace).unwrap_or(now)
}

/// The connections of a server that blocks, and its stop.
#[derive(Debug)]
pub(super) struct OpenConnections {
    /// What the server was started with.
    pub(super) config: Config,
    /// How many there are.
    open: AtomicUsize,
    /// Signalled when a connection has closed.
    closed: EventFd,
    /// Readable once the server must stop. A duplicate, because threads may outlive the caller's.
    stop: OwnedFd,
    /// When the grace ends; set by the first thread that sees the stop.
    grace_end: OnceLock<Instant>,
}

impl OpenConnections {
    /// Starts the count of a server that stops when `stop` is readable.
    ///
    /// # Errors
    /// Out of descriptors.
    pub(super) fn new(config: &Config, stop: BorrowedFd<'_>) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            config: config.clone(),
            open: AtomicUsize::new(0),
            closed: EventFd::new()?,
            stop: stop.try_clone_to_owned()?,
            grace_end: OnceLock::new(),
        }))
    }

    /// Counts a connection.
    pub(super) fn enter(self: &Arc<Self>, stream: TcpStream) -> OpenConnection {
        // Relaxed: the same thread reads the count.
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection { all: Arc::clone(self), stream: Some(stream) }
    }

    /// Waits for the stop, for something else, and for a deadline. Returns whether the stop came.
    ///
    /// # Errors
    /// Those of ppoll(2).
    pub(super) fn wait(&self, other: PollFd<'_>, until: Option<Instant>) -> io::Result<bool> {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let mut fds = [PollFd::readable(self.stop()), other];
        poll(&mut fds, left)?;
        Ok(fds[0].is_ready())
    }

    /// Waits until fewer than the most connections allowed are open; false when the stop came first.
    ///
    /// # Errors
    /// The wait itself fails.
    pub(super) fn wait_for_room(&self) -> io::Result<bool> {
        while self.open() >= self.config.max_connections.max(1) {
            if self.wait(PollFd::readable(self.closed.as_fd()), None)? {
                return Ok(false);
            }
            self.closed.clear()?;
        }
        Ok(true)
    }

    /// Waits until no connection is open, or the grace ends.
    ///
    /// # Errors
    /// The wait itself fails.
    pub(super) fn wait_until_closed(&self) -> io::Result<()> {
        while self.open() > 0 {
            let left = self.grace_end().saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            poll(&mut [PollFd::readable(self.closed.as_fd())], Some(left))?;
            self.closed.clear()?;
        }
        Ok(())
    }

    /// Returns how many connections are open. A caller that waits for fewer clears `closed` before it asks again.
    pub(super) fn open(&self) -> usize {
        // Pairs with the subtraction in the drop of a connection.
        self.open.load(Ordering::Acquire)
    }

    /// Returns what is readable once the server must stop.
    pub(super) fn stop(&self) -> BorrowedFd<'_> {
        self.stop.as_fd()
    }

    /// Returns when the grace ends, which begins with the first call.
    pub(super) fn grace_end(&self) -> Instant {
        *self.grace_end.get_or_init(|| grace_end(self.config.grace))
    }
}

/// A connection that counts among the open ones until it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection {
    /// Where it counts.
    pub(super) all: Arc<OpenConnections>,
    /// The stream; `None` only while it is being dropped.
    stream: Option<TcpStream>,
}

impl OpenConnection {
    /// The stream.
    pub(super) fn stream(&self) -> &TcpStream {
        self.stream.as_ref().expect("holds because only the drop takes it")
    }
}

impl Drop for OpenConnection {
    /// Closes the stream, stops counting it (`SHUTDOWN-1`), and then signals, so that the signal tells of this count.
    fn drop(&mut self) {
        self.stream = None;
        self.all.open.fetch_sub(1, Ordering::Release);
        // A live event descriptor can always be signalled.
        drop(self.all.closed.signal());
    }
}
