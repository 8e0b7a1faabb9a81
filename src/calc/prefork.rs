//! A fixed number of processes, forked before the first client comes, which share the listener.
//!
//! What `pool` could not do: survive a worker that crashes. Here it takes one client with it, and the
//! supervisor replaces it. The price: processes cannot share what they learn, and a crowd of them waits for
//! each client that comes.
//!
//! **Invariants**
//! - `PREFORK-1`: each worker is a `sequential` server on the same listener; the kernel deals out clients.
//! - `PREFORK-2`: the workers hear of the stop from the supervisor, which waits for them and lets none outlive
//!   it (`SUPERVISOR-1`, `SUPERVISOR-2`).
//!
//! **Left out**: [`Config::max_connections`], which the number of workers already bounds.
//!
//! **Source**: the prefork model of the Apache server.

use std::io::{self, Write};
use std::net::TcpListener;
use std::os::fd::BorrowedFd;

use super::config::Config;
use super::model::Ready;
use super::sequential;
use crate::processes::Supervisor;

/// Serves with [`Config::workers`] processes, at least one, until `stop` is readable.
///
/// # Errors
/// This process has a second thread, which is named; fork fails at the start; the watch over them fails.
pub(super) fn serve(
    listener: &TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    let work =
        |stop: BorrowedFd<'_>| match sequential::serve(listener, config, stop, &mut || Ok(())) {
            Ok(()) => 0,
            Err(error) => {
                // The parent sees the exit code only; a closed stderr changes nothing about it.
                drop(io::stderr().write_all(format!("worker: {error}\n").as_bytes()));
                1
            }
        };
    let mut supervisor = Supervisor::start(config.workers.max(1), &work)?;
    ready()?;
    supervisor.watch_until(stop)?;
    // Those that had to be killed had clients who did not let them go.
    supervisor.stop(config.grace).map(drop)
}
