//! One client at a time: the first server that a student writes.
//!
//! The problem that the other models solve: all clients wait in the backlog for one that perhaps sends nothing.

use std::io;

use super::blocking::{accept_all, converse_and_hand_over};
use super::config::Start;

/// Serves one client after another until the stop; fails if the listener does.
pub(super) fn serve(start: Start<'_>) -> io::Result<()> {
    accept_all(start, |_| Ok(converse_and_hand_over))
}
