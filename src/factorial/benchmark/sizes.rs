//! The sizes of the benchmark: which factorials, from the smallest to the largest that the time allows.
//!
//! **Invariants**
//! - `SIZES-1`: the next size is tried only if it is expected to end within the time that is left.

use std::time::Duration;

/// Tasks of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// What it is called in the table.
    pub label: String,
    /// The numbers, one for each task.
    pub numbers: Vec<u32>,
}

/// Which sizes there are.
#[derive(Clone, Debug)]
pub enum Sizes {
    /// These, however long they take.
    Given(Vec<Size>),
    /// From 0 upwards, for about this long; with this many tasks of each size, if it is given.
    For(Duration, Option<usize>),
}

/// The sizes that are always tried, each with its number of tasks: together they take less than a second.
const SHORT: [(u32, usize); 5] =
    [(0, 10_000), (100, 10_000), (1_000, 2_000), (10_000, 200), (100_000, 8)];
/// The least number that is not in the table of factorials that fit into a word.
const TINY: u32 = 20;
/// How many tasks there are of a number below [`TINY`].
const TINY_TASKS: usize = 10_000;
/// The first digits of the numbers after the short ones.
const STEPS: [u32; 3] = [2, 5, 10];
/// How many tasks there are of a long one: few, yet two rounds for each of two workers.
const LONG_TASKS: usize = 4;
/// The least number of chunks for each worker, if there are enough tasks. The last worker then ends at most a sixteenth
/// later than the others.
const CHUNKS_PER_WORKER: usize = 16;
/// How many tasks are handed over together at most.
const MOST_IN_CHUNK: usize = 32;
/// By how much the time grows when the number does: between n and n², as products of n words do with Toom–Cook.
const GROWTH: f64 = 1.4;

impl Size {
    /// So many tasks of one number, or as many as usual.
    pub fn of(n: u32, tasks: Option<usize>) -> Self {
        let usual = SHORT
            .iter()
            .rev()
            .find(|(least, _)| n >= *least)
            .map_or(TINY_TASKS, |(_, tasks)| *tasks);
        let usual = if n > 100_000 { LONG_TASKS } else { usual };
        Self { label: grouped(n), numbers: vec![n; tasks.unwrap_or(usual)] }
    }

    /// Tasks of all numbers below 20, in turn.
    fn tiny(tasks: Option<usize>) -> Self {
        let numbers = (0..TINY).cycle().take(tasks.unwrap_or(TINY_TASKS)).collect();
        Self { label: format!("< {TINY}"), numbers }
    }

    /// Returns how many tasks are handed over together: few enough that all workers end at about the same time, and that
    /// the cost of handing over short tasks is visible.
    pub fn chunk(&self, workers: usize) -> usize {
        (self.numbers.len() / (workers * CHUNKS_PER_WORKER)).clamp(1, MOST_IN_CHUNK)
    }

    /// The largest of the numbers; nought if there is none.
    pub fn largest(&self) -> u32 {
        self.numbers.iter().copied().max().unwrap_or(0)
    }
}

impl Sizes {
    /// Calls `run` with each size in order, until it returns `None` (stopped) or the time is over.
    pub(super) fn each(&self, mut run: impl FnMut(&Size) -> Option<Duration>) {
        match self {
            Self::Given(sizes) => {
                // Ends early if it is stopped.
                let _all_or_some = sizes.iter().try_for_each(|size| run(size).map(drop));
            }
            Self::For(time, tasks) => {
                climb(*time, *tasks, run);
            }
        }
    }
}

/// Runs size after size while there is time (`SIZES-1`); `None` if it is stopped.
fn climb(
    time: Duration,
    tasks: Option<usize>,
    mut run: impl FnMut(&Size) -> Option<Duration>,
) -> Option<()> {
    let mut spent = run(&Size::of(0, tasks))?;
    spent += run(&Size::tiny(tasks))?;
    let (mut last, mut last_task) = (1, Duration::ZERO);
    let short = SHORT[1..].iter().map(|(n, _)| *n);
    let long =
        (5..).flat_map(|power| STEPS.map(|step| step.checked_mul(10_u32.checked_pow(power)?)));
    for n in short.map(Some).chain(long) {
        // All numbers of 32 bits are done.
        let Some(n) = n else { break };
        let size = Size::of(n, tasks);
        let count = u32::try_from(size.numbers.len()).unwrap_or(u32::MAX);
        let expected = last_task.mul_f64((f64::from(n) / f64::from(last)).powf(GROWTH)) * count;
        if spent + expected > time {
            break;
        }
        let took = run(&size)?;
        spent += took;
        (last, last_task) = (n, took / count.max(1));
    }
    Some(())
}

/// A number with its digits in threes.
fn grouped(n: u32) -> String {
    crate::report::grouped(u64::from(n))
}
