//! Sleeping, until a deadline or for one turn.
//!
//! **Invariants**
//! - `SLEEP-1` Never early: the deadline counts from the call, by the loop's clock.
//! - `SLEEP-2` A sleep that is dropped leaves nothing in the loop's timers.
//!
//! **Source**: `asyncio.sleep`, and `asyncio.sleep(0)`; tokio's `time::Sleep` and `task::yield_now`.

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::shared_wait::SharedWait;
use crate::jobs::contain;
use crate::rt::clock::whole_nanos;
use crate::rt::core::Core;
use crate::rt::timers::Nanos;
use crate::rt::{Wait, context, waits_for, wake_all};

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

/// Waits until a point in time by the loop's clock, [`rt::now`](crate::rt::now). A deadline in the past is ready in the
/// next turn.
///
/// # Panics
/// No event loop runs on this thread.
pub fn sleep_until(deadline: Instant) -> Sleep {
    let core = context::current();
    let deadline = core.clock.nanos_at(deadline);
    Sleep::until_nanos(core, deadline)
}

/// A wait for a deadline. Several tasks may poll it; all of them are woken.
///
/// # Panics
/// Polled before the deadline while its loop exists but does not run. A sleep whose loop was dropped is ready, because
/// there is no clock left to wait for.
///
/// # Cancellation
/// Nothing is lost: the timer is removed.
#[derive(Debug)]
#[must_use = "a sleep does nothing until it is awaited"]
pub struct Sleep {
    /// The loop whose timers hold it.
    core: Rc<Core>,
    /// Its timer's slot.
    slot: u32,
    /// Combines the wakers of several tasks.
    shared: SharedWait,
}

impl Sleep {
    /// Makes the timer at the call and not at the first poll, so that equal deadlines fire in the order of the calls.
    fn until_nanos(core: Rc<Core>, deadline: Nanos) -> Self {
        let slot = core.timers.borrow_mut().insert(deadline);
        Self { core, slot, shared: SharedWait::default() }
    }

    /// Moves the deadline, whether it has passed or not.
    pub fn reset(&mut self, deadline: Instant) {
        let deadline = self.core.clock.nanos_at(deadline);
        let mut timers = self.core.timers.borrow_mut();
        let waker = timers.remove(self.slot);
        self.slot = timers.insert(deadline);
        drop(timers);
        // A task that waited polls again, and the new timer learns its waker then.
        wake_all(waker);
    }

    /// Leaves a waker in the timer; returns the task's waker that it displaced.
    fn leave(&self, mut waker: Waker) -> Option<Waker> {
        mem::swap(self.core.timers.borrow_mut().wakers.get_mut(self.slot)?, &mut waker);
        // At first the timer holds a waker that does nothing.
        (!waker.will_wake(Waker::noop())).then_some(waker)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let is_known = match self.core.timers.borrow_mut().wakers.get_mut(self.slot) {
            Some(known) => known.will_wake(cx.waker()),
            None => return Poll::Ready(()),
        };
        if !self.core.running.get() {
            let is_at_rest = self.core.inbox.put(|_| ());
            assert!(!is_at_rest, "the event loop of this sleep does not run: no time passes");
            return Poll::Ready(());
        }
        // A time limit says less than what it limits.
        name_unnamed_wait(&self.core, Wait::Deadline);
        if !is_known && let Some(displaced) = self.leave(cx.waker().clone()) {
            self.shared.combine(displaced, cx.waker(), |all| self.leave(all.clone()));
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let waker = self.core.timers.borrow_mut().remove(self.slot);
        // The destructor of a waker may be any program's.
        contain(|| drop(waker));
    }
}

/// Notes what the running task waits for, unless a future inside it has named its own wait in this poll.
pub(super) fn name_unnamed_wait(core: &Core, wait: Wait) {
    core.wait.update(|known| if known == Wait::Nothing { wait } else { known });
}

/// Lets every other task that is ready run once before the caller continues; for long computations.
///
/// # Cancellation
/// Nothing is lost.
pub fn yield_now() -> impl Future<Output = ()> {
    let mut has_yielded = false;
    poll_fn(move |cx| {
        if mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        waits_for(Wait::Turn);
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}
