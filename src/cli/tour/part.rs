//! A part of the tour: two lines on what comes, the thing itself, and what to notice.
//!
//! **Invariants**
//! - `PART-1`: a part runs something for real and judges it; it never shows what it has not seen.
//! - `PART-2`: when a part returns, its threads and processes have ended: the next one may fork.

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
    /// Runs it. An error is for what stops the part before there is anything to show.
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
    /// How many clients ask at once in the contest of the models.
    pub(super) connections: usize,
    /// How many requests each model gets.
    pub(super) requests: u64,
}

impl Tour<'_> {
    /// Tells whether ctrl-c was pressed. Where the descriptor cannot be asked, only a second one helps.
    pub(super) fn is_interrupted(&self) -> bool {
        wait_readable(self.stop, Duration::ZERO).unwrap_or(false)
    }
}

/// What a part has to show.
pub(super) struct Shown {
    /// Its result, as text.
    pub(super) text: String,
    /// Files that hold it, by name; the picture is not among them.
    pub(super) files: Vec<(&'static str, String)>,
    /// A picture of it: its file's name, and the SVG.
    pub(super) picture: Option<(&'static str, String)>,
    /// Whether it did what the course asks; if not, why.
    pub(super) verdict: Result<(), Failure>,
}

impl Shown {
    /// A result that is a text and nothing else.
    pub(super) fn text(text: String, verdict: Result<(), Failure>) -> Self {
        Self { text, files: Vec::new(), picture: None, verdict }
    }
}
