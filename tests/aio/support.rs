//! What the tests of `aio` share: loops, and futures that count what is done to them.

use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use handloom::rt::EventLoop;

pub(crate) use crate::virtual_time::{Watchdog, run};

/// Runs a test on a loop with the real clock.
#[track_caller]
pub(crate) fn run_in_real_time<T>(test: impl Future<Output = T>) -> T {
    let _watchdog = Watchdog::new();
    EventLoop::builder().panic_when_stuck().build().expect("a loop").block_on(test)
}

/// Runs a future that nothing can wake, and returns the loop's report.
pub(crate) fn stuck_report(test: impl Future) -> String {
    let _watchdog = Watchdog::new();
    let event_loop = EventLoop::builder().panic_when_stuck().build().expect("a loop");
    let report = catch_unwind(AssertUnwindSafe(|| drop(event_loop.block_on(test))));
    let report = report.expect_err("nothing can wake it");
    *report.downcast::<String>().expect("a text")
}

/// Polls once, with the waker of the task that runs.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

/// What was done to a future.
#[derive(Default)]
pub(crate) struct Counts {
    /// How often it was polled.
    pub(crate) polls: Cell<usize>,
    /// How often it was dropped.
    pub(crate) drops: Cell<usize>,
}

/// A future that counts what is done to another.
pub(crate) struct Counted<F> {
    /// The other.
    future: Pin<Box<F>>,
    /// Where it counts.
    counts: Rc<Counts>,
}

/// Counts what is done to `future`.
pub(crate) fn counted<F: Future>(counts: &Rc<Counts>, future: F) -> Counted<F> {
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
