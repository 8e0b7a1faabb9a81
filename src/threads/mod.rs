//! Threads: a pool of them that runs jobs.
//!
//! Problem: a thread costs a stack, a place in the kernel's scheduler and some ten microseconds to start.
//! A program that starts one for every small job pays that each time, and one that starts them without
//! a bound falls over when the jobs come faster than they end.
//!
//! Read `pool` for what it promises, then `shared`, `queue` and `job` for what it is made of, then `handing`, `worker`
//! and `ending` for what happens in it. `blocked` comes last.

mod blocked;
mod builder;
mod ending;
mod handing;
mod job;
mod pool;
mod queue;
mod shared;
mod worker;

pub use builder::PoolBuilder;
pub use pool::ThreadPool;
