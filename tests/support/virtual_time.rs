//! Runs a test on a loop with a virtual clock, under a watchdog.

use std::io::{self, Write};
use std::panic::Location;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use handloom::rt::EventLoop;

/// A test that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends the process when it is not dropped in time.
pub(crate) struct Watchdog {
    /// Hung up by the drop.
    _alive: Sender<()>,
}

impl Watchdog {
    /// Starts to wait. A hang is told with the line that called this, because a test may run on any thread.
    #[track_caller]
    pub(crate) fn new() -> Self {
        let (alive, dropped) = channel::<()>();
        let at = Location::caller();
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        std::thread::spawn(move || {
            if dropped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // Not `eprintln`, which the harness captures.
                drop(writeln!(io::stderr(), "watchdog: {test} hangs, called at {at}"));
                std::process::abort();
            }
        });
        Self { _alive: alive }
    }
}

/// Runs a test on a loop with a virtual clock. A test that hangs fails with the loop's table, if nothing can wake it.
#[track_caller]
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let _watchdog = Watchdog::new();
    let builder = EventLoop::builder().virtual_clock().panic_when_stuck();
    builder.build().expect("a loop").block_on(test)
}
