//! A fixed number of processes, forked before the first client comes, which share the listener.
//!
//! What `pool` could not do: survive a worker that crashes. Here a crash costs one client its connection, and the
//! supervisor replaces the worker. The price: processes do not share memory, and all idle ones wake for each client.
//!
//! **Invariants**
//! - `PREFORK-1` Each worker is a `sequential` server on the same listener; the kernel decides which gets a client.
//! - `PREFORK-2` The workers hear of the stop from the supervisor, which waits for them and lets none outlive it.
//!
//! **Source**: the prefork model of the Apache server.

use std::io::{self, Write};
use std::os::fd::BorrowedFd;

use super::config::Start;
use super::sequential;
use crate::processes::Supervisor;

/// Serves with as many processes as there are workers, at least one, until the stop. Fails if this process has a second
/// thread, which is named, if fork fails at the start, or if the workers cannot be watched.
pub(super) fn serve(start: Start<'_>) -> io::Result<()> {
    let Start { listener, config, stop, ready } = start;
    let work = |stop: BorrowedFd<'_>| {
        let served = listener.try_clone().and_then(|listener| {
            sequential::serve(Start { listener, config, stop, ready: &mut || Ok(()) })
        });
        if let Err(error) = &served {
            // The parent sees the exit code only; a closed stderr changes nothing about it.
            drop(io::stderr().write_all(format!("worker: {error}\n").as_bytes()));
        }
        i32::from(served.is_err())
    };
    let started = Supervisor::start(config.workers.max(1), &work);
    let mut supervisor = started.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::other(format!("fork: {error}")),
        _ => error,
    })?;
    ready()?;
    supervisor.watch_until(stop)?;
    // Workers that had to be killed had clients that did not let them go.
    supervisor.stop(config.grace).map(drop)
}
