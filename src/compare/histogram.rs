//! Latencies by the hundred thousand, in a few kilobytes.
//!
//! Problem: percentiles need every value, and keeping every value needs memory and a sort; an average needs
//! neither, and hides just what one looks for, the few that waited long.
//!
//! A log-linear histogram is between the two. Each power of two is cut into the same number of equal cells,
//! so a cell is never wider than a known share of its values: exact enough at a microsecond and at a minute.
//!
//! **Invariants**
//! - `HISTOGRAM-1` Each value lies in one cell; the cells of values that are not smaller are not lower.
//! - `HISTOGRAM-2` A percentile is never below the true one, and above it by less than one part in
//!   [`CELLS_PER_OCTAVE`].
//! - `HISTOGRAM-3` The largest value is kept exactly, and no percentile is above it.
//! - `HISTOGRAM-4` Without values there is no percentile and no largest value: nought would look like a measurement.
//!
//! **Source**: Gil Tene's `HdrHistogram`, by its idea.

use std::time::Duration;

/// How many cells a power of two is cut into, as a power of two itself.
const OCTAVE_BITS: u32 = 6;
/// The same as a count. Taste: an error below 2 %, less than two runs differ by.
const CELLS_PER_OCTAVE: usize = 1 << OCTAVE_BITS;
/// Cells for every number of nanoseconds there can be: the first two octaves' worth are exact, then one octave
/// for each further bit of a `u64`.
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
    /// Makes a histogram without values.
    pub fn new() -> Self {
        Self { counts: vec![0; CELLS].into(), total: 0, largest: 0 }
    }

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
    /// As [`Histogram::new`].
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Histogram {
    /// Shows the total and the usual percentiles; four thousand cells would help nobody.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Histogram")
            .field("total", &self.total)
            .field("p50", &self.per_mille(500))
            .field("p99", &self.per_mille(990))
            .field("largest", &self.largest())
            .finish_non_exhaustive()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_its_cell_and_cells_meet_without_a_gap() {
        for bit in 0..u64::BITS {
            for value in [(1 << bit) - 1, 1 << bit, (1 << bit) + 1, u64::MAX >> bit] {
                let cell = cell(value);
                assert!(value <= ceiling(cell), "{value}: HISTOGRAM-1");
                assert!(cell == 0 || value > ceiling(cell - 1), "{value}: HISTOGRAM-1");
                assert!(
                    ceiling(cell) - value <= value / CELLS_PER_OCTAVE as u64,
                    "{value}: HISTOGRAM-2"
                );
            }
        }
        assert_eq!(cell(u64::MAX), CELLS - 1, "the last cell is used");
    }

    #[test]
    fn percentiles_of_a_thousand_values() {
        let mut histogram = Histogram::new();
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros), 1);
        }
        for (per_mille, micros) in [(500, 500), (900, 900), (990, 990), (999, 999), (1000, 1000)] {
            let came = histogram.per_mille(per_mille).expect("there are values");
            let true_one = Duration::from_micros(micros);
            assert!(came >= true_one && came <= true_one * 65 / 64, "{came:?}: HISTOGRAM-2");
        }
        assert_eq!(histogram.largest(), Some(Duration::from_millis(1)), "HISTOGRAM-3");
    }

    #[test]
    fn without_values_nothing_is_told() {
        let histogram = Histogram::new();
        assert_eq!((histogram.per_mille(500), histogram.largest()), (None, None), "HISTOGRAM-4");
    }
}
