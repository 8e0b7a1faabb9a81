//! A thread for each client: no client waits for another.
//!
//! What `sequential` could not do: answer a second client while the first one thinks. The price is a stack
//! and a place in the scheduler for each client, also for one that never sends anything.
//!
//! **Invariants**
//! - `THREADS-1` A client's thread ends with its conversation: after `close`, after a reset, after the stop.
//! - `THREADS-2` A thread that cannot be started costs that client its connection, and no other.

use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::thread;

use super::blocking::{accept_all, converse};
use super::config::{Config, Ready};

/// Serves each client on a thread of its own, until `stop` is readable.
///
/// # Errors
/// The listener failed for good.
pub(super) fn serve(
    listener: TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    let mut clients = 0_u64;
    accept_all(listener, config, stop, ready, |connection| {
        clients += 1;
        // The kernel keeps 15 characters of the name, for `ps -T` and the debugger.
        let thread = thread::Builder::new().name(format!("client {clients}"));
        thread.spawn(move || converse(connection)).map(drop)
    })
}
