//! Sleeping: a future that is ready at a deadline.
//!
//! **Invariants**
//! - `SLEEP-1` Never early: the deadline counts from the call, by the real clock, not by the turn's.
//! - `SLEEP-2` Dropped, it leaves nothing in the loop's timers.
//!
//! **Source**: `asyncio.sleep`; tokio's `time::Sleep`.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::rt::Wait;
use crate::rt::clock::whole_nanos;
use crate::rt::context;
use crate::rt::core::Core;
use crate::rt::timers::Nanos;

/// Waits for a span of time; any span, `Duration::MAX` too. See [`Sleep`].
///
/// # Panics
/// No event loop runs on this thread.
///
/// # Examples
/// ```
/// use handloom::{aio::sleep, rt::EventLoop};
/// use std::time::{Duration, Instant};
///
/// // An hour of virtual time passes at once.
/// let event_loop = EventLoop::builder().virtual_clock().build()?;
/// event_loop.block_on(sleep_an_hour());
///
/// async fn sleep_an_hour() {
///     sleep(Duration::from_secs(3600)).await;
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn sleep(span: Duration) -> Sleep {
    let core = context::current();
    let deadline = core.clock.nanos().saturating_add(whole_nanos(span));
    Sleep::until_nanos(core, deadline)
}

/// Waits until a point in time by the loop's clock, [`rt::now`](crate::rt::now); one that is past is
/// ready in the next turn.
///
/// # Panics
/// No event loop runs on this thread.
pub fn sleep_until(deadline: Instant) -> Sleep {
    let core = context::current();
    let deadline = core.clock.nanos_at(deadline);
    Sleep::until_nanos(core, deadline)
}

/// A wait for a point in time.
///
/// # Panics
/// Polled before it is due while its loop does not run, but another one.
///
/// When its loop is dropped it is ready, for there is no clock left to wait for.
///
/// # Cancellation
/// Nothing is lost: the timer is taken away.
#[derive(Debug)]
#[must_use = "a sleep does nothing until it is awaited"]
pub struct Sleep {
    /// The loop whose timers hold it.
    core: Rc<Core>,
    /// Its timer's slot.
    slot: u32,
}

impl Sleep {
    /// Makes the timer: at the call and not at the first poll, so that equal deadlines fire in order.
    fn until_nanos(core: Rc<Core>, deadline: Nanos) -> Self {
        let slot = core.timers.borrow_mut().insert(deadline);
        Self { core, slot }
    }

    /// Moves the deadline, whether it has passed or not.
    pub fn reset(&mut self, deadline: Instant) {
        let deadline = self.core.clock.nanos_at(deadline);
        let mut timers = self.core.timers.borrow_mut();
        let waker = timers.remove(self.slot);
        self.slot = timers.insert(deadline);
        drop(timers);
        // Whoever waited polls again, and is known to the new timer then.
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.core.timers.borrow_mut().poll(self.slot, cx.waker());
        match polled {
            Ok(()) => Poll::Ready(()),
            Err(displaced) => {
                assert!(
                    self.core.running.get(),
                    "the event loop of this sleep does not run, and its time does not pass"
                );
                self.core.wait.set(Wait::Deadline);
                if let Some(displaced) = displaced {
                    displaced.wake();
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let waker = self.core.timers.borrow_mut().remove(self.slot);
        // Outside the borrow: a waker's destructor may be anybody's.
        drop(waker);
    }
}
