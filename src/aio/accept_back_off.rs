//! How long a server waits when it has no descriptor left for the next client.
//!
//! The client stays in the listener's backlog, and no event tells when a descriptor is free. A server that tries again
//! at once spins; one that waits for the next event waits forever. So it waits for a time that grows.
//!
//! **Source**: accept(2), "Error handling"; `CPython`'s `asyncio` waits a second (`ACCEPT_RETRY_DELAY`).

use std::io;
use std::time::Duration;

use super::sleep::sleep;
use crate::rt::context::report;

/// The first delay; each one is twice the one before. Clients hardly notice it.
const FIRST_DELAY: Duration = Duration::from_millis(10);

/// The longest delay: `CPython`'s.
const LONGEST_DELAY: Duration = Duration::from_secs(1);

/// The delays of one listener.
#[derive(Debug, Default)]
pub struct AcceptBackOff {
    /// The last delay; zero after a client was accepted.
    last: Duration,
}

impl AcceptBackOff {
    /// Begins again, after a client was accepted.
    pub fn reset(&mut self) {
        self.last = Duration::ZERO;
    }

    /// Returns how long to wait now. Calls `report` with a line to print, once a shortage.
    pub fn delay(&mut self, shortage: &io::Error, report: impl FnOnce(&str)) -> Duration {
        if self.last.is_zero() {
            report(&format!("accept: {shortage}; clients wait in the backlog"));
        }
        self.last = (self.last * 2).clamp(FIRST_DELAY, LONGEST_DELAY);
        self.last
    }

    /// Waits in a task, and reports to the loop's observer.
    pub(super) async fn wait(&mut self, shortage: &io::Error) {
        sleep(self.delay(shortage, report)).await;
    }
}
