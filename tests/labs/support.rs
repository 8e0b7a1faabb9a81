//! What the tests of the labs share: a journal without a reader, and a watchdog.

use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use handloom::labs::Journal;

/// A lab that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// A journal whose lines go nowhere.
pub(crate) fn unread() -> Journal {
    Journal::new(io::sink())
}

/// Runs a lab, and ends the process when the lab does not end.
pub(crate) fn watched<T>(lab: impl FnOnce() -> T) -> T {
    let (alive, dropped) = channel::<()>();
    let test = thread::current().name().unwrap_or("a test").to_owned();
    thread::spawn(move || {
        if dropped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            // Not `eprintln!`, which the harness would keep for later.
            drop(writeln!(io::stderr(), "watchdog: {test} hangs"));
            std::process::abort();
        }
    });
    let value = lab();
    drop(alive);
    value
}
