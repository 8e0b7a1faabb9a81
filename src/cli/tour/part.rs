//! A part of the tour: two lines that introduce it, what it does, and what to notice.
//!
//! **Invariants**
//! - A part runs something and judges it; it shows only what happened.
//! - `PART-2`: when a part returns, its threads and processes have ended, so the next one may fork.

use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use super::super::failure::Failure;
use super::super::output::Output;
use crate::os::wait_readable;

/// A part, as its file declares it.
pub(super) struct Part {
    /// Its heading.
    pub(super) title: &'static str,
    /// What comes, in two lines.
    pub(super) introduction: &'static [&'static str; 2],
    /// Runs it. It returns an error if there is nothing to show.
    pub(super) run: fn(&Tour<'_>, &mut Output) -> Result<Shown, Failure>,
    /// What to notice in what was shown.
    pub(super) notices: &'static [&'static str],
}

/// What a part may use.
pub(super) struct Tour<'a> {
    /// Where files go; it exists.
    pub(super) directory: &'a Path,
    /// Readable after ctrl-c.
    pub(super) stop: BorrowedFd<'static>,
    /// How many clients ask at once in the benchmark of the models.
    pub(super) connections: usize,
    /// How many requests each model gets.
    pub(super) requests: u64,
}

impl Tour<'_> {
    /// Tells whether ctrl-c was pressed. If the descriptor cannot be asked, only a second ctrl-c ends the tour.
    pub(super) fn is_interrupted(&self) -> bool {
        wait_readable(self.stop, Duration::ZERO).unwrap_or(false)
    }
}

/// What a part has to show.
pub(super) struct Shown {
    /// Its result, as text.
    pub(super) text: String,
    /// A name and a chart as SVG. The text goes to the file `NAME.txt`, the chart to `NAME.svg`.
    pub(super) chart: Option<(&'static str, String)>,
    /// Whether it did what the course asks; if not, why.
    pub(super) verdict: Result<(), Failure>,
}

impl Shown {
    /// A result without a chart.
    pub(super) fn lines(mut lines: Vec<String>, verdict: Result<(), Failure>) -> Self {
        lines.push(String::new());
        Self { text: lines.join("\n"), chart: None, verdict }
    }
}
