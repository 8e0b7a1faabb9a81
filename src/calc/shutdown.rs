//! Works: the open connections of a server that blocks, and its stop.
//!
//! The thread that accepts must know when there is room for one more connection, and, at the stop, when the last one
//! has closed. The stop is a descriptor that is never read, so every thread sees it.
//!
//! **Invariants**
//! - `SHUTDOWN-1` A connection counts from its accept until its descriptor is closed, however its conversation ends.
//! - `SHUTDOWN-2` After the stop the server waits for its connections, but no longer than the grace.

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
    /// Starts the count of a server that stops when `stop` is readable; fails if it is out of descriptors.
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
        OpenConnection { stream, counted: Counted(Arc::clone(self)) }
    }

    /// Waits for a descriptor and, unless `stopping`, for the stop, which begins the grace. False at the deadline.
    pub(super) fn wait(
        &self,
        descriptor: PollFd<'_>,
        until: Option<Instant>,
        stopping: bool,
    ) -> io::Result<bool> {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let mut fds = [descriptor, PollFd::readable(self.stop.as_fd())];
        // The stop stays readable: watched again, it would end every further wait at once.
        let watched = if stopping { 1 } else { 2 };
        let ready = poll(&mut fds[..watched], left)?;
        if fds[1].is_ready() {
            self.begin_grace();
        }
        Ok(ready > 0)
    }

    /// Waits until a connection has closed, or as [`wait`](Self::wait).
    pub(super) fn wait_for_close(&self, end: Option<Instant>, stopping: bool) -> io::Result<bool> {
        let in_time = self.wait(PollFd::readable(self.closed.as_fd()), end, stopping)?;
        // Before the caller looks at the count again: a connection that closes from here on is signalled anew.
        self.closed.clear()?;
        Ok(in_time)
    }

    /// Returns how many connections are open.
    pub(super) fn open(&self) -> usize {
        // Pairs with the subtraction in the drop of a connection.
        self.open.load(Ordering::Acquire)
    }

    /// Begins the grace, unless it has begun; returns when it ends.
    pub(super) fn begin_grace(&self) -> Instant {
        *self.grace_end.get_or_init(|| grace_end(self.config.grace))
    }

    /// Returns when the grace ends; `None` before the stop.
    pub(super) fn grace_end(&self) -> Option<Instant> {
        self.grace_end.get().copied()
    }
}

/// A connection that counts among the open ones until it is dropped.
pub(super) struct OpenConnection {
    /// The stream. It is closed first, because fields are dropped in their order (`SHUTDOWN-1`).
    pub(super) stream: TcpStream,
    /// Where it counts.
    pub(super) counted: Counted,
}

/// One of the open connections, and what counts them.
pub(super) struct Counted(pub(super) Arc<OpenConnections>);

impl Drop for Counted {
    /// Counts one less, and then signals, so that the signal tells of this count.
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Release);
        // A live event descriptor can always be signalled.
        drop(self.0.closed.signal());
    }
}
