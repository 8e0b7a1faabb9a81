//! The streams that threads are serving: how many there are, and when the last has gone.
//!
//! Problem: the thread that accepts must know when there is room for one more, and at the stop when all
//! conversations are over. Each conversation hears of the stop itself; nobody has to tell it.
//!
//! ```text
//! accepting thread                          serving thread
//! stop comes                                stop comes
//! waits for the last, for the grace         answers what has come, ends, leaves its place
//! ```
//!
//! **Invariants**
//! - `STREAMS-1`: a stream is counted from its accept until its conversation is over, however that ends.
//! - `STREAMS-2`: the stop's descriptor is open as long as a thread may wait for it.
//! - `STREAMS-3`: a place is free only after the descriptor is closed.
//!
//! **Left out**: a thread that does not leave in time; it cannot be killed, and ends with the process.

use std::io;
use std::mem;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::os::{EventFd, PollFd, poll};

/// The count of streams being served.
#[derive(Debug)]
pub(super) struct OpenStreams {
    /// The count. No statement under the lock leaves it half changed, so poison is no matter.
    state: Mutex<State>,
    /// Tells [`OpenStreams::wait_until_empty`] that the last stream is gone.
    all_gone: Condvar,
    /// Readable once the server shall stop. Our own duplicate, for threads outlive the loan (`STREAMS-2`).
    stop: OwnedFd,
    /// Signalled when a stream leaves while the acceptor waits for room, which clears it.
    room: EventFd,
}

/// What is under the lock.
#[derive(Debug, Default)]
struct State {
    /// How many streams are open.
    open: usize,
    /// Set while the acceptor waits for room; else a leaving stream need not wake it.
    room_wanted: bool,
}

/// A stream and its place in the count, given up on drop (`STREAMS-1`).
#[derive(Debug)]
pub(super) struct Place {
    /// Where it is counted.
    streams: Arc<OpenStreams>,
    /// The stream; `None` only while the drop is under way.
    stream: Option<TcpStream>,
}

impl OpenStreams {
    /// Starts the count of a server that ends when `stop` is readable.
    ///
    /// # Errors
    /// Out of descriptors.
    pub(super) fn new(stop: BorrowedFd<'_>) -> io::Result<Arc<Self>> {
        let (state, all_gone) = (Mutex::default(), Condvar::new());
        let (stop, room) = (stop.try_clone_to_owned()?, EventFd::new()?);
        Ok(Arc::new(Self { state, all_gone, stop, room }))
    }

    /// Counts a stream.
    pub(super) fn enter(self: &Arc<Self>, stream: TcpStream) -> Place {
        self.lock().open += 1;
        Place { streams: Arc::clone(self), stream: Some(stream) }
    }

    /// Waits until fewer than `max` streams are open; false when the stop came first.
    ///
    /// # Errors
    /// The wait itself fails.
    pub(super) fn wait_for_room(&self, max: usize) -> io::Result<bool> {
        loop {
            let mut state = self.lock();
            if state.open < max.max(1) {
                return Ok(true);
            }
            // Set under the lock under which the count was seen full: who leaves after that, signals.
            state.room_wanted = true;
            drop(state);
            let mut fds =
                [PollFd::readable(self.stop.as_fd()), PollFd::readable(self.room.as_fd())];
            poll(&mut fds, None)?;
            if fds[0].is_ready() {
                return Ok(false);
            }
            self.room.clear()?;
        }
    }

    /// Waits until no stream is open, but no longer than that.
    pub(super) fn wait_until_empty(&self, timeout: Duration) {
        let begun = Instant::now();
        let mut state = self.lock();
        while state.open > 0 {
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return;
            }
            let woken = self.all_gone.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Takes the lock; see the field for why poison is no matter.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The stream.
    pub(super) fn stream(&self) -> &TcpStream {
        self.stream.as_ref().expect("holds because only the drop takes it")
    }

    /// What tells of the server's stop.
    pub(super) fn stop(&self) -> BorrowedFd<'_> {
        self.streams.stop.as_fd()
    }
}

impl Drop for Place {
    /// Closes the stream and gives up the place.
    fn drop(&mut self) {
        // STREAMS-3: this closes the descriptor.
        self.stream = None;
        let mut state = self.streams.lock();
        state.open -= 1;
        let room_wanted = mem::take(&mut state.room_wanted);
        let was_last = state.open == 0;
        drop(state);
        if room_wanted {
            // A live event descriptor can always be signalled.
            drop(self.streams.room.signal());
        }
        if was_last {
            self.streams.all_gone.notify_all();
        }
    }
}
