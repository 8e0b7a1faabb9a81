//! The search for a string in bytes that come piece by piece.
//!
//! Problem: who reads a file through a buffer and looks into each bufferful misses the string that begins in one and
//! ends in the next. Who reads the whole file finds it, and needs as much memory as the file is long.
//!
//! Here the search remembers between two bytes how much of the needle the last ones were; that is one number, so
//! it does not matter where a piece ends. After a byte that does not fit, the search need not begin afresh: the end
//! of what was matched may be a beginning of the needle. `fallbacks` says how much of it, for each number:
//!
//! ```text
//! needle     a a b         matched 2, next byte a: falls back to 1, and goes on to 2
//! text       a a a b       matched 2, next byte b: found
//! ```
//!
//! **Invariants**
//! - `NEEDLE-1`: before each byte, `matched` is the length of the longest beginning of the needle with which the
//!   bytes so far end; it is less than the needle's length until it is found.
//! - `NEEDLE-2`: every byte is looked at once, and the fall-backs are no more than the bytes: linear time for any
//!   needle and any text.
//! - `NEEDLE-3`: bytes are bytes. The text need not be UTF-8.
//!
//! **Left out**: skipping bytes, as Boyer and Moore do; it pays for long needles. Letters that differ in case.
//!
//! **Source**: D. E. Knuth, J. H. Morris and V. R. Pratt, "Fast pattern matching in strings", 1977.

/// What is looked for; at least one byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    /// The bytes.
    bytes: Vec<u8>,
    /// For each count of matched bytes from 1 on: how many of them are a beginning of the needle as well as their own
    /// end, but not all of them. The place is the count less one.
    fallbacks: Vec<usize>,
}

impl Needle {
    /// Prepares a search; `None` for an empty needle, which is in every file and finds nothing out.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return None;
        }
        let mut needle = Self { fallbacks: vec![0], bytes };
        // The needle is searched in itself, from its second byte on: what has matched there is the fall-back.
        let mut matched = 0;
        for at in 1..needle.bytes.len() {
            matched = needle.after(matched, needle.bytes[at]);
            needle.fallbacks.push(matched);
        }
        Some(needle)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes match after one more, if `matched` did before (`NEEDLE-1`).
    fn after(&self, mut matched: usize, byte: u8) -> usize {
        while self.bytes[matched] != byte {
            let Some(shorter) = matched.checked_sub(1) else { return 0 };
            matched = self.fallbacks[shorter];
        }
        matched + 1
    }
}

/// A search that is under way.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    /// What is looked for.
    needle: &'a Needle,
    /// See `NEEDLE-1`.
    matched: usize,
    /// How many bytes have been looked at.
    seen_bytes: u64,
}

impl<'a> Search<'a> {
    /// Begins at the text's first byte.
    pub fn new(needle: &'a Needle) -> Self {
        Self { needle, matched: 0, seen_bytes: 0 }
    }

    /// Looks at the next piece of the text; returns where in the text the needle begins, once it has come whole.
    ///
    /// After that the search is over: it begins afresh with the next byte.
    pub fn feed(&mut self, piece: &[u8]) -> Option<u64> {
        for &byte in piece {
            self.seen_bytes += 1;
            self.matched = self.needle.after(self.matched, byte);
            if self.matched == self.needle.bytes.len() {
                self.matched = 0;
                return Some(self.seen_bytes - self.needle.bytes.len() as u64);
            }
        }
        None
    }

    /// How many bytes have been looked at.
    pub fn seen_bytes(&self) -> u64 {
        self.seen_bytes
    }
}
