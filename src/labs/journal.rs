//! What a lab writes: lines, with the time at which something happened.
//!
//! Tasks of one lab write into the same journal, so it is cheap to clone and a clone writes to the same place.
//!
//! **Invariants**
//! - `JOURNAL-1`: the time is the event loop's, which may be virtual. Outside a loop it is the real one.
//! - `JOURNAL-2`: no borrow is held across an `.await`: every call writes its line and is done.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Display};
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::rt;

/// The place where a lab writes down what happens.
#[derive(Clone)]
pub struct Journal {
    /// What all clones share.
    shared: Rc<Shared>,
}

/// See [`Journal`].
struct Shared {
    /// Where the lines go; borrowed during one write (`JOURNAL-2`).
    out: RefCell<Box<dyn Write>>,
    /// The moment that counts as 0, set by [`Journal::start_clock`].
    start: Cell<Instant>,
}

impl Journal {
    /// Begins a journal whose lines go to `out`.
    pub fn new(out: impl Write + 'static) -> Self {
        let (out, start) = (RefCell::new(Box::new(out) as Box<dyn Write>), Cell::new(rt::now()));
        Self { shared: Rc::new(Shared { out, start }) }
    }

    /// Lets the time of [`event`](Self::event) count from now.
    pub fn start_clock(&self) {
        self.shared.start.set(rt::now());
    }

    /// Returns the time since [`start_clock`](Self::start_clock) (`JOURNAL-1`).
    pub fn elapsed(&self) -> Duration {
        rt::now().saturating_duration_since(self.shared.start.get())
    }

    /// Writes a line as it is.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn line(&self, text: impl Display) -> io::Result<()> {
        // One write for each line, so that it stands there at once, also in a pipe.
        self.shared.out.borrow_mut().write_all(format!("{text}\n").as_bytes())
    }

    /// Writes down that something happened now.
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
