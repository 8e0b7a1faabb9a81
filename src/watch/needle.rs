//! The search for a string in bytes that come piece by piece, by Knuth, Morris and Pratt.
//!
//! A program that searches each bufferful of a file on its own misses a string that begins in one and ends in the next.
//! This search remembers how much of the needle the last bytes were. After a byte that does not fit, the end of what
//! was matched may be a beginning of the needle; `fallbacks` says how much of it, for each count:
//!
//! ```text
//! needle     a a b         matched 2, next byte a: falls back to 1, then matches 2
//! text       a a a b       matched 2, next byte b: found
//! ```
//! **Invariants**
//! - `NEEDLE-1`: before each byte, `matched` is the length of the longest beginning of the needle with which the
//!   bytes so far end; it is less than the needle's length until the needle is found.
//! - `NEEDLE-2`: every byte is looked at once, and the fall-backs are no more than the bytes: linear time.
//! - `NEEDLE-3`: the text need not be UTF-8.
//!
//! **Source**: D. E. Knuth, J. H. Morris and V. R. Pratt, "Fast pattern matching in strings", 1977.

/// What is looked for; at least one byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    /// The bytes.
    bytes: Vec<u8>,
    /// For each count of matched bytes from 1 on (the index is the count less one): how many of the last of them, but
    /// not all, are a beginning of the needle.
    fallbacks: Vec<usize>,
}

impl Needle {
    /// Prepares a search; `None` for an empty needle, which every file holds.
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

    /// How many bytes were searched.
    pub fn seen_bytes(&self) -> u64 {
        self.seen_bytes
    }
}
