//! A seed for tests: it tries orders in which tasks seldom run.
//!
//! **Source**: Vigna's *xorshift\**.

use std::cell::Cell;

/// Permutes batches; the same seed permutes the same way.
pub(crate) struct Shuffle(Cell<Option<u64>>);

impl Shuffle {
    /// Makes the generator, if there is a seed.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        // At zero the generator would stay at zero.
        Self(Cell::new(seed.map(|seed| seed | 1 << 63)))
    }

    /// Permutes a batch, if there is a seed.
    pub(crate) fn permute(&self, batch: &mut [u32]) {
        let Some(mut state) = self.0.get() else { return };
        for last in (1..batch.len()).rev() {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let random = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
            batch.swap(last, usize::try_from(random).unwrap_or(0) % (last + 1));
        }
        self.0.set(Some(state));
    }
}
