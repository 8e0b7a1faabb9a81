//! Latencies by the hundred thousand, in a few kilobytes.
//!
//! A log-linear histogram: each power of two has the same number of equal cells.
//!
//! **Invariants**
//! - `HISTOGRAM-1` Each value lies in one cell; a larger value never lies in a lower cell.
//! - `HISTOGRAM-2` A percentile is never below the true one, and above it by less than a 64th part.
//! - `HISTOGRAM-3` The largest value is kept exactly, and no percentile is above it.
//! - `HISTOGRAM-4` Without values there is neither.
//!
//! **Source**: the idea of Gil Tene's `HdrHistogram`.

use std::time::Duration;

/// How many cells a power of two is cut into, as a power of two itself.
const OCTAVE_BITS: u32 = 6;
/// The same as a count: an error below 2 %, less than the difference between two runs.
const CELLS_PER_OCTAVE: usize = 1 << OCTAVE_BITS;
/// Cells for every number of nanoseconds: the first two octaves are exact, then one octave for each bit of a `u64`.
const CELLS: usize = (u64::BITS - OCTAVE_BITS + 1) as usize * CELLS_PER_OCTAVE;

/// How often each latency came, about.
#[derive(Clone)]
pub struct Histogram {
    /// One count for each cell.
    counts: Box<[u64]>,
    /// How many values there are: the sum of `counts`.
    total: u64,
    /// The largest value, in nanoseconds (`HISTOGRAM-3`).
    largest: u64,
}

impl Histogram {
    /// Counts a latency, `times` over.
    pub fn record(&mut self, latency: Duration, times: u64) {
        // A latency of more than 584 years counts as that.
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.counts[cell(nanos)] += times;
        self.total += times;
        self.largest = self.largest.max(nanos);
    }

    /// Returns how many values there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Returns the largest value; `None` when there are no values (`HISTOGRAM-4`).
    pub fn largest(&self) -> Option<Duration> {
        (self.total > 0).then(|| Duration::from_nanos(self.largest))
    }

    /// Returns the latency that `per_mille` thousandths of the values do not exceed (`HISTOGRAM-2`): 500 is
    /// the median, 999 the worst but one in a thousand. `None` when there are no values (`HISTOGRAM-4`).
    pub fn per_mille(&self, per_mille: u64) -> Option<Duration> {
        // Rounded up: of three values the median is the second.
        let rank = (u128::from(self.total) * u128::from(per_mille)).div_ceil(1000).max(1);
        let mut seen = 0;
        for (cell, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= rank {
                return Some(Duration::from_nanos(ceiling(cell).min(self.largest)));
            }
        }
        None
    }
}

impl Default for Histogram {
    /// Makes a histogram without values.
    fn default() -> Self {
        Self { counts: vec![0; CELLS].into(), total: 0, largest: 0 }
    }
}

impl std::fmt::Debug for Histogram {
    /// Shows two figures, not four thousand cells.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Histogram({} values up to {:?})", self.total, self.largest())
    }
}

/// The cell of a value (`HISTOGRAM-1`): its highest bit tells the octave, the bits behind it the place there.
fn cell(nanos: u64) -> usize {
    // How far the value must be shifted to keep no more than the cell's bits.
    let octave = (u64::BITS - nanos.leading_zeros()).saturating_sub(OCTAVE_BITS + 1);
    let place = (nanos >> octave) + (u64::from(octave) << OCTAVE_BITS);
    usize::try_from(place).expect("holds because there are only some thousand cells")
}

/// The largest value of a cell: where the next one begins, less one.
fn ceiling(cell: usize) -> u64 {
    let (octave, place) = ((cell >> OCTAVE_BITS).saturating_sub(1), cell as u64);
    let place = place - ((octave as u64) << OCTAVE_BITS);
    // In the last cell the shift overflows to nothing, and one less than that is the largest number.
    ((place + 1) << octave).wrapping_sub(1)
}
