//! The course's small experiments: programs that print what happens, and what to notice.
//!
//! Each lab is a file and a row of [`LABS`]. It writes into a [`Journal`], so a test can read it. Its asynchronous part is
//! a future, so a test can run it on the virtual clock. It returns what it claims, as counts and orders, for a test to
//! check.
//!
//! Some files are no labs: `echo` is a server for labs, `child` a child process, `proc_files` reads what the kernel knows
//! of a process, `samples` measures in turns, `wait_for` is the locks of `deadlock`.

mod child;
mod journal;
mod proc_files;
mod table;

pub mod samples;

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
