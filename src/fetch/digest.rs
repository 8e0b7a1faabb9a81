//! A body's checksum, taken as it comes: to compare what three modes fetched without keeping it.
//!
//! **Invariants**
//! - `DIGEST-1` The sum is that of the bytes in their order, however they were cut into pieces.
//!
//! **Left out**: any defence against a server that wants two bodies to have the same sum.
//!
//! **Source**: the FNV-1a hash of Fowler, Noll and Vo, with 64 bits; its two constants are theirs.

use std::io;

use crate::web::client::Sink;

/// The sum of no bytes.
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
/// What the sum is multiplied by after each byte.
const PRIME: u64 = 0x0100_0000_01b3;

/// A sink that keeps only a checksum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digest {
    /// The sum so far.
    sum: u64,
}

impl Digest {
    /// Begins.
    pub(super) fn new() -> Self {
        Self { sum: OFFSET_BASIS }
    }

    /// Returns the sum.
    pub(super) fn sum(self) -> u64 {
        self.sum
    }
}

impl Sink for Digest {
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        let add = |sum: u64, &byte: &u8| (sum ^ u64::from(byte)).wrapping_mul(PRIME);
        self.sum = piece.iter().fold(self.sum, add);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_the_definition_however_the_body_was_cut() {
        // From the authors' own table of test values.
        let table: [(&[&[u8]], u64); 3] = [
            (&[], 0xcbf2_9ce4_8422_2325),
            (&[b"a"], 0xaf63_dc4c_8601_ec8c),
            (&[b"foo", b"", b"bar"], 0x8594_4171_f739_67e8),
        ];
        for (pieces, sum) in table {
            let mut digest = Digest::new();
            for piece in pieces {
                digest.take(piece).expect("it takes all");
            }
            assert_eq!(digest.sum(), sum, "DIGEST-1: {pieces:?}");
        }
    }
}
