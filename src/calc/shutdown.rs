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
use std::mem;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
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
    /// How many there are. The lock is never held where a panic could leave the count wrong, so poison is ignored.
    count: Mutex<OpenCount>,
    /// Signalled when a connection closes while the accepting thread waits for that.
    closed: EventFd,
    /// Readable once the server must stop. A duplicate, because threads may outlive the caller's.
    stop: OwnedFd,
    /// When the grace ends; set by the first thread that sees the stop.
    grace_end: OnceLock<Instant>,
}

/// What is under the lock.
#[derive(Debug, Default)]
struct OpenCount {
    /// How many connections are open.
    open: usize,
    /// Whether the accepting thread waits for one to close.
    wanted: bool,
}

/// A connection that counts among the open ones until it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection {
    /// Where it counts.
    pub(super) all: Arc<OpenConnections>,
    /// The stream; `None` only while it is being dropped.
    stream: Option<TcpStream>,
}

impl OpenConnections {
    /// Starts the count of a server that stops when `stop` is readable.
    ///
    /// # Errors
    /// Out of descriptors.
    pub(super) fn new(config: &Config, stop: BorrowedFd<'_>) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            config: config.clone(),
            count: Mutex::default(),
            closed: EventFd::new()?,
            stop: stop.try_clone_to_owned()?,
            grace_end: OnceLock::new(),
        }))
    }

    /// Counts a connection.
    pub(super) fn enter(self: &Arc<Self>, stream: TcpStream) -> OpenConnection {
        self.lock().open += 1;
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
        while self.has_at_least(self.config.max_connections.max(1)) {
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
        while self.has_at_least(1) {
            let left = self.grace_end().saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            poll(&mut [PollFd::readable(self.closed.as_fd())], Some(left))?;
            self.closed.clear()?;
        }
        Ok(())
    }

    /// Returns whether so many connections are open; the next one that closes signals then.
    fn has_at_least(&self, connections: usize) -> bool {
        let mut count = self.lock();
        count.wanted = count.open >= connections;
        count.wanted
    }

    /// Returns what is readable once the server must stop.
    pub(super) fn stop(&self) -> BorrowedFd<'_> {
        self.stop.as_fd()
    }

    /// Returns when the grace ends, which begins with the first call.
    pub(super) fn grace_end(&self) -> Instant {
        *self.grace_end.get_or_init(|| grace_end(self.config.grace))
    }

    /// Takes the lock.
    fn lock(&self) -> MutexGuard<'_, OpenCount> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnection {
    /// The stream.
    pub(super) fn stream(&self) -> &TcpStream {
        self.stream.as_ref().expect("holds because only the drop takes it")
    }
}

impl Drop for OpenConnection {
    /// Closes the stream, and then stops counting it (`SHUTDOWN-1`).
    fn drop(&mut self) {
        self.stream = None;
        let mut count = self.all.lock();
        count.open -= 1;
        let wanted = mem::take(&mut count.wanted);
        drop(count);
        if wanted {
            // A live event descriptor can always be signalled.
            drop(self.all.closed.signal());
        }
    }
}
