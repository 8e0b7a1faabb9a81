//! Memory for the connections of a server: buffers that they use in turn, and a connection's input.
//!
//! Most connections are silent, and should not hold memory for bytes that may come. Most batches are read, answered
//! and forgotten in one turn. So a connection reads into a buffer that the server lends, and gets memory of its own
//! only for bytes that are left over when it must wait.

use std::cell::{Cell, Ref, RefCell};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::request::Request;
use crate::http::date::http_date;
use crate::os;

/// The size of a read, in bytes.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// Buffers of a kind that are kept: more connections than that are rarely active in the same moment.
const MOST_KEPT: usize = 32;

/// Larger buffers are not kept, in bytes: what one large request needed must not stay allocated forever.
const LARGEST_KEPT_BYTES: usize = 64 * 1024;

/// The least memory of an input for bytes that are left over.
const LEAST_BYTES: usize = 256;

/// Buffers that a server lends to its connections, and the text of `Date`.
#[derive(Default)]
pub(super) struct BufferPool {
    /// Buffers to read into, each of [`READ_BYTES`].
    inputs: RefCell<Vec<Vec<u8>>>,
    /// Buffers to write from; empty.
    outputs: RefCell<Vec<Vec<u8>>>,
    /// Requests to parse into.
    #[expect(clippy::vec_box, reason = "a request moves in and out for every head that is read")]
    requests: RefCell<Vec<Box<Request>>>,
    /// The second since 1970 of the text of `Date`, and the text.
    date: RefCell<(u64, String)>,
    /// The tick of the kernel's clock when the time was last read; reading the tick costs less.
    tick: Cell<i64>,
}

impl BufferPool {
    /// Lends an empty buffer to write from.
    pub(super) fn lend_output(&self) -> Vec<u8> {
        self.outputs.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes back a buffer to write from.
    pub(super) fn take_back_output(&self, mut output: Vec<u8>) {
        output.clear();
        if (1..=LARGEST_KEPT_BYTES).contains(&output.capacity()) {
            keep(&self.outputs, output);
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
        if request.body.capacity() > LARGEST_KEPT_BYTES {
            request.body = Vec::new();
        }
        keep(&self.requests, request);
    }

    /// Formats the text of `Date` again, if a second has passed.
    pub(super) fn refresh_date(&self) {
        let tick = os::tick();
        if self.tick.replace(tick) == tick {
            return;
        }
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

/// Bytes that a connection has received and not used.
///
/// While the connection waits, its memory is at most about twice the number of these bytes.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// A lent buffer if it has the size of a lent one, else the connection's own; empty while there are no bytes.
    bytes: Vec<u8>,
    /// Where the unused bytes begin.
    start: usize,
    /// Where the unused bytes end.
    end: usize,
}

impl Input {
    /// Returns the unused bytes.
    pub(super) fn unused(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Tells whether every byte was used.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Tells whether no request has begun: an empty line between two requests does not count.
    pub(super) fn is_blank(&self) -> bool {
        b"\r\n".starts_with(self.unused())
    }

    /// Marks bytes as used.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// Returns free memory behind the bytes, at least one byte.
    pub(super) fn free(&mut self, pool: &BufferPool) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = pool.inputs.borrow_mut().pop().unwrap_or_else(|| vec![0; READ_BYTES]);
        } else if self.is_empty() {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.bytes.len() {
            // Moving costs less than growing, but it must not happen with every read.
            if self.start > self.bytes.len() / 2 {
                self.bytes.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.bytes.resize(self.bytes.len() * 2, 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// Adds bytes that were read into the free memory.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.end += bytes;
    }

    /// Gives a lent buffer back before a wait.
    pub(super) fn settle(&mut self, pool: &BufferPool) {
        let is_lent = self.bytes.len() == READ_BYTES;
        let left = self.end - self.start;
        let own = if left == 0 {
            Vec::new()
        } else if is_lent && left <= READ_BYTES / 4 {
            // Twice the bytes, because the rest of a head is about to come.
            let mut own = vec![0; (left * 2).next_power_of_two().max(LEAST_BYTES)];
            own[..left].copy_from_slice(self.unused());
            own
        } else {
            return;
        };
        let bytes = std::mem::replace(&mut self.bytes, own);
        if is_lent {
            keep(&pool.inputs, bytes);
        }
        (self.start, self.end) = (0, left);
    }
}
