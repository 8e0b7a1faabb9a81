//! Threads: what they wait on, the pool, and the GIL.

#![expect(clippy::unwrap_used, reason = "an error fails the test")]

mod barrier;
mod event;
mod gil;
mod pool;
mod pool_await;
mod pool_deadlock;
mod pool_handles;
mod pool_hostile;
mod pool_map;
mod pool_queue;
mod pool_shutdown;
mod queue;
mod semaphore;
mod support;
