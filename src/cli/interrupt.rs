//! Ctrl-c as a descriptor, for a subcommand that has something to tell or to clean up before it ends; or as a thread
//! that ends the program, for one that may sit in a call that hears nothing.
//!
//! **Invariants**
//! - `INTERRUPT-1`: the first SIGINT or SIGTERM makes the descriptor readable and does nothing else; a second one
//!   ends the program at once with 130.
//! - `INTERRUPT-2`: what is to be cleaned up is done once, before the end; a second signal does not wait for it.

use std::os::fd::BorrowedFd;
use std::process;
use std::thread;

use super::failure::{Doing, Failure};
use crate::os::signal::{self, Signal};
use crate::os::{PollFd, poll};

/// The exit code after ctrl-c: 128 + SIGINT.
const INTERRUPTED: i32 = 130;

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
    listen().doing("signals")
}

/// Ends the program with 130 when ctrl-c is pressed, whatever it does then, after `clean_up`.
///
/// A thread of its own, for one that is in the midst of a connect, a read or a write to a full pipe hears nothing.
///
/// # Errors
/// Out of descriptors or threads.
pub(crate) fn exit_when_interrupted(
    clean_up: impl FnOnce() + Send + 'static,
) -> Result<(), Failure> {
    let pressed = interruption()?;
    let watch = move || {
        // It fails only for want of memory; then there is still the second ctrl-c (INTERRUPT-1).
        if poll(&mut [PollFd::readable(pressed)], None).is_ok() {
            clean_up();
            process::exit(INTERRUPTED);
        }
    };
    let started = thread::Builder::new().name("interrupt".to_owned()).spawn(watch);
    started.map(drop).doing("signals")
}
