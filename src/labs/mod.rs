//! The course's small experiments: programs that print what happens, and what to notice.
//!
//! Each lab is a file, and an entry of the [`LABS`] table, which has them by chapter. It writes into a [`Journal`]
//! that it is given, so a test can read it; and what is asynchronous in it is a future of its own, so a test can run
//! it on the virtual clock. What it claims it also returns, as counts and orders, and a test checks these.
//!
//! Some files are no labs: `echo` is a server for labs to talk to, `child` is a child process for them, `proc_files`
//! reads what the kernel tells of a process, `wait_for` is the locks of `deadlock`.

mod child;
mod journal;
mod proc_files;
mod table;

// Processes.
pub mod exec_environment;
pub mod fork;
pub mod fork_buffer;
pub mod fork_lock;
pub mod pipe;
pub mod pipe_end;
pub mod process;
pub mod shared_memory;
pub mod signal;
pub mod socketpair;

// Threads.
pub mod parallel;
pub mod preemptive;
pub mod threads;

// Synchronisation.
pub mod condition;
pub mod deadlock;
pub mod lock;
pub mod queue;
pub mod race;
pub mod wait_for;

// The GIL.
pub mod gil;

// The event loop.
pub mod blocking_call;
pub mod echo;
pub mod lost_wake;
pub mod select;
pub mod timeouts;

// Generators and coroutines.
pub mod coroutine;
pub mod generator;
pub mod greenlet;
pub mod iterator;

// Tasks.
pub mod cancel;
pub mod context_manager;
pub mod cooperative;
pub mod gather;
pub mod tasks;

pub use journal::Journal;
pub use table::{LABS, Lab};
