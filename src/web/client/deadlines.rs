//! How long a fetch may still take: the arithmetic of three limits, without a clock.
//!
//! One limit is not enough. A server that sends a byte a second never falls silent, so all of it needs an end; and
//! with only such an end, nobody hears of a dead server for a minute. Both modes ask here, and so agree on which
//! limit it was.
//!
//! **Invariants**
//! - `FETCH-LIMIT-1` Of limits that have passed, the one that passed first is named.
//! - `FETCH-LIMIT-2` Any span is a limit, [`Duration::MAX`] too: spans are subtracted, and never added to a point.
//!
//! **Source**: aiohttp's `ClientTimeout`, with its `connect`, `sock_read` and `total`.

use std::time::{Duration, Instant};

use super::fault::{Fault, Limit, Phase};
use super::options::Options;

/// The three limits of a fetch, and since when each runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// For finding and reaching a server.
    connect: Duration,
    /// For a pause.
    silence: Duration,
    /// For all of it.
    whole: Duration,
    /// When the fetch began.
    began: Instant,
    /// When it began to look for the present server, or when a byte last moved.
    moved: Instant,
}

impl Deadlines {
    /// Begins to count.
    pub(super) fn new(options: &Options, now: Instant) -> Self {
        let Options { connect, silence, whole, .. } = *options;
        Self { connect, silence, whole, began: now, moved: now }
    }

    /// Takes note that something happened: a byte moved, or the search for another server begins.
    pub(super) fn moved(&mut self, now: Instant) {
        self.moved = now;
    }

    /// Returns how long the present wait may go on.
    ///
    /// # Errors
    /// [`Fault::Timeout`]: not at all (`FETCH-LIMIT-1`).
    pub(super) fn left(&self, phase: Phase, now: Instant) -> Result<Duration, Fault> {
        let (span, limit) = match phase {
            Phase::Resolve | Phase::Connect => (self.connect, Limit::Connect(self.connect)),
            _ => (self.silence, Limit::Silence(self.silence)),
        };
        let whole = Overdue::of(self.whole, now.saturating_duration_since(self.began));
        let step = Overdue::of(span, now.saturating_duration_since(self.moved));
        match (whole, step) {
            (Overdue::Not(whole), Overdue::Not(step)) => Ok(whole.min(step)),
            (Overdue::By(whole), Overdue::By(step)) if whole < step => {
                Err(Fault::Timeout(phase, limit))
            }
            (Overdue::By(_), _) => Err(Fault::Timeout(phase, Limit::Whole(self.whole))),
            (_, Overdue::By(_)) => Err(Fault::Timeout(phase, limit)),
        }
    }
}

/// How a span compares with the time that has passed.
enum Overdue {
    /// So much of it is left; never nothing.
    Not(Duration),
    /// It passed so long ago.
    By(Duration),
}

impl Overdue {
    /// Compares (`FETCH-LIMIT-2`).
    fn of(span: Duration, passed: Duration) -> Self {
        match span.checked_sub(passed) {
            Some(left) if !left.is_zero() => Self::Not(left),
            _ => Self::By(passed.saturating_sub(span)),
        }
    }
}
