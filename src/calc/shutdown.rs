//! Works: how connections and servers end. The lingering close, and the stop of a server that blocks.
//!
//! A connection that the server ends is shut down for writing, and then read from, into nothing, until the client
//! closes too. But a client need not close, ever. So [`Lingering`] limits that time; and so that such a client delays
//! no other, the servers that block hand it to one thread, which lingers for all of them.
//!
//! [`OpenConnections`] counts the connections of a server that blocks. Its accepting thread must know when there is
//! room for one more, and at the stop, when the last one has closed.
//!
//! **Invariants**
//! - `SHUTDOWN-1` A client that is silent for [`LINGER`] is not waited for any longer. One that sends on is read from
//!   for the grace at most, though no shorter than [`LINGER`].
//! - `SHUTDOWN-2` A connection counts until its descriptor is closed. All of them hear of the stop by themselves,
//!   from a descriptor that is never read; the server waits for them for the grace at most. A thread that is still
//!   busy then is left to the end of the process.
//!
//! **Source**: RFC 1122, 4.2.2.13 (reset on early close); shutdown(2).

use std::io::{self, Read};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::config::Config;
use super::conversation::{LINGER, READ_BYTES};
use crate::os::{EventFd, PollFd, poll};

/// Returns how long a lingering close may take in all (`SHUTDOWN-1`).
pub(super) fn longest_linger(grace: Duration) -> Duration {
    grace.max(LINGER)
}

/// A lingering close under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lingering {
    /// When the client has been silent for long enough; moves on with every input.
    silent_until: Instant,
    /// When it ends, whatever the client does.
    until: Instant,
}

impl Lingering {
    /// Begins one; the sending side has just been shut down.
    pub(super) fn begin(grace: Duration, now: Instant) -> Self {
        let silent_until = now + LINGER;
        // A grace too long for the clock is cut down to the least.
        let until = now.checked_add(longest_linger(grace)).unwrap_or(silent_until);
        Self { silent_until, until }
    }

    /// Takes note that the client has sent something.
    pub(super) fn heard(&mut self, now: Instant) {
        self.silent_until = now + LINGER;
    }

    /// Returns when to close, if the client says nothing more.
    pub(super) fn deadline(&self) -> Instant {
        self.silent_until.min(self.until)
    }
}

/// The connections of a server that blocks, and its stop.
#[derive(Debug)]
pub(super) struct OpenConnections {
    /// No statement under the lock leaves it half changed, so poison does not matter.
    state: Mutex<OpenState>,
    /// Notified when the last connection closes.
    all_closed: Condvar,
    /// Signalled when a connection closes while the acceptor waits for room.
    room: EventFd,
    /// Signalled when a connection was handed to the thread that lingers.
    handed_over: EventFd,
    /// Readable once the server must stop. A duplicate, because threads may outlive the caller's.
    stop: OwnedFd,
    /// How long a stop may take.
    grace: Duration,
    /// When the grace ends; set by the first thread that sees the stop.
    grace_end: OnceLock<Instant>,
}

/// What is under the lock.
#[derive(Debug, Default)]
struct OpenState {
    /// How many connections are open.
    open: usize,
    /// Whether the acceptor waits for room.
    room_wanted: bool,
    /// Handed over, and not yet taken by the thread that lingers.
    to_linger: Vec<(OpenConnection, Lingering)>,
    /// Whether that thread runs. It ends when nothing lingers.
    lingers: bool,
}

/// A connection that counts among the open ones until it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection {
    /// Where it counts.
    all: Arc<OpenConnections>,
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
            state: Mutex::default(),
            all_closed: Condvar::new(),
            room: EventFd::new()?,
            handed_over: EventFd::new()?,
            stop: stop.try_clone_to_owned()?,
            grace: config.grace,
            grace_end: OnceLock::new(),
        }))
    }

    /// Counts a connection.
    pub(super) fn enter(self: &Arc<Self>, stream: TcpStream) -> OpenConnection {
        self.lock().open += 1;
        OpenConnection { all: Arc::clone(self), stream: Some(stream) }
    }

    /// Waits for the stop, for something else if it is named, and for a deadline. Returns whether the stop came.
    ///
    /// # Errors
    /// Those of ppoll(2).
    pub(super) fn wait(
        &self,
        other: Option<PollFd<'_>>,
        until: Option<Instant>,
    ) -> io::Result<bool> {
        let watched = if other.is_some() { 2 } else { 1 };
        let stop = PollFd::readable(self.stop());
        let mut fds = [stop, other.unwrap_or(PollFd::readable(self.stop()))];
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        poll(&mut fds[..watched], left)?;
        Ok(fds[0].is_ready())
    }

    /// Waits until fewer than `max` connections are open; false when the stop came first.
    ///
    /// # Errors
    /// The wait itself fails.
    pub(super) fn wait_for_room(&self, max: usize) -> io::Result<bool> {
        loop {
            let mut state = self.lock();
            if state.open < max.max(1) {
                return Ok(true);
            }
            // Set under the lock: a connection that closes after this signals.
            state.room_wanted = true;
            drop(state);
            if self.wait(Some(PollFd::readable(self.room.as_fd())), None)? {
                return Ok(false);
            }
            self.room.clear()?;
        }
    }

    /// Waits until no connection is open, or the grace ends.
    pub(super) fn wait_until_closed(&self) {
        let end = self.grace_end();
        let mut state = self.lock();
        while state.open > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let woken = self.all_closed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Returns what is readable once the server must stop.
    pub(super) fn stop(&self) -> BorrowedFd<'_> {
        self.stop.as_fd()
    }

    /// Returns when the grace ends, which begins with the first call. One too long for the clock ends at once.
    pub(super) fn grace_end(&self) -> Instant {
        *self.grace_end.get_or_init(|| {
            let now = Instant::now();
            now.checked_add(self.grace).unwrap_or(now)
        })
    }

    /// The thread that lingers: reads from all connections that were handed over, until none is left.
    fn linger(&self) -> io::Result<()> {
        let mut lingering: Vec<(OpenConnection, Lingering)> = Vec::new();
        let mut discarded = vec![0; READ_BYTES];
        loop {
            let mut state = self.lock();
            lingering.append(&mut state.to_linger);
            state.lingers = !lingering.is_empty();
            drop(state);
            let Some(until) = lingering.iter().map(|(_, lingering)| lingering.deadline()).min()
            else {
                return Ok(());
            };
            let streams = lingering.iter().map(|(connection, _)| connection.stream().as_fd());
            let fds = streams.chain([self.handed_over.as_fd()]).map(PollFd::readable);
            let mut fds: Vec<_> = fds.collect();
            poll(&mut fds, Some(until.saturating_duration_since(Instant::now())))?;
            let ready: Vec<bool> = fds.iter().map(PollFd::is_ready).collect();
            self.handed_over.clear()?;
            let now = Instant::now();
            let mut ready = ready.into_iter();
            lingering.retain_mut(|(connection, lingering)| {
                if ready.next() == Some(true) {
                    // The end of the stream, or a broken connection.
                    if !matches!(connection.stream().read(&mut discarded), Ok(1..)) {
                        return false;
                    }
                    lingering.heard(now);
                }
                now < lingering.deadline()
            });
        }
    }

    /// Closes what was handed over at once, because there is no thread or no memory to linger.
    fn drop_handed_over(&self) {
        let mut state = self.lock();
        state.lingers = false;
        let connections = mem::take(&mut state.to_linger);
        drop(state);
        drop(connections);
    }

    /// Takes the lock.
    fn lock(&self) -> MutexGuard<'_, OpenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenConnection {
    /// The stream.
    pub(super) fn stream(&self) -> &TcpStream {
        self.stream.as_ref().expect("holds because only the drop takes it")
    }

    /// The connections among which it counts.
    pub(super) fn all(&self) -> &OpenConnections {
        &self.all
    }

    /// Closes the connection after lingering, which another thread does (`CONVERSATION-3`).
    pub(super) fn close_lingering(self) {
        if self.stream().shutdown(Shutdown::Write).is_err() {
            // The client has reset the connection.
            return;
        }
        let all = Arc::clone(&self.all);
        let lingering = Lingering::begin(all.grace, Instant::now());
        let mut state = all.lock();
        state.to_linger.push((self, lingering));
        let lingers = mem::replace(&mut state.lingers, true);
        drop(state);
        if lingers {
            // A live event descriptor can always be signalled.
            drop(all.handed_over.signal());
            return;
        }
        let body = Arc::clone(&all);
        let thread = thread::Builder::new().name("linger".to_owned());
        let body = move || {
            if body.linger().is_err() {
                body.drop_handed_over();
            }
        };
        if thread.spawn(body).is_err() {
            all.drop_handed_over();
        }
    }
}

impl Drop for OpenConnection {
    /// Closes the stream, and then stops counting it (`SHUTDOWN-2`).
    fn drop(&mut self) {
        self.stream = None;
        let mut state = self.all.lock();
        state.open -= 1;
        let room_wanted = mem::take(&mut state.room_wanted);
        let was_last = state.open == 0;
        drop(state);
        if room_wanted {
            // A live event descriptor can always be signalled.
            drop(self.all.room.signal());
        }
        if was_last {
            self.all.all_closed.notify_all();
        }
    }
}
