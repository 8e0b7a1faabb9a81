//! How long a fetch may still take: three limits, their arithmetic, and the timer that ends a wait on the event loop.
//!
//! A server that sends a byte a second is never silent, so the whole fetch needs a limit; with that limit alone, a dead
//! server is noticed after a minute. Both clients use [`Deadlines`], and so agree on which limit was passed.
//!
//! **Invariants**
//! - `FETCH-LIMIT-1` When two limits have passed, the one that passed first is named.
//! - `FETCH-LIMIT-2` Any duration is a limit, [`Duration::MAX`] too.
//! - `FETCH-LIMIT-3` The limits are checked before each step too: a server that always has something ready does not
//!   escape the limit on the whole fetch.
//!
//! **Source**: aiohttp's `ClientTimeout`, with its `connect`, `sock_read` and `total`.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::super::lazy_timer::LazyTimer;
use super::fault::{Fault, Limit, Phase};
use super::request::Options;
use crate::rt;

/// Longer than any program runs, and short enough to be added to any `Instant`.
const FOREVER: Duration = Duration::from_hours(24 * 365 * 100);

/// The three limits of a fetch, and since when each runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines<'a> {
    /// The limits.
    options: &'a Options,
    /// When the fetch began.
    began: Instant,
    /// When the present connect began, or a byte last moved.
    moved: Instant,
}

impl<'a> Deadlines<'a> {
    /// Starts all limits.
    pub(super) fn new(options: &'a Options, now: Instant) -> Self {
        Self { options, began: now, moved: now }
    }

    /// Records that a byte moved, or that another connect begins.
    pub(super) fn moved(&mut self, now: Instant) {
        self.moved = now;
    }

    /// Returns how long the present wait may take, more than zero; or the limit that has passed.
    pub(super) fn left(&self, phase: Phase, now: Instant) -> Result<Duration, Fault> {
        let Options { connect, silence, whole, .. } = *self.options;
        let (span, limit) = match phase {
            Phase::Resolve | Phase::Connect => (connect, Limit::Connect(connect)),
            _ => (silence, Limit::Silence(silence)),
        };
        let whole = (self.began + whole.min(FOREVER), Limit::Whole(whole));
        let step = (self.moved + span.min(FOREVER), limit);
        // FETCH-LIMIT-1
        let (end, limit) = if whole.0 <= step.0 { whole } else { step };
        let left = end.saturating_duration_since(now);
        if left.is_zero() { Err(Fault::Timeout(phase, limit)) } else { Ok(left) }
    }
}

/// The limits of one fetch on the event loop, and the timer that wakes its task.
#[derive(Debug)]
pub(super) struct DeadlineTimer<'a> {
    /// The limits.
    deadlines: Deadlines<'a>,
    /// The timer.
    timer: LazyTimer,
}

impl<'a> DeadlineTimer<'a> {
    /// Starts all limits.
    pub(super) fn new(options: &'a Options) -> Self {
        let now = rt::now();
        let span = options.connect.min(options.silence).min(options.whole).min(FOREVER);
        Self { deadlines: Deadlines::new(options, now), timer: LazyTimer::new(now + span) }
    }

    /// Records that another connect begins.
    pub(super) fn restart(&mut self) {
        self.deadlines.moved(rt::now());
    }

    /// Waits for one step of the fetch, until a limit has passed; its completion counts as a byte that moved.
    pub(super) async fn run<T>(
        &mut self,
        phase: Phase,
        mut step: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Result<T, Fault> {
        // FETCH-LIMIT-3
        self.deadlines.left(phase, rt::now())?;
        poll_fn(|cx| match step(cx) {
            Poll::Ready(value) => {
                self.deadlines.moved(rt::now());
                Poll::Ready(Ok(value))
            }
            Poll::Pending => self.poll_timeout(phase, cx).map(Err),
        })
        .await
    }

    /// Ready when a limit has passed.
    fn poll_timeout(&mut self, phase: Phase, cx: &mut Context<'_>) -> Poll<Fault> {
        loop {
            let now = rt::now();
            match self.deadlines.left(phase, now) {
                Ok(left) => ready!(self.timer.poll(now + left.min(FOREVER), cx)),
                Err(fault) => return Poll::Ready(fault),
            }
        }
    }
}
