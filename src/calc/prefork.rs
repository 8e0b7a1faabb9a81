//! A fixed number of processes, forked before the first client comes, which share the listener.
//!
//! What `pool` could not do: survive a worker that crashes. Here a crash costs one client its connection, and the
//! supervisor replaces the worker. The price: processes do not share memory, and all idle ones wake for each client.
//!
//! **Invariants**
//! - `PREFORK-1` Each worker is a `sequential` server on the same listener; the kernel decides which gets a client.
//! - `PREFORK-2` The workers hear of the stop from the supervisor, which waits for them and lets none outlive
//!   it (`SUPERVISOR-1`, `SUPERVISOR-2`).
//!
//! **Source**: the prefork model of the Apache server.

use std::io::{self, Write};
use std::net::TcpListener;
use std::os::fd::BorrowedFd;

use super::config::{Config, Ready};
use super::sequential;
use crate::processes::Supervisor;

/// Serves with [`Config::workers`] processes, at least one, until `stop` is readable.
///
/// # Errors
/// This process has a second thread, which is named; fork fails at the start; watching the workers fails.
pub(super) fn serve(
    listener: &TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    let work = |stop: BorrowedFd<'_>| {
        let served = listener
            .try_clone()
            .and_then(|listener| sequential::serve(listener, config, stop, &mut || Ok(())));
        match served {
            Ok(()) => 0,
            Err(error) => {
                // The parent sees the exit code only; a closed stderr changes nothing about it.
                drop(io::stderr().write_all(format!("worker: {error}\n").as_bytes()));
                1
            }
        }
    };
    let mut supervisor = Supervisor::start(config.workers.max(1), &work)?;
    ready()?;
    supervisor.watch_until(stop)?;
    // Workers that had to be killed had clients that did not let them go.
    supervisor.stop(config.grace).map(drop)
}
