//! The order of a batch, for tests: a seed tries orders in which tasks seldom run.
//!
//! **Source**: Vigna's *xorshift\**.

use std::cell::Cell;

/// Permutes batches; the same seed permutes the same way.
#[derive(Debug)]
pub(crate) struct Shuffle {
    /// State of the generator; `None` leaves batches in order.
    state: Cell<Option<u64>>,
}

impl Shuffle {
    /// Makes the generator, if there is a seed.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        // At zero the generator would stay at zero.
        Self { state: Cell::new(seed.map(|seed| seed | 1 << 63)) }
    }

    /// Permutes a batch, if there is a seed.
    pub(crate) fn permute(&self, batch: &mut [u32]) {
        let Some(mut state) = self.state.get() else { return };
        for last in (1..batch.len()).rev() {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let random = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
            batch.swap(last, usize::try_from(random).unwrap_or(0) % (last + 1));
        }
        self.state.set(Some(state));
    }
}
