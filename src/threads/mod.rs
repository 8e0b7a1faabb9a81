//! Threads: a pool of them that runs jobs, what they wait on, and a lock that keeps all but one of them waiting
//! ([`gil`]).
//!
//! Problem: a thread costs a stack, a place in the kernel's scheduler and some ten microseconds to start.
//! A program that starts one for every small job pays that each time, and one that starts them without
//! a bound falls over when the jobs come faster than they end.
//!
//! Threads share their memory, so they also have to wait for each other: for a flag ([`Event`]), for an item or for
//! room ([`Queue`]), for one of so many places ([`Semaphore`]), for all the others ([`Barrier`]), for a turn to look or
//! to change ([`RwLock`]). Each is one file, made of a mutex and a condition variable; begin with `event`.

mod barrier;
mod deadline;
mod event;
pub mod gil;
mod pool;
mod queue;
mod queue_error;
mod rw_lock;
mod semaphore;
mod sync;

pub use barrier::Barrier;
pub use event::Event;
pub use pool::{PoolBuilder, ThreadPool};
pub use queue::Queue;
pub use queue_error::{GetError, PutError};
pub use rw_lock::{ReadGuard, RwLock, WriteGuard};
pub use semaphore::{Permit, Semaphore};
