//! Threads: a pool of them that runs jobs, and a lock that keeps all but one of them waiting ([`gil`]).
//!
//! Problem: a thread costs a stack, a place in the kernel's scheduler and some ten microseconds to start.
//! A program that starts one for every small job pays that each time, and one that starts them without
//! a bound falls over when the jobs come faster than they end.

pub mod gil;
mod pool;

pub use pool::{PoolBuilder, ThreadPool};
