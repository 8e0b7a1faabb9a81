//! A fixed number of threads: a client that finds none free waits for one.
//!
//! What `threads` could not do: bound its stacks. The price is that as many silent clients as there are
//! threads hold up all others.
//!
//! **Invariants**
//! - `CALC-POOL-1` A client is one job: its thread is free again when the conversation is over.
//! - `CALC-POOL-2` After the stop, clients that still wait for a thread are answered what they have sent.
//! - `CALC-POOL-3` When the grace is over, clients that have no thread yet are closed unanswered.

use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;

use super::blocking::{accept_all, converse_and_hand_over};
use super::config::{Config, Ready};
use crate::threads::ThreadPool;

/// Serves the clients on [`Config::workers`] threads, until `stop` is readable.
///
/// # Errors
/// The threads cannot be started; the listener failed for good.
pub(super) fn serve(
    listener: TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    let pool = ThreadPool::fixed("worker", config.workers)?;
    let served = accept_all(listener, config, stop, ready, |_| {
        Ok(|client| drop(pool.submit(move || converse_and_hand_over(client))))
    });
    // Not the pool's drop, which would run every job that is still queued, long after the grace (CALC-POOL-3).
    pool.abandon();
    served
}
