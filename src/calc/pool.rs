//! A fixed number of threads: a client that finds none free waits for one.
//!
//! What `threads` could not do: bound its stacks. The price is that as many silent clients as there are
//! threads hold up everybody else.
//!
//! **Invariants**
//! - `CALC-POOL-1`: a client is one job: its thread is free again when the conversation is over.
//! - `CALC-POOL-2`: after the stop the clients that still wait for a thread are served what they have sent.
//! - `CALC-POOL-3`: when the grace is over, the clients that have still got no thread are closed unanswered.
//!
//! **Left out**: giving the thread back between two messages, which needs a selector; then the step to
//! `callbacks` is a short one.

use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::acceptor::Acceptor;
use super::blocking::converse;
use super::config::Config;
use super::model::Ready;
use super::open_streams::OpenStreams;
use crate::threads::ThreadPool;

/// Serves the clients on [`Config::workers`] threads, until `stop` is readable.
///
/// # Errors
/// The threads cannot be started; the listener fails for good.
pub(super) fn serve(
    listener: TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    let open = OpenStreams::new(stop)?;
    let pool = ThreadPool::fixed("worker", config.workers)?;
    let served = queue_clients(&listener, config, stop, &open, &pool, ready);
    // Now, so that clients who come during the grace are refused instead of left waiting.
    drop(listener);
    open.wait_until_empty(config.grace);
    // Not the pool's drop, which would run every job that is still queued, long after the grace (CALC-POOL-3).
    pool.abandon();
    served
}

/// Takes clients in, and makes a job of each.
fn queue_clients(
    listener: &TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    open: &Arc<OpenStreams>,
    pool: &ThreadPool,
    ready: Ready<'_>,
) -> io::Result<()> {
    let shared = Arc::new(config.clone());
    let mut acceptor = Acceptor::new(listener, stop)?;
    ready()?;
    while open.wait_for_room(config.max_connections)? {
        let Some(stream) = acceptor.next()? else {
            break;
        };
        let (place, config) = (open.enter(stream), Arc::clone(&shared));
        // A broken connection ends that conversation only, and the client knows why.
        drop(pool.submit(move || drop(converse(place.stream(), &config, place.stop())))?);
    }
    Ok(())
}
