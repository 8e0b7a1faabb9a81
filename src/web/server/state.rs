//! What all connections of a server share: its limits, handlers, log, phase, and the memory that they use in turn.
//!
//! Most connections are silent, and should not hold memory for bytes that may come. So all connections read into one
//! buffer, and the server lends a connection memory for the bytes while it does not wait.
//!
//! **Invariants**
//! - `WEB-CONFIG-1` Every limit is on by default, so a server without configuration cannot be filled by a stranger,
//!   neither with bytes nor with silence.
//!
//! **Source**: RFC 9110, section 17.5 (attacks by length); RFC 9112, section 9.5 (failures and timeouts).

use std::cell::{Cell, Ref, RefCell};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::request::{Answered, Request};
use super::router::Router;
use crate::aio::TaskSet;
use crate::http::HeadLimits;
use crate::http::date::http_date;

/// The limits of a server. [`Duration::MAX`] turns a deadline off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How large a head may be: 414 and 431 beyond.
    pub head: HeadLimits,
    /// How large a body may be, in bytes: 413 beyond. Default 1 MiB.
    pub max_body_bytes: u64,
    /// Connections at the same time; further ones wait in the backlog until one ends. Default 10,000.
    pub max_connections: usize,
    /// From the first wait for a head to its last byte: 408. Default 10 s.
    pub head_timeout: Duration,
    /// From the head to the last byte of the body: 408. Default 30 s. With larger bodies it should be longer.
    pub body_timeout: Duration,
    /// Silence between two requests; then the connection is closed without an answer. Default 15 s.
    pub idle_timeout: Duration,
    /// How long a client may accept no byte of its answer. Default 30 s.
    pub write_timeout: Duration,
    /// How long requests in progress may take after the stop. Default 5 s.
    pub grace: Duration,
    /// How long a handler may run after the client has closed its sending side. A client that closes the whole socket
    /// looks the same. By default zero: the handler is cancelled at once. Handlers that do not wait always answer.
    pub half_close: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            head: HeadLimits::default(),
            max_body_bytes: 1024 * 1024,
            max_connections: 10_000,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            half_close: Duration::ZERO,
        }
    }
}

/// A function that is called with every answer.
type Log = dyn Fn(&Answered<'_>);

/// What all connections of a server share.
pub(super) struct ServerState<S> {
    /// The handlers.
    pub(super) router: Router<S>,
    /// What the handlers share.
    pub(super) state: S,
    /// The limits.
    pub(super) config: Config,
    /// Called with every answer.
    pub(super) log: Option<Box<Log>>,
    /// Buffers to lend.
    pub(super) pool: BufferPool,
    /// The tasks of the connections.
    pub(super) tasks: TaskSet,
    /// The phase of the server.
    pub(super) phase: Cell<ServerPhase>,
}

/// The phase of a server; it never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ServerPhase {
    /// It serves.
    #[default]
    Serving,
    /// It finishes the requests in progress.
    Stopping,
    /// It drops the connections that are left.
    Over,
}

impl<S> ServerState<S> {
    /// Changes to a later phase, and wakes every connection to look at it.
    pub(super) fn enter(&self, phase: ServerPhase) {
        self.phase.set(phase);
        self.tasks.wake_all();
    }

    /// Tells whether connections must end.
    pub(super) fn is_stopping(&self) -> bool {
        self.phase.get() != ServerPhase::Serving
    }
}

/// The size of a read, in bytes.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// Buffers of a kind that are kept: more connections than that are rarely active in the same moment.
const MOST_KEPT: usize = 32;

/// Larger buffers are not kept, in bytes: what one large request needed must not stay allocated forever.
const LARGEST_KEPT_BYTES: usize = 64 * 1024;

/// So much memory a connection may keep for bytes that are left over, however few they are.
const LEAST_BYTES: usize = 256;

/// Buffers that a server lends to its connections, and the text of `Date`.
#[derive(Default)]
pub(super) struct BufferPool {
    /// The buffer of all reads; empty before the first one and during one.
    scratch: Cell<Vec<u8>>,
    /// Buffers for input and output; empty.
    buffers: RefCell<Vec<Vec<u8>>>,
    /// Requests to parse into.
    #[expect(clippy::vec_box, reason = "a request moves in and out for every head that is read")]
    requests: RefCell<Vec<Box<Request>>>,
    /// The second since 1970 of the text of `Date`, and the text.
    date: RefCell<(u64, String)>,
}

impl BufferPool {
    /// Lends an empty buffer.
    pub(super) fn lend(&self) -> Vec<u8> {
        self.buffers.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes back a buffer.
    pub(super) fn take_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        if (1..=LARGEST_KEPT_BYTES).contains(&buffer.capacity()) {
            keep(&self.buffers, buffer);
        }
    }

    /// Lends a request to parse into.
    pub(super) fn lend_request(&self) -> Box<Request> {
        self.requests.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes back a request.
    pub(super) fn take_back_request(&self, mut request: Box<Request>) {
        // The next head replaces this one, but the next body would be appended to this one.
        request.body.clear();
        request.body.shrink_to(LARGEST_KEPT_BYTES);
        keep(&self.requests, request);
    }

    /// Formats the text of `Date` again, if a second has passed.
    pub(super) fn refresh_date(&self) {
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let mut date = self.date.borrow_mut();
        if date.0 != second || date.1.is_empty() {
            *date = (second, http_date(now));
        }
    }

    /// Returns the text of `Date`, as of its last refresh.
    pub(super) fn date(&self) -> Ref<'_, str> {
        Ref::map(self.date.borrow(), |(_, text)| text.as_str())
    }
}

/// Keeps an item, unless there are enough.
fn keep<T>(pool: &RefCell<Vec<T>>, item: T) {
    let mut pool = pool.borrow_mut();
    if pool.len() < MOST_KEPT {
        pool.push(item);
    }
}

/// Bytes that a connection has received and not used. While it waits, its memory is at most about four times their
/// number.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// Received bytes, in a lent buffer or in memory of the connection's own.
    bytes: Vec<u8>,
    /// Where the unused bytes begin.
    start: usize,
}

impl Input {
    /// Returns the unused bytes.
    pub(super) fn unused(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Tells whether every byte was used.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Tells whether no request has begun: an empty line between two requests does not count.
    pub(super) fn is_blank(&self) -> bool {
        b"\r\n".starts_with(self.unused())
    }

    /// Marks bytes as used.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// Adds the bytes of one read; returns their number, and whether they filled the buffer.
    pub(super) fn read(
        &mut self,
        pool: &BufferPool,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<(usize, bool)> {
        let mut scratch = pool.scratch.take();
        scratch.resize(READ_BYTES, 0);
        let received = read(&mut scratch);
        if let Ok(bytes) = received {
            // Moving the unused bytes costs less than growing, but it must not happen with every read.
            if self.start > self.bytes.len() / 2 {
                drop(self.bytes.drain(..self.start));
                self.start = 0;
            } else if self.bytes.capacity() == 0 {
                self.bytes = pool.lend();
            }
            self.bytes.extend_from_slice(&scratch[..bytes]);
        }
        pool.scratch.set(scratch);
        received.map(|bytes| (bytes, bytes == READ_BYTES))
    }

    /// Gives a buffer back before a wait, unless most of it is in use.
    pub(super) fn settle(&mut self, pool: &BufferPool) {
        let left = self.unused();
        if left.is_empty() || self.bytes.capacity() > LEAST_BYTES.max(4 * left.len()) {
            let own = left.to_vec();
            pool.take_back(std::mem::replace(&mut self.bytes, own));
            self.start = 0;
        }
    }
}
