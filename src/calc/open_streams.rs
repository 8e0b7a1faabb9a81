//! The streams that threads are serving, so that another thread can end them.
//!
//! Problem: a thread that blocks in a read cannot be told anything. But shutdown(2) works on a stream from
//! any thread: it makes the read return what has come, and then the end of the stream.
//!
//! ```text
//! accepting thread                          serving thread
//! stop comes
//! shutdown(Read) on every stream ---------> read returns 0: answers what is open, ends, leaves
//! waits for the last, for the grace
//! shutdown(both) on those left -----------> write fails: ends, leaves
//! ```
//!
//! **Invariants**
//! - `STREAMS-1`: a stream is in the table from its accept until its conversation is over, however that ends.
//! - `STREAMS-2`: no descriptor is duplicated: the table and the thread share one stream, closed by the last.
//! - `STREAMS-3`: a place is free only after the descriptor is closed.
//!
//! **Left out**: forgetting those that never leave after the second shutdown; a thread cannot be killed.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::os::socket::set_linger_zero;
use crate::os::{EventFd, PollFd, poll};

/// How long threads may take to leave when their streams are shut down for good. Taste: they have nothing
/// left to do but one step of a product.
const LEAVING: Duration = Duration::from_millis(100);

/// The table of streams being served.
#[derive(Debug)]
pub(super) struct OpenStreams {
    /// The table. No statement under the lock leaves it half changed, so poison is no matter.
    state: Mutex<State>,
    /// Tells [`OpenStreams::stop`] that the last stream is gone.
    all_gone: Condvar,
    /// Signalled when a stream leaves while the acceptor waits for room, which clears it.
    room: EventFd,
}

/// What is under the lock.
#[derive(Debug, Default)]
struct State {
    /// The streams by the number they came in with.
    streams: HashMap<u64, Arc<TcpStream>>,
    /// The next stream's number. It is never used again, as a descriptor's is.
    next: u64,
    /// Set while the acceptor waits for room; else a leaving stream need not wake it.
    room_wanted: bool,
}

/// A stream's place in the table, given up on drop (`STREAMS-1`).
#[derive(Debug)]
pub(super) struct Place {
    /// The table it is in.
    table: Arc<OpenStreams>,
    /// The stream; `None` only while the drop is under way.
    stream: Option<Arc<TcpStream>>,
    /// Its number there.
    number: u64,
}

impl OpenStreams {
    /// Makes an empty table.
    ///
    /// # Errors
    /// Out of descriptors.
    pub(super) fn new() -> io::Result<Arc<Self>> {
        let (state, all_gone) = (Mutex::default(), Condvar::new());
        Ok(Arc::new(Self { state, all_gone, room: EventFd::new()? }))
    }

    /// Enters a stream.
    pub(super) fn enter(self: &Arc<Self>, stream: TcpStream) -> Place {
        let stream = Arc::new(stream);
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.streams.insert(number, Arc::clone(&stream));
        drop(state);
        Place { table: Arc::clone(self), stream: Some(stream), number }
    }

    /// Waits until fewer than `max` streams are open; false when `stop` came first.
    ///
    /// # Errors
    /// The wait itself fails.
    pub(super) fn wait_for_room(&self, max: usize, stop: BorrowedFd<'_>) -> io::Result<bool> {
        loop {
            let mut state = self.lock();
            if state.streams.len() < max.max(1) {
                return Ok(true);
            }
            // Set under the lock under which the table was seen full: who leaves after that, signals.
            state.room_wanted = true;
            drop(state);
            let mut fds = [PollFd::readable(stop), PollFd::readable(self.room.as_fd())];
            poll(&mut fds, None)?;
            if fds[0].is_ready() {
                return Ok(false);
            }
            self.room.clear()?;
        }
    }

    /// Ends all conversations: what has come is answered, and after `grace` the rest is cut off.
    ///
    /// To be called when no stream enters any more.
    pub(super) fn stop(&self, grace: Duration) {
        for stream in self.lock().streams.values() {
            // It fails when the peer has reset the connection, which ends it as well.
            drop(stream.shutdown(Shutdown::Read));
        }
        if !self.wait_until_empty(grace) {
            for stream in self.lock().streams.values() {
                // Their close is to be a reset (BLOCKING-4); both fail only when that has happened.
                drop(set_linger_zero(stream));
                drop(stream.shutdown(Shutdown::Both));
            }
            self.wait_until_empty(LEAVING);
        }
    }

    /// Waits until no stream is open; false when the time is up.
    fn wait_until_empty(&self, timeout: Duration) -> bool {
        let begun = Instant::now();
        let mut state = self.lock();
        while !state.streams.is_empty() {
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return false;
            }
            let woken = self.all_gone.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
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
}

impl Drop for Place {
    /// Closes the stream and gives up the place.
    fn drop(&mut self) {
        let mut state = self.table.lock();
        // STREAMS-3: the table's share first, then ours, which closes the descriptor.
        state.streams.remove(&self.number);
        self.stream = None;
        let room_wanted = mem::take(&mut state.room_wanted);
        let was_last = state.streams.is_empty();
        drop(state);
        if room_wanted {
            // A live event descriptor can always be signalled.
            drop(self.table.room.signal());
        }
        if was_last {
            self.table.all_gone.notify_all();
        }
    }
}
