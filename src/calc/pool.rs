//! A fixed number of threads: a client that finds none free waits for one.
//!
//! What `threads` could not do: bound its stacks. The price: as many silent clients as threads hold up all others.
//!
//! **Invariants**
//! - `CALC-POOL-1` A client is one job: its thread is free again when the conversation is over.
//! - `CALC-POOL-2` After the stop, clients that still wait for a thread are answered what they have sent.
//! - `CALC-POOL-3` When the grace is over, clients that have no thread yet are closed unanswered.

use std::io;

use super::blocking::{accept_all, converse_and_hand_over};
use super::config::Start;
use crate::threads::ThreadPool;

/// Serves the clients on as many threads as there are workers until the stop; fails if the listener does, or if a
/// thread cannot be started.
pub(super) fn serve(start: Start<'_>) -> io::Result<()> {
    let pool = ThreadPool::fixed("worker", start.config.workers)?;
    let served = accept_all(start, |_| {
        Ok(|client| drop(pool.submit(move || converse_and_hand_over(client))))
    });
    // Not the pool's drop, which would run every job that is still queued, long after the grace (CALC-POOL-3).
    pool.abandon();
    served
}
