//! One deadline for all the waits of a connection, which costs next to nothing while nobody is late.
//!
//! A connection waits with every request, and each wait has a limit. A timer made and dropped for each would cost
//! more than the parsing. So a connection has one timer, and moves only a note of the time; when the timer fires,
//! the note says whether somebody is late, or how long to go on waiting.
//!
//! **Invariants**
//! - `PATIENCE-1` The timer is armed for the noted time or an earlier one, never for a later one.
//! - `PATIENCE-2` It is moved when it has fired, and when the note becomes earlier than it; not otherwise.
//!
//! **Source**: nginx's `ngx_event_add_timer`, which lets a timer be when the new time is near the old one.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::aio::{Sleep, sleep_until};
use crate::rt::now;

/// How long a connection is still waited for.
pub(super) struct Patience {
    /// The timer.
    timer: Sleep,
    /// What it is armed for, or has fired for.
    armed: Instant,
    /// The note; none is without end.
    until: Option<Instant>,
}

impl Patience {
    /// Begins with a span.
    pub(super) fn new(span: Duration) -> Self {
        let now = now();
        let until = now.checked_add(span);
        let armed = until.unwrap_or(now);
        Self { timer: sleep_until(armed), armed, until }
    }

    /// Gives a span from now on, in place of what is left.
    pub(super) fn give(&mut self, span: Duration) {
        self.until = now().checked_add(span);
        if let Some(earlier) = self.until.filter(|until| *until < self.armed) {
            self.arm(earlier);
        }
    }

    /// Ready when the time is up.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = self.until else { return Poll::Pending };
        loop {
            ready!(Pin::new(&mut self.timer).poll(cx));
            if until <= self.armed {
                return Poll::Ready(());
            }
            self.arm(until);
        }
    }

    /// Moves the timer.
    fn arm(&mut self, until: Instant) {
        self.timer.reset(until);
        self.armed = until;
    }
}
