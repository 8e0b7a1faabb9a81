//! Ctrl-c as a descriptor, for a subcommand that has something to tell or to clean up before it ends.
//!
//! **Invariants**
//! - `INTERRUPT-1`: the first SIGINT or SIGTERM makes the descriptor readable and does nothing else; a second one
//!   ends the program at once with 130.

use std::os::fd::BorrowedFd;

use super::failure::Failure;
use crate::os::signal::{self, Signal};

/// The signals that ask for the end.
const STOPS: [Signal; 2] = [Signal::Interrupt, Signal::Terminate];

/// Listens to the signals from now on, and returns what is readable once one has come.
///
/// # Errors
/// Out of descriptors.
pub(crate) fn interruption() -> Result<BorrowedFd<'static>, Failure> {
    let listen = || {
        for stop in STOPS {
            signal::install(stop)?;
        }
        signal::exit_on_second(&STOPS);
        // One descriptor for both: SIGNAL-4.
        signal::event_fd(Signal::Interrupt)
    };
    listen().map_err(|error| Failure::while_doing("signals", error))
}
