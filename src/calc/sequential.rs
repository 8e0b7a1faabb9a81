//! One client at a time: the first server anybody writes.
//!
//! Problem it leaves: while one client is served, the next waits in the backlog, also when the first one
//! says nothing at all. The other models are answers to that.
//!
//! **Invariants**
//! - `SEQUENTIAL-1`: the stop is heard in the midst of a conversation, which then ends as everywhere.

use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;

use super::acceptor::Acceptor;
use super::blocking::converse;
use super::config::Config;
use super::model::Ready;

/// Serves one client after another, until `stop` is readable.
///
/// The listener is only lent: the processes of `prefork` share one, and each calls this.
///
/// # Errors
/// The listener fails for good.
pub(super) fn serve(
    listener: &TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    let mut acceptor = Acceptor::new(listener, stop)?;
    ready()?;
    while let Some(stream) = acceptor.next()? {
        // A broken connection ends that conversation only, and the client knows why.
        drop(converse(&stream, config, stop));
    }
    Ok(())
}
