//! What the tests of `aio` share: a watchdog, and futures that count what is done to them.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::task::{Context, Poll};
use std::time::Duration;

use handloom::rt::EventLoop;

/// A test that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends the process when it is not dropped in time.
pub struct Watchdog {
    /// Hung up by the drop.
    _alive: Sender<()>,
}

impl Watchdog {
    /// Starts to wait.
    pub fn new() -> Self {
        let (alive, dropped) = channel::<()>();
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        std::thread::spawn(move || {
            if dropped.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                eprintln!("watchdog: {test} hangs");
                std::process::abort();
            }
        });
        Self { _alive: alive }
    }
}

/// Runs a test on a loop with a virtual clock.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let _watchdog = Watchdog::new();
    EventLoop::builder().virtual_clock().build().expect("a loop").block_on(test)
}

/// Runs a test on a loop with the real clock.
pub fn run_in_real_time<T>(test: impl Future<Output = T>) -> T {
    let _watchdog = Watchdog::new();
    EventLoop::new().expect("a loop").block_on(test)
}

/// Polls once, with the waker of the task that runs.
pub async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

/// What was done to a future.
#[derive(Default)]
pub struct Counts {
    /// How often it was polled.
    pub polls: Cell<usize>,
    /// How often it was dropped.
    pub drops: Cell<usize>,
}

/// A future that counts what is done to another.
pub struct Counted<F> {
    /// The other.
    future: Pin<Box<F>>,
    /// Where it counts.
    counts: Rc<Counts>,
}

/// Counts what is done to `future`.
pub fn counted<F: Future>(counts: &Rc<Counts>, future: F) -> Counted<F> {
    Counted { future: Box::pin(future), counts: counts.clone() }
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.counts.polls.set(self.counts.polls.get() + 1);
        self.future.as_mut().poll(cx)
    }
}

impl<F> Drop for Counted<F> {
    fn drop(&mut self) {
        self.counts.drops.set(self.counts.drops.get() + 1);
    }
}
