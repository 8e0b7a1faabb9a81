//! What every server of the program does before and after it serves.
//!
//! The order is what the contract asks for. Signals are listened to before anybody is told that the server is ready:
//! who reads `listening on` and sends SIGTERM at once gets a graceful end. And no thread is started here, because
//! one of the servers forks.
//!
//! **Invariants**
//! - `LISTENING-1`: bind, then listen to signals, then let the server get its own descriptors, threads and processes,
//!   and only then say `listening on`: who has read it is served.
//! - `LISTENING-2`: the first SIGINT or SIGTERM stops the server gracefully, the second one at once.

use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::failure::{Doing, Failure};
use super::interrupt::interruption;
use super::output::Output;
use super::values::Address;

/// The longest span that an option of a server may ask for: a day. Taste; beyond it lies a mistake in the unit.
pub(crate) const LONGEST: Duration = Duration::from_hours(24);

/// Serves on the first of the addresses that can be had, until a signal comes.
///
/// `serve` gets the listener, what is readable once the server shall stop, and what it must call when it is ready.
///
/// # Errors
/// Whatever failed, with what was being done; the server's own failures with `what` it was.
///
/// # Blocking
/// Until the server ends.
pub(crate) fn listen_and_serve(
    address: &Address,
    what: &str,
    output: &mut Output,
    serve: impl FnOnce(
        TcpListener,
        BorrowedFd<'static>,
        &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()>,
) -> Result<(), Failure> {
    let listener = address
        .resolve()
        .and_then(|addresses| TcpListener::bind(&*addresses))
        .doing(format_args!("listen on {address}"))?;
    let stop = interruption()?;
    let bound = listener.local_addr();
    let bound = bound.doing("getsockname")?;
    let mut told = Ok(());
    // A script waits for this line; it must not sit in a buffer until the server ends.
    let mut ready = || {
        told = output.line(format_args!("listening on {bound}")).and_then(|()| output.flush());
        // What went wrong is in `told`; this only ends the server.
        if told.is_ok() { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    let served = serve(listener, stop, &mut ready);
    told?;
    served.doing(what)
}
