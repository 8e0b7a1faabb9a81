//! What a lab writes: lines that fit the terminal, with the time of each event, and at the end what to notice.
//!
//! A clone writes to the same place: the tasks of a lab share its journal.
//!
//! **Invariants**
//! - `JOURNAL-1`: the time is the event loop's, which may be virtual. Outside a loop it is the real time.
//! - `JOURNAL-2`: no borrow is held across an `.await`.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Display};
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::report::{output_columns, wrapped};
use crate::rt;

/// The place where a lab writes down what happens.
#[derive(Clone)]
pub struct Journal {
    /// What all clones share.
    shared: Rc<Shared>,
}

/// See [`Journal`].
struct Shared {
    /// Where the lines go (`JOURNAL-2`).
    out: RefCell<Box<dyn Write>>,
    /// The time zero, set by [`Journal::start_clock`].
    start: Cell<Instant>,
}

impl Journal {
    /// Makes a journal whose lines go to `out`.
    pub fn new(out: impl Write + 'static) -> Self {
        let (out, start) = (RefCell::new(Box::new(out) as Box<dyn Write>), Cell::new(rt::now()));
        Self { shared: Rc::new(Shared { out, start }) }
    }

    /// Sets the time of [`event`](Self::event) to zero.
    pub fn start_clock(&self) {
        self.shared.start.set(rt::now());
    }

    /// Returns the time since [`start_clock`](Self::start_clock) (`JOURNAL-1`).
    pub fn elapsed(&self) -> Duration {
        rt::now().saturating_duration_since(self.shared.start.get())
    }

    /// Writes a line, or several, broken where the terminal ends.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn line(&self, text: impl Display) -> io::Result<()> {
        let text = wrapped(&text.to_string(), output_columns()) + "\n";
        // One write, so that it can be read at once, also in a pipe.
        self.shared.out.borrow_mut().write_all(text.as_bytes())
    }

    /// Writes what to notice, point by point.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn notices(&self, points: &[&str]) -> io::Result<()> {
        self.line("\nWhat to notice:")?;
        points.iter().try_for_each(|point| self.line(format_args!("- {point}")))
    }

    /// Writes that something happened now.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn event(&self, what: impl Display) -> io::Result<()> {
        self.line(format_args!("  {:6.3} s  {what}", self.elapsed().as_secs_f64()))
    }
}

impl fmt::Debug for Journal {
    /// Shows the time; a writer has no printable form.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Journal").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}
