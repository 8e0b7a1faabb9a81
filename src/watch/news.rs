//! What a watcher tells while it works, and how it ends.
//!
//! **Invariants**
//! - `NEWS-1`: each is told before the next step begins, so that who reads them knows what goes on now.
//! - `NEWS-2`: the threads and the event loop tell the same in the same order. The event parts the two functions: the
//!   first tells that it sets it before it does so, and the second tells nothing before it has come.

use std::fmt;
use std::io;

use super::delete::Deletion;
use super::error::WatchError;
use super::look::Look;
use super::order::Order;

/// How a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The string was found, and its file dealt with.
    Found(Deletion),
    /// It was stopped before the string was found.
    Stopped,
}

/// A step of a watcher; its text is a line without the end.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// What was asked for.
    order: &'a Order,
    /// What happened, or is about to.
    step: Step<'a>,
}

/// The steps.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// It begins.
    Begins,
    /// It has looked.
    Looked(&'a Look),
    /// It sets the event; the file has been closed.
    Sets,
    /// The event has come; it deletes the file.
    Deletes,
    /// It has deleted the file, or found out why not.
    Deleted(Deletion),
}

/// Who is told. An error of its ends the watch.
pub(super) type Tell<'a> = &'a dyn Fn(&News<'_>) -> io::Result<()>;

/// Tells one step.
pub(super) fn tell(to: Tell<'_>, order: &Order, step: Step<'_>) -> Result<(), WatchError> {
    to(&News { order, step }).map_err(WatchError::Untold)
}

impl fmt::Display for News<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.order.path.display();
        let needle = String::from_utf8_lossy(self.order.needle.bytes());
        let pause = self.order.interval.as_secs_f64();
        match self.step {
            Step::Begins => write!(out, "looks for {path} with {needle:?} in it, every {pause} s"),
            Step::Looked(Look::Missing) => {
                write!(out, "{path} is not there; looks again in {pause} s")
            }
            Step::Looked(Look::Without { bytes }) => {
                write!(out, "{path} has {bytes} bytes without {needle:?}; looks again in {pause} s")
            }
            Step::Looked(Look::Holds(seen)) => {
                write!(out, "{path} has {needle:?} at byte {}", seen.at())
            }
            Step::Looked(Look::Stopped) => write!(out, "stopped while it read {path}"),
            Step::Sets => write!(out, "closed {path}; sets the event"),
            Step::Deletes => write!(out, "the event has come; deletes {path}"),
            Step::Deleted(Deletion::Deleted) => write!(out, "deleted {path}"),
            Step::Deleted(Deletion::Gone) => {
                write!(out, "{path} is gone: somebody else was first")
            }
            Step::Deleted(Deletion::Replaced) => {
                write!(out, "{path} is another file now, and stays")
            }
        }
    }
}
