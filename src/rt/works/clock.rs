//! What a test controls: the clock, so that an hour passes in a millisecond, and the order of the tasks.
//!
//! Virtual time jumps to the next deadline when the loop would sleep. Only work that the loop knows of holds it back.
//!
//! **Invariants**
//! - `CLOCK-1` Time never runs backwards.
//! - `CLOCK-2` The virtual clock moves only when no task is ready and no thread works for one.
//!
//! **Source**: tokio's `time::pause`, with its automatic advance; Vigna's *xorshift\**.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::os;
use crate::rt::timers::Nanos;

/// What the loop takes for the time.
pub(crate) struct Clock {
    /// The instant at which the loop was made: zero of its [`Nanos`].
    start: Instant,
    /// Virtual time since then; `None` on the real clock.
    elapsed: Option<Cell<Nanos>>,
}

impl Clock {
    /// Makes a clock that starts now.
    pub(crate) fn new(is_virtual: bool) -> Self {
        Self { start: Instant::now(), elapsed: is_virtual.then(|| Cell::new(0)) }
    }

    /// Returns the time since the loop was made.
    pub(crate) fn nanos(&self) -> Nanos {
        let real = || whole_nanos(self.start.elapsed());
        self.elapsed.as_ref().map_or_else(real, Cell::get)
    }

    /// Returns the time as an [`Instant`].
    pub(crate) fn now(&self) -> Instant {
        self.start + Duration::from_nanos(self.nanos())
    }

    /// Turns an instant into time since the loop was made; earlier instants are zero.
    pub(crate) fn nanos_at(&self, instant: Instant) -> Nanos {
        whole_nanos(instant.saturating_duration_since(self.start))
    }

    /// Moves virtual time on to `deadline`; does nothing to the real clock.
    pub(crate) fn jump(&self, deadline: Nanos) {
        if let Some(elapsed) = &self.elapsed {
            elapsed.set(elapsed.get().max(deadline));
        }
    }

    /// Counts the milliseconds of the kernel's ticking clock, modulo 2³². Virtual time has no ticks (`QUEUE-3`).
    pub(crate) fn tick(&self) -> u32 {
        let nanos = if self.elapsed.is_some() { 0 } else { os::tick() };
        u32::try_from((nanos / 1_000_000) & i64::from(u32::MAX)).unwrap_or(0)
    }

    /// Returns how long the loop may wait for a deadline: without limit when virtual time stands still (`CLOCK-2`).
    pub(crate) fn time_to(&self, deadline: Nanos, has_jobs: bool) -> Option<Duration> {
        match &self.elapsed {
            Some(_) => (!has_jobs).then_some(Duration::ZERO),
            None => Some(Duration::from_nanos(deadline.saturating_sub(self.nanos()))),
        }
    }
}

/// Counts a span in nanoseconds; a longer one than fits is the longest that does.
pub(crate) fn whole_nanos(span: Duration) -> Nanos {
    Nanos::try_from(span.as_nanos()).unwrap_or(Nanos::MAX)
}

/// Permutes batches, if there is a seed; the same seed permutes the same way.
pub(crate) struct Shuffle(Cell<Option<u64>>);

impl Shuffle {
    /// Makes the generator, if there is a seed.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        // At zero the generator would stay at zero.
        Self(Cell::new(seed.map(|seed| seed | 1 << 63)))
    }

    /// Permutes a batch, if there is a seed.
    pub(crate) fn permute(&self, batch: &mut [u32]) {
        let Some(mut state) = self.0.get() else { return };
        for last in (1..batch.len()).rev() {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let random = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
            batch.swap(last, usize::try_from(random).unwrap_or(0) % (last + 1));
        }
        self.0.set(Some(state));
    }
}
