//! A pool of worker threads.
//!
//! Read `thread_pool` for what it promises, then `shared`, `queue` and `job` for what it is made of, then `handing`,
//! `worker` and `ending` for what happens in it. `blocked` comes last: who waits for whom, so that a pool whose workers
//! all wait for each other can say so.

mod blocked;
mod builder;
mod ending;
mod handing;
mod job;
mod queue;
mod shared;
mod thread_pool;
mod worker;

pub use builder::PoolBuilder;
pub use thread_pool::ThreadPool;
