//! The course's small experiments: programs that print what happens, and what to notice.
//!
//! Each lab is a file and a row of [`LABS`]. It writes into a [`Journal`], so a test can read it. Its asynchronous part is
//! a future, so a test can run it on the virtual clock. It returns what it claims, as counts and orders.
//!
//! Two files are no labs: `child` is a child process and what the kernel knows of it, `samples` measures in turns.

mod child;
mod journal;
mod table;

pub mod blocking_call;
pub mod cancel;
pub mod condition;
pub mod context_manager;
pub mod cooperative;
pub mod coroutine;
pub mod deadlock;
pub mod exec_environment;
pub mod fork;
pub mod fork_copies;
pub mod gather;
pub mod generator;
pub mod gil;
pub mod greenlet;
pub mod iterator;
pub mod lock;
pub mod lost_wake;
pub mod parallel;
pub mod pipe;
pub mod pipe_end;
pub mod preemptive;
pub mod process;
pub mod queue;
pub mod race;
pub mod samples;
pub mod select;
pub mod shared_memory;
pub mod signal;
pub mod socketpair;
pub mod tasks;
pub mod threads;
pub mod timeouts;

pub use journal::Journal;
pub use table::{LABS, Lab};
