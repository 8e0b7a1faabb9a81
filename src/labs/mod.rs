//! The course's small experiments: programs that print what happens, and what to notice.
//!
//! Each lab is a file, and an entry of the [`LABS`] table. It writes into a [`Journal`] that it is given, so
//! a test can read it; and what is asynchronous in it is a future of its own, so a test can run it on the
//! virtual clock.

mod journal;
mod table;

pub mod gil;
pub mod tasks;

pub use journal::Journal;
pub use table::{LABS, Lab};
