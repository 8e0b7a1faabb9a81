//! The end of a conversation that the server ends: how long it goes on reading.
//!
//! Problem: a socket that is closed with bytes unread resets the connection, and so do bytes that come after the
//! close. A reset may destroy replies that the client has not read yet. So every model shuts down its sending side
//! first, and then reads on into nothing until the client closes too. But a client need not close, ever.
//!
//! **Invariants**
//! - `FAREWELL-1` a client that is silent for [`LINGER`] after our goodbye has been waited for long enough.
//! - `FAREWELL-2` one that goes on sending is read from for the grace at most, though no shorter than [`LINGER`]: a
//!   grace of nothing is for the stop, and who said `close` is seen off all the same.
//!
//! **Left out**: asking the kernel whether the client has acknowledged our end (`TCP_INFO`): it may have, and still
//! not have read it.
//!
//! **Source**: RFC 1122, 4.2.2.13 (reset on early close).

use std::time::{Duration, Instant};

/// How long a client that we have said goodbye to may be silent before we close; and how long the rest of an open
/// message is waited for at the stop. Taste: some round trips.
pub(super) const LINGER: Duration = Duration::from_millis(500);

/// Returns how long a farewell may take in all (`FAREWELL-2`).
pub(super) fn longest(grace: Duration) -> Duration {
    grace.max(LINGER)
}

/// A farewell under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Farewell {
    /// When silence has lasted long enough; moves on with every input (`FAREWELL-1`).
    silent_until: Instant,
    /// When it ends, whatever the client does (`FAREWELL-2`).
    until: Instant,
}

impl Farewell {
    /// Begins one, now that the sending side has been shut down.
    pub(super) fn begin(grace: Duration) -> Self {
        let now = Instant::now();
        let silent_until = now + LINGER;
        // A grace too long for the clock is cut down to the least.
        let until = now.checked_add(longest(grace)).unwrap_or(silent_until);
        Self { silent_until, until }
    }

    /// Takes note that the client has sent something.
    pub(super) fn heard(&mut self) {
        self.silent_until = Instant::now() + LINGER;
    }

    /// Returns when patience with the client ends, if it says nothing more.
    pub(super) fn deadline(&self) -> Instant {
        self.silent_until.min(self.until)
    }
}
