//! Ctrl-c as a descriptor that becomes readable, or as a thread that ends the program.
//!
//! The first SIGINT or SIGTERM makes the descriptor readable and does nothing else; a second one ends the program at
//! once with 130, also while the first one is cleaned up after.

use std::os::fd::BorrowedFd;
use std::process;
use std::thread;

use super::failure::{Doing, Failure, INTERRUPTED};
use crate::os::signal::{self, Signal};
use crate::os::{PollFd, poll, process as os_process};

/// The signals that ask the program to end.
const STOPS: [Signal; 2] = [Signal::Interrupt, Signal::Terminate];

/// Listens to the signals from now on, and returns what is readable once one has come.
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

/// Starts a thread that ends the program with 130 when ctrl-c is pressed, after `clean_up`. It interrupts what cannot
/// wait for a descriptor as well: a connect, a read, a write to a full pipe.
pub(crate) fn exit_when_interrupted(
    clean_up: impl FnOnce() + Send + 'static,
) -> Result<(), Failure> {
    let pressed = interruption()?;
    let watch = move || {
        // It fails only when memory is short; the second ctrl-c still ends the program then.
        if poll(&mut [PollFd::readable(pressed)], None).is_ok() {
            clean_up();
            process::exit(INTERRUPTED.into());
        }
    };
    let started = thread::Builder::new().name("interrupt".to_owned()).spawn(watch);
    started.map(drop).doing("signals")
}

/// Gives the signals their default action, which ends the program, also where they were inherited as ignored. For process
/// 1 the kernel does nothing by default: there the handler ends it at the second signal, and it sends itself the first.
pub(crate) fn end_by_default() -> Result<(), Failure> {
    if process::id() == 1 {
        interruption()?;
        return os_process::kill(os_process::pid(), Signal::Terminate).doing("signals");
    }
    STOPS.into_iter().try_for_each(signal::restore_default).doing("signals")
}
