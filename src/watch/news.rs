//! What a watcher is asked to do, what it reports while it works, and how it ends.
//!
//! **Invariants**
//! - `NEWS-1`: each step is reported before the next one begins.
//! - `NEWS-2`: threads and event loop report the same in the same order. The first function reports that it sets the
//!   event before it does so; the second reports nothing before the event has come.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::delete::Deletion;
use super::error::{WatchError, shown};
use super::look::Look;
use super::needle::Needle;

/// What a watcher is asked to do.
#[derive(Clone, Debug)]
pub struct Order {
    /// The file's name. A link is followed: the file that it leads to is read, and is the one that is deleted.
    pub path: PathBuf,
    /// What the file has to hold.
    pub needle: Needle,
    /// How long to sleep between two looks. Zero is a busy loop; the program's least is a millisecond.
    pub interval: Duration,
}

/// How a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The string was found; what came of the deletion.
    Found(Deletion),
    /// It was stopped before the string was found.
    Stopped,
}

/// A step of a watcher; its text is a line without the end.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// What to do.
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

/// The listener. Its error ends the watch.
pub(super) type Tell<'a> = &'a (dyn Fn(&News<'_>) -> io::Result<()> + Sync);

/// Reports one step.
pub(super) fn tell(
    to: &dyn Fn(&News<'_>) -> io::Result<()>,
    order: &Order,
    step: Step<'_>,
) -> Result<(), WatchError> {
    to(&News { order, step }).map_err(WatchError::Untold)
}

impl fmt::Display for News<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = shown(&self.order.path);
        let needle = String::from_utf8_lossy(self.order.needle.bytes());
        let pause = self.order.interval.as_secs_f64();
        let again = format_args!("looks again in {pause} s");
        match self.step {
            Step::Begins => write!(out, "looks for {path} with {needle:?} in it, every {pause} s"),
            Step::Looked(Look::Missing) => write!(out, "{path} is not there; {again}"),
            Step::Looked(Look::Without { bytes }) => {
                write!(out, "{path} has {bytes} bytes without {needle:?}; {again}")
            }
            Step::Looked(Look::Holds(seen)) => {
                write!(out, "{path} has {needle:?} at byte {}", seen.at)
            }
            Step::Looked(Look::Stopped) => write!(out, "stopped while it read {path}"),
            Step::Sets => write!(out, "closed {path}; sets the event"),
            Step::Deletes => write!(out, "the event has come; deletes {path}"),
            Step::Deleted(Deletion::Deleted) => write!(out, "deleted {path}"),
            Step::Deleted(Deletion::Gone) => {
                write!(out, "{path} is gone: another process was first")
            }
            Step::Deleted(Deletion::Replaced) => {
                write!(out, "{path} is another file now, and stays")
            }
        }
    }
}
