//! What is to be fetched, and what came of it: the same for every mode.
//!
//! **Invariants**
//! - `ORDER-1` All modes get the same links and the same limits, and tell what came in the same words; a link that
//!   fails, fails alone.
//! - `ORDER-2` A body is read to its end and summed up, and not kept.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::history::{Answer, History, Told, Trip};
use super::log::Log;
use super::mode::Mode;
use super::{asynchronous, sequential, threads};
use crate::web::client::{Options, Response};

/// What is to be fetched.
#[derive(Clone)]
pub struct Order {
    /// The addresses; one that is given twice is fetched twice.
    pub links: Arc<[String]>,
    /// How many may be fetched at once, by the modes that can; fewer, if there are not enough descriptors.
    pub concurrency: usize,
    /// Whether the server runs in this process, and takes as many descriptors again.
    pub serves_itself: bool,
    /// The limits on each.
    pub options: Options,
}

/// What came of it in one mode.
#[derive(Debug)]
pub struct Outcome {
    /// Which.
    pub mode: Mode,
    /// How long it took until the last link had come to its end.
    pub wall: Duration,
    /// The most links that were under way at a time.
    pub most_at_once: usize,
    /// What became of each link, in the links' order.
    pub trips: Vec<Trip>,
}

impl Outcome {
    /// Returns how long all the links took, added up: what one after another would have cost.
    pub fn added_up(&self) -> Duration {
        self.trips.iter().map(Trip::took).sum()
    }

    /// Returns how long the slowest link took: with all at once, nobody can be faster than that.
    pub fn slowest(&self) -> Duration {
        self.trips.iter().map(Trip::took).max().unwrap_or_default()
    }

    /// Returns how many links failed.
    pub fn failed(&self) -> usize {
        self.trips.iter().filter(|trip| trip.result.is_err()).count()
    }
}

impl Order {
    /// Fetches all links in one mode; `progress` is told how many are done.
    ///
    /// # Errors
    /// The log cannot be written, or there are no threads, or no descriptors for an event loop. A link that fails is
    /// no error (`ORDER-1`).
    ///
    /// # Panics
    /// It is called on an event loop, which it would hold.
    ///
    /// # Blocking
    /// Until the last link has come to its end.
    pub fn run(
        &self,
        mode: Mode,
        log: Log,
        progress: &mut dyn FnMut(usize),
    ) -> io::Result<Outcome> {
        let history = Arc::new(History::new(self.links.clone(), log));
        match mode {
            Mode::Sequential => sequential::fetch(self, &history, progress),
            Mode::Threads => threads::fetch(self, &history, progress)?,
            Mode::Async => asynchronous::fetch(self, &history, progress)?,
        }
        let Told { trips, most_under_way } = history.tell()?;
        // What follows on the last end is the closing of connections in store, which nobody waits for.
        let wall = trips.iter().map(|trip| trip.ended.at).max().unwrap_or_default();
        Ok(Outcome { mode, wall, most_at_once: most_under_way, trips })
    }

    /// How many descriptors a connection takes.
    pub(super) fn descriptors_each(&self) -> usize {
        1 + usize::from(self.serves_itself)
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("links", &self.links.len())
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

/// Sums up a response whose body had this digest.
pub(super) fn answer(response: &Response, body_digest: u64) -> Answer {
    Answer { status: response.status(), body_bytes: response.body_bytes, body_digest }
}
