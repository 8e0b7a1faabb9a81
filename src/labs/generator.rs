//! Running totals as a generator: a function that stops at each `yield`, and continues from there.
//!
//! ```text
//! def totals(numbers):            the places where it can stand
//!     total = 0                       Begin: called, and not a line has run
//!     for number in numbers:
//!         total += number
//!         yield total                 AtYield: total has been handed out
//!                                     End: every further next() is StopIteration
//! ```
//! Rust has no stable `yield`, so the frame is written by hand: an enum of the places, and a `resume` that continues. Every
//! local variable that lives across a `yield` is a field.
//!
//! **Invariants**
//! - `LAB-GENERATOR-1`: calling the function makes the generator; its body starts at the first resume.
//! - `LAB-GENERATOR-2`: its totals are the iterator's; after the end each resume is the end again.
//!
//! **Source**: the course's lesson on generators; PEP 255. `generator/coroutine.rs` is this with a wait in it.

use std::io;

use super::Journal;
use super::iterator::NUMBERS;

/// Where a generator can stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoppedAt {
    /// In front of the first line.
    Begin,
    /// Behind the `yield`.
    AtYield,
    /// Behind the last line.
    End,
}

/// What a resume comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `yield`: a value, and there may be more.
    Yielded(u64),
    /// The end: `StopIteration`.
    Returned,
}

/// The frame of `def totals(numbers)`.
#[derive(Debug)]
pub struct Totals<I> {
    /// Where it stands.
    place: StoppedAt,
    /// The argument, of which the `for` loop takes one number at a time.
    numbers: I,
    /// The local variable `total`; it means nothing before the body has begun.
    total: u64,
}

/// The function itself. Its call runs nothing of the body.
pub fn totals<I: Iterator<Item = u64>>(numbers: I) -> Totals<I> {
    Totals { place: StoppedAt::Begin, numbers, total: 0 }
}

impl<I: Iterator<Item = u64>> Totals<I> {
    /// Runs on to the next `yield` or to the end: Python's `next(generator)`.
    pub fn resume(&mut self) -> Step {
        if self.place == StoppedAt::Begin {
            self.total = 0;
        }
        // From both other places the next thing is the head of the `for` loop; from the end it is nothing.
        let number = if self.place == StoppedAt::End { None } else { self.numbers.next() };
        let Some(number) = number else {
            self.place = StoppedAt::End;
            return Step::Returned;
        };
        self.total += number;
        self.place = StoppedAt::AtYield;
        Step::Yielded(self.total)
    }
}

/// What the lab has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratorReport {
    /// The totals.
    pub totals: Vec<u64>,
    /// Where it stood when it was made, after each resume, and after one resume too many.
    pub places: Vec<StoppedAt>,
    /// The memory of the frame, in bytes, without the numbers.
    pub frame_bytes: usize,
}

/// Runs the experiment.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    let GeneratorReport { frame_bytes, .. } = experiment(journal)?;
    journal.line(format_args!(
        "The frame has {frame_bytes} bytes: the place, the sum, and an iterator over the numbers."
    ))?;
    journal.notices(&[
        "`totals(numbers)` runs nothing: it makes a generator. The body starts at the first resume.",
        "The caller asks, as with an iterator. But the code reads from top to bottom, and stops in the middle.",
        "No stack is kept, so only the function itself can stop, not a function that it calls: `handloom lab \
         greenlet` keeps a stack, `handloom lab coroutine` chains frames.",
    ])
}

/// The experiment itself.
///
/// # Errors
/// As `run`.
pub fn experiment(journal: &Journal) -> io::Result<GeneratorReport> {
    let mut generator = totals(NUMBERS.iter().copied());
    let frame_bytes = size_of_val(&generator);
    let (mut yielded, mut places) = (Vec::new(), vec![generator.place]);
    journal.line(format_args!("totals(numbers) is called: it stands at {:?}", generator.place))?;
    loop {
        let step = generator.resume();
        journal
            .line(format_args!("  resumed: {step:?}, and it stands at {:?}", generator.place))?;
        places.push(generator.place);
        match step {
            Step::Yielded(total) => yielded.push(total),
            Step::Returned => break,
        }
    }
    let again = generator.resume();
    journal.line(format_args!("  resumed once too often: {again:?}\n"))?;
    places.push(generator.place);
    Ok(GeneratorReport { totals: yielded, places, frame_bytes })
}
