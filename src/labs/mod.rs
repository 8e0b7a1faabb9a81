//! The course's small experiments: programs that print what happens, and what to notice.
//!
//! Each lab is a file, and an entry of the [`LABS`] table, which has them by chapter. It writes into a [`Journal`]
//! that it is given, so a test can read it; and what is asynchronous in it is a future of its own, so a test can run
//! it on the virtual clock. What it claims it also returns, as counts and orders, and a test checks these.
//!
//! `echo` is no lab: it is somebody for labs to talk to.

mod journal;
mod table;

pub mod blocking_call;
pub mod cancel;
pub mod context_manager;
pub mod cooperative;
pub mod coroutine;
pub mod echo;
pub mod gather;
pub mod generator;
pub mod gil;
pub mod greenlet;
pub mod iterator;
pub mod lost_wake;
pub mod parallel;
pub mod preemptive;
pub mod select;
pub mod tasks;
pub mod timeouts;

pub use journal::Journal;
pub use table::{LABS, Lab};
