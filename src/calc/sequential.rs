//! One client at a time: the first server that a student writes.
//!
//! Problem it leaves: while one client is served, the next waits in the backlog, also when the first one
//! sends nothing at all. The other models are answers to that.

use std::io;

use super::blocking::{accept_all, converse_and_hand_over};
use super::config::Start;

/// Serves one client after another until the stop; fails if the listener does.
pub(super) fn serve(start: Start<'_>) -> io::Result<()> {
    accept_all(start, |_| Ok(converse_and_hand_over))
}
