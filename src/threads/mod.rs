//! Threads: a pool of them that runs jobs, what they wait on, and a lock that lets one of them run at a time ([`gil`]).
//!
//! Problem: a thread costs a stack, a place in the kernel's scheduler and some ten microseconds to start. A program
//! that starts one for every small job pays that each time, and without a bound it fails when jobs come faster than
//! they end.
//!
//! Threads share their memory, so they also have to wait for each other: until a flag is set ([`Event`]), until there
//! is an item or a place ([`Queue`]), until at most N are inside ([`Semaphore`]), until all have come ([`Barrier`]).
//! Each is one file, made of a mutex and a condition variable. Begin with `deadline` and `event`.

mod barrier;
mod deadline;
mod event;
pub mod gil;
mod memory;
mod pool;
mod queue;
mod semaphore;

pub use barrier::Barrier;
pub use event::Event;
pub use memory::check_memory;
pub use pool::ThreadPool;
pub use queue::{GetError, PutError, Queue};
pub use semaphore::{Permit, Semaphore};

// The files take their locks from here, so that `tests/loom` can compile them with those of the model checker.
use std::sync::{Condvar, Mutex, MutexGuard};
