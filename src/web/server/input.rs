//! What a connection has received and not used yet.
//!
//! Most connections of a server are silent, and should not keep memory for what may come. Most batches are read,
//! answered and forgotten in one go. So a read goes to memory that the server lends ([`Pools`]), and only what is
//! left over when the connection must wait gets memory of its own.
//!
//! **Invariants**
//! - `INPUT-1` `start <= end <= bytes.len()`; between the two lies what was not used yet.
//! - `INPUT-2` While the connection waits its memory is at most about twice what it has received and not used.
//! - `INPUT-3` Bytes that have a place of their own are not moved with every read: the memory doubles.

use super::pools::{Pools, READ_BYTES};

/// The least memory for what is left over.
const LEAST_BYTES: usize = 256;

/// Received bytes.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// Memory, lent if it has the size of what is lent, of its own otherwise; none while nothing is in it.
    bytes: Vec<u8>,
    /// Where the unused bytes begin.
    start: usize,
    /// Where they end.
    end: usize,
}

impl Input {
    /// Returns what was not used yet.
    pub(super) fn unused(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Tells whether everything was used.
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Tells whether nothing of a request is there: an empty line between two requests is none.
    pub(super) fn is_blank(&self) -> bool {
        b"\r\n".starts_with(self.unused())
    }

    /// Takes note that so many bytes were used.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// Returns memory to read to: behind what is there, at least one byte.
    pub(super) fn room(&mut self, pools: &Pools) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = pools.lend_input();
        } else if self.is_empty() {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.bytes.len() {
            // Moving costs less than growing; but only if much was used, or it would be done again and again.
            if self.start > self.bytes.len() / 2 {
                self.bytes.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.bytes.resize(self.bytes.len() * 2, 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// Takes note that so many bytes were read to there.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.end += bytes;
    }

    /// Makes ready for a wait: gives back what was lent (`INPUT-2`).
    pub(super) fn settle(&mut self, pools: &Pools) {
        if self.bytes.is_empty() {
            return;
        }
        let left = self.end - self.start;
        if left == 0 {
            pools.take_back_input(std::mem::take(&mut self.bytes));
        } else if self.bytes.len() == READ_BYTES && left <= READ_BYTES / 4 {
            // Twice what is there, for the rest of a head is about to come.
            let mut own = vec![0; (left * 2).next_power_of_two().max(LEAST_BYTES)];
            own[..left].copy_from_slice(self.unused());
            pools.take_back_input(std::mem::replace(&mut self.bytes, own));
        } else {
            return;
        }
        (self.start, self.end) = (0, left);
    }
}
