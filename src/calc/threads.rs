//! A thread for each client: no client waits for another.
//!
//! What `sequential` could not do: answer a second client while the first one thinks. The price is a stack
//! and a place in the scheduler for each client, also for one that never says a word.
//!
//! **Invariants**
//! - `THREADS-1`: a client's thread ends with its conversation: after `close`, after a reset, after the stop.
//! - `THREADS-2`: a thread that cannot be started costs that client its connection, and nobody else.
//!
//! **Left out**: joining the threads. Each leaves its place in the table as its last act, and that is
//! waited for; a thread that was cut off and still computes is left to the end of the process.

use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::thread;

use super::acceptor::Acceptor;
use super::blocking::converse;
use super::config::Config;
use super::model::Ready;
use super::open_streams::OpenStreams;

/// Serves each client on a thread of its own, until `stop` is readable.
///
/// # Errors
/// The listener fails for good.
pub(super) fn serve(
    listener: TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    let open = OpenStreams::new(stop)?;
    let served = start_threads(&listener, config, stop, &open, ready);
    // Now, so that clients who come during the grace are refused instead of left waiting.
    drop(listener);
    open.wait_until_empty(config.grace);
    served
}

/// Takes clients in, and starts a thread for each.
fn start_threads(
    listener: &TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    open: &Arc<OpenStreams>,
    ready: Ready<'_>,
) -> io::Result<()> {
    let shared = Arc::new(config.clone());
    let mut acceptor = Acceptor::new(listener, stop)?;
    ready()?;
    let mut clients = 0_u64;
    while open.wait_for_room(config.max_connections)? {
        let Some(stream) = acceptor.next()? else {
            break;
        };
        clients += 1;
        let (place, config) = (open.enter(stream), Arc::clone(&shared));
        // A broken connection ends that conversation only, and the client knows why.
        let body = move || drop(converse(place.stream(), &config, place.stop()));
        // The kernel keeps 15 characters of the name, for `ps -T` and the debugger.
        let thread = thread::Builder::new().name(format!("client {clients}"));
        if let Err(error) = thread.spawn(body) {
            // The closure is dropped, and with it the place and the stream (THREADS-2).
            acceptor.wait_out(&error)?;
        }
    }
    Ok(())
}
