//! Conversations with the calculator, as data, and what plays them against a server in a process of its own.
//!
//! - `models`: which models there are, and where they must differ, with the reason.
//! - `server`: a server process, and what the kernel tells of it.
//! - `script`: the conversations.
//! - `deliveries`: the ways in which the same messages can reach a server.
//! - `client`: plays a script, byte for byte, and never waits without an end.

pub(crate) mod client;
pub(crate) mod deliveries;
pub(crate) mod models;
pub(crate) mod script;
pub(crate) mod server;

use std::time::{Duration, Instant};

/// The watchdog of every wait: far longer than any of them takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `holds`; panics with `what` when it does not come to hold.
pub(crate) fn wait_until(what: &dyn Fn() -> String, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "expected within {PATIENCE:?}: {}", what());
        std::thread::sleep(Duration::from_millis(5));
    }
}
