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
#[derive(Debug)]
pub struct AcceptBackOff {
    /// The next delay.
    next: Duration,
}

impl AcceptBackOff {
    /// Begins with the first delay, of 10 ms.
    pub fn new() -> Self {
        Self { next: FIRST_DELAY }
    }

    /// Begins again, after a client was accepted.
    pub fn reset(&mut self) {
        self.next = FIRST_DELAY;
    }

    /// Returns how long to wait now. Calls `report` with a line to print, once a shortage.
    pub fn delay(&mut self, shortage: &io::Error, report: impl FnOnce(&str)) -> Duration {
        if self.next == FIRST_DELAY {
            report(&format!("accept: {shortage}; clients wait in the backlog"));
        }
        let delay = self.next;
        self.next = (delay * 2).min(LONGEST_DELAY);
        delay
    }

    /// Waits in a task, and reports to the loop's observer.
    pub(super) async fn wait(&mut self, shortage: &io::Error) {
        sleep(self.delay(shortage, report)).await;
    }
}

impl Default for AcceptBackOff {
    fn default() -> Self {
        Self::new()
    }
}
