//! Runs a test on a loop with a virtual clock, under a watchdog.

use std::cell::Cell;
use std::io::{self, Write};
use std::panic::{self, Location};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use handloom::rt::EventLoop;

/// A test that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// The panics that ended tests. The harness keeps them until the end, to which an abort does not come.
static FAILED: Mutex<Vec<String>> = Mutex::new(Vec::new());

thread_local! {
    /// The last panic on this thread.
    static LAST: Cell<String> = const { Cell::new(String::new()) };
}

/// Keeps the text of each panic on its thread.
fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            LAST.set(info.to_string());
            hook(info);
        }));
    });
}

/// Ends the process when it is not dropped in time, and tells then which tests had panicked before.
pub(crate) struct Watchdog {
    /// Hung up by the drop.
    _alive: Sender<()>,
}

impl Watchdog {
    /// Starts to wait. A hang is told with the line that called this, because a test may run on any thread.
    #[track_caller]
    pub(crate) fn new() -> Self {
        keep_panics();
        let (alive, dropped) = channel::<()>();
        let at = Location::caller();
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        std::thread::spawn(move || {
            if dropped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                // Not `eprintln`, which the harness captures.
                let mut stderr = io::stderr();
                for text in FAILED.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    drop(writeln!(stderr, "panicked before: {text}"));
                }
                drop(writeln!(stderr, "watchdog: {test} hangs, called at {at}"));
                std::process::abort();
            }
        });
        Self { _alive: alive }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let thread = std::thread::current();
            let text = format!("{}: {}", thread.name().unwrap_or("a test"), LAST.take());
            FAILED.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        }
    }
}

/// Runs a test on a loop with a virtual clock. A test that hangs fails with the loop's table, if nothing can wake it.
#[track_caller]
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let _watchdog = Watchdog::new();
    let builder = EventLoop::builder().virtual_clock().panic_when_stuck();
    builder.build().expect("a loop").block_on(test)
}
