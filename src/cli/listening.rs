//! What every server of the program does before and after it serves. No thread is started here, because one of the
//! servers forks.
//!
//! **Invariants**
//! - `LISTENING-1`: the order is: bind, listen to signals, let the server get its own descriptors, threads and
//!   processes, print `listening on`. So a program that reads this line can connect, and can send SIGTERM.
//! - `LISTENING-2`: the first SIGINT or SIGTERM stops the server gracefully, the second one at once.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::BorrowedFd;

use super::failure::{Doing, Failure};
use super::interrupt::interruption;
use super::output::Output;
use super::values::Address;

/// Serves on the first of the addresses that can be bound, until a signal comes; `what` names the server in failures,
/// and `scheme` stands before the address, so that a user of a terminal can click on a site.
///
/// `serve` gets the listener, what is readable once the server shall stop, and what it must call when it is ready.
pub(crate) fn listen_and_serve(
    address: &Address,
    what: &str,
    scheme: &str,
    output: &mut Output,
    serve: impl FnOnce(
        TcpListener,
        BorrowedFd<'static>,
        &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<()>,
) -> Result<(), Failure> {
    // A name such as localhost has an IPv6 and an IPv4 address, and the server listens on the IPv4 one. A client that tries
    // `::1` first is refused at once and tries 127.0.0.1 next. A client that uses only IPv4 would never try `::1`.
    let listener = address.resolve().and_then(|mut addresses| {
        addresses.sort_by_key(SocketAddr::is_ipv6);
        TcpListener::bind(&*addresses)
    });
    let listener = listener.doing(format_args!("listen on {address}"))?;
    let stop = interruption()?;
    let bound = listener.local_addr().doing("getsockname")?;
    let mut told = Ok(());
    // A script waits for this line; it must not stay in a buffer until the server ends.
    let mut ready = || {
        told =
            output.line(format_args!("listening on {scheme}{bound}")).and_then(|()| output.flush());
        // What went wrong is in `told`; this only ends the server.
        if told.is_ok() { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    let served = serve(listener, stop, &mut ready);
    told?;
    served.doing(what)
}
