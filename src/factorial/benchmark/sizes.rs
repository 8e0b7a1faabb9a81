//! The sizes of the benchmark: which factorials, and how many of each.

use crate::report::grouped;

/// Tasks of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// What it is called in the table.
    pub label: String,
    /// The numbers, one for each task.
    pub numbers: Vec<u32>,
}

/// The usual numbers of tasks, each from a number on. Few long ones, but two for each of two workers.
const USUAL: [(u32, usize); 6] =
    [(0, 10_000), (1_000, 2_000), (10_000, 200), (100_000, 8), (100_001, 4), (10_000_000, 2)];
/// Factorials below this number are looked up in a table.
const TINY: u32 = 20;
/// Sizes up to this number take less than a second together.
const SHORT: u32 = 1_000;
/// The time of a task grows with this power of its number, as Toom–Cook's does.
const GROWTH: f64 = 1.4;
/// The sizes after the tiny ones; then come 2, 5 and 10 times the largest, and so on.
const CLIMB: [u32; 4] = [100, 1_000, 10_000, 100_000];
/// The least number of chunks for each worker, if there are enough tasks: the last worker then ends at most a sixteenth
/// later than the others.
const CHUNKS_PER_WORKER: usize = 16;
/// How many tasks are handed over together at most.
const MOST_IN_CHUNK: usize = 32;

impl Size {
    /// So many tasks of one number, or the usual count.
    pub fn of(n: u32, tasks: Option<usize>) -> Self {
        let usual =
            USUAL.iter().rev().find(|(least, _)| n >= *least).map_or(1, |(_, tasks)| *tasks);
        Self { label: grouped(u64::from(n)), numbers: vec![n; tasks.unwrap_or(usual)] }
    }

    /// The sizes from the smallest up: nothing to compute, numbers that are looked up, and larger and larger ones.
    pub fn from_the_smallest(tasks: Option<usize>) -> Vec<Self> {
        let tiny = (0..TINY).cycle().take(tasks.unwrap_or(USUAL[0].1)).collect();
        let tiny = Self { label: format!("< {TINY}"), numbers: tiny };
        let powers = [100_000, 1_000_000, 10_000_000].into_iter();
        let larger = powers.flat_map(|power| [2, 5, 10].map(|times| times * power));
        let large = CLIMB.into_iter().chain(larger).map(|n| Self::of(n, tasks));
        [Self::of(0, tasks), tiny].into_iter().chain(large).collect()
    }

    /// How many tasks are handed over together: so few that all workers end at about the same time, and that the cost of
    /// handing over short tasks is visible.
    pub fn chunk(&self, workers: usize) -> usize {
        (self.numbers.len() / (workers * CHUNKS_PER_WORKER)).clamp(1, MOST_IN_CHUNK)
    }

    /// About how many times as long as this size the next one takes; the short ones take little time in any case.
    pub(super) fn growth(&self, next: &Self) -> f64 {
        if next.largest() <= SHORT {
            return 0.0;
        }
        let ratio = |large: u32, small: u32| f64::from(large) / f64::from(small.max(1));
        let count = |size: &Self| u32::try_from(size.numbers.len()).unwrap_or(u32::MAX);
        ratio(next.largest(), self.largest()).powf(GROWTH) * ratio(count(next), count(self))
    }

    /// The largest of the numbers; 0 if there is none.
    pub fn largest(&self) -> u32 {
        self.numbers.iter().copied().max().unwrap_or(0)
    }
}
