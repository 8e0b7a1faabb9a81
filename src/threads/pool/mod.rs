//! A pool of worker threads.
//!
//! Read `queue`, what waits there; `wait_graph`, which workers wait for each other; `shared`, a job's way from submit
//! to a worker; `job`, how it runs and leaves its value; then `thread_pool`, what the owner of the pool sees.

mod job;
mod queue;
mod shared;
mod thread_pool;
mod wait_graph;

pub use thread_pool::ThreadPool;
