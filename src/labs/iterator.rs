//! Running totals as an iterator: an object that is asked for the next total.
//!
//! **Invariants**
//! - `LAB-ITERATOR-1`: nothing is computed before it is asked for: two totals take two numbers from the source.
//! - `LAB-ITERATOR-2`: its memory does not grow with the number of totals, and they equal the list's.
//!
//! **Source**: the course's lesson on `__iter__` and `__next__`; Python's `itertools.accumulate`.

use std::cell::Cell;
use std::io;

use super::Journal;

/// What the three labs add up.
pub const NUMBERS: [u64; 4] = [3, 5, 10, 2];
/// The long run, where a list is compared with an iterator.
const MANY: u64 = 1_000_000;

/// The totals of some numbers: after each number the sum of all so far.
///
/// What a generator keeps in its local variables stands here in fields, since `next` begins anew each time.
#[derive(Debug)]
pub struct Totals<I> {
    /// Where the numbers come from.
    numbers: I,
    /// The sum so far.
    total: u64,
}

impl<I> Totals<I> {
    /// Makes the iterator; takes nothing from the source yet.
    pub fn new(numbers: I) -> Self {
        Self { numbers, total: 0 }
    }
}

impl<I: Iterator<Item = u64>> Iterator for Totals<I> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.total += self.numbers.next()?;
        Some(self.total)
    }
}

/// What the lab has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IteratorReport {
    /// The totals of [`NUMBERS`].
    pub totals: Vec<u64>,
    /// How many numbers had been taken from the source when two totals had been asked for.
    pub taken_after_two: usize,
    /// The last of many totals, by the iterator and by the list.
    pub last_of_many: [Option<u64>; 2],
    /// The memory of each of the two, in bytes.
    pub bytes: [usize; 2],
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    let IteratorReport { taken_after_two, bytes: [iterator, list], .. } = experiment(journal)?;
    journal.line(format_args!(
        "After two totals, {taken_after_two} of {} numbers were taken.\n\
         The iterator of {MANY} totals has {iterator} bytes; the list of them has {list}.",
        NUMBERS.len(),
    ))?;
    journal.notices(&[
        "The caller drives: a number is taken when a total is asked for, and not before.",
        "Where it stands must fit into fields; here that is one sum. With a loop inside a loop, `next` would \
         have to find its place first: `handloom lab generator`.",
    ])
}

/// The experiment itself.
///
/// # Errors
/// As `run`.
pub fn experiment(journal: &Journal) -> io::Result<IteratorReport> {
    let taken = Cell::new(0);
    let numbers = NUMBERS.into_iter().inspect(|number| {
        taken.set(taken.get() + 1);
        // A lost line is no reason to lose a number; the caller's own line fails as well.
        drop(journal.line(format_args!("    source: gives {number}")));
    });
    journal.line("The iterator is made")?;
    let mut iterator = Totals::new(numbers);
    let (mut totals, mut taken_after_two) = (Vec::new(), 0);
    loop {
        journal.line("  caller: asks for the next total")?;
        let Some(total) = iterator.next() else { break };
        journal.line(format_args!("  caller: has {total}"))?;
        totals.push(total);
        if totals.len() == 2 {
            taken_after_two = taken.get();
        }
    }
    journal.line("  caller: there are no more\n")?;

    let lazy = Totals::new(1..=MANY);
    let lazy_bytes = size_of_val(&lazy);
    let list: Vec<u64> = Totals::new(1..=MANY).collect();
    Ok(IteratorReport {
        totals,
        taken_after_two,
        last_of_many: [lazy.last(), list.last().copied()],
        bytes: [lazy_bytes, size_of_val(list.as_slice())],
    })
}
