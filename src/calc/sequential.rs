//! One client at a time: the first server that a student writes.
//!
//! Problem it leaves: while one client is served, the next waits in the backlog, also when the first one
//! sends nothing at all. The other models are answers to that.

use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;

use super::blocking::{accept_all, converse_and_hand_over};
use super::config::{Config, Ready};

/// Serves one client after another, until `stop` is readable.
///
/// # Errors
/// The listener failed for good.
pub(super) fn serve(
    listener: TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    accept_all(listener, config, stop, ready, |_| Ok(converse_and_hand_over))
}
