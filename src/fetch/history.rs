//! What happened to each link, and when: written down as it happens, in the log and in memory.
//!
//! The three modes differ in one thing only, the order of starts and ends. So each of them tells it here, in the same
//! two calls, and what is compared afterwards does not depend on who waited how.
//!
//! **Invariants**
//! - `HISTORY-1` Each link starts once and ends once, by an answer or a failure; so it has two lines in the log, also
//!   one that was refused before a byte was sent. The same address given twice is two links.
//! - `HISTORY-2` Events have places, from 1 on without a gap, and the order of places is that of the log's lines.
//!
//! **Left out**: giving up when a line cannot be written. The rest is fetched, and the run then tells of the first
//! line that is missing.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::log::Log;
use crate::http::Status;
use crate::web::client::Failure;

/// What became of one link.
#[derive(Debug)]
pub struct Trip {
    /// When it was asked for.
    pub started: Moment,
    /// When that had come to an end.
    pub ended: Moment,
    /// The answer, or why there is none.
    pub result: Result<Answer, Failure>,
}

impl Trip {
    /// Returns how long it took.
    pub fn took(&self) -> Duration {
        self.ended.at.saturating_sub(self.started.at)
    }
}

/// An event's place among all events of a run, and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The place, counted from 1 (`HISTORY-2`).
    pub place: usize,
    /// Since the run began.
    pub at: Duration,
}

/// A complete response, without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The final status, after redirects.
    pub status: Status,
    /// How long the body was.
    pub body_bytes: u64,
    /// Its checksum: the same in two modes when the bodies are.
    pub body_digest: u64,
}

/// The history of one run; shared by all who fetch.
#[derive(Debug)]
pub(super) struct History {
    /// The links, as they were given.
    links: Arc<[String]>,
    /// Where each event has its line.
    log: Log,
    /// When the run began.
    began: Instant,
    /// What has happened so far. No statement under the lock leaves it half changed.
    state: Mutex<State>,
}

/// What has happened so far.
#[derive(Debug, Default)]
struct State {
    /// How many events there were.
    events: usize,
    /// Of each link, when it started.
    starts: Vec<Option<Moment>>,
    /// Of each link, its end and what it was.
    ends: Vec<Option<(Moment, Result<Answer, Failure>)>>,
    /// Links that have started and not ended.
    under_way: usize,
    /// The most there ever were.
    most_under_way: usize,
    /// The first failure of a write to the log.
    untold: Option<io::Error>,
}

/// A history to its end.
#[derive(Debug)]
pub(super) struct Told {
    /// What became of each link, in the links' order.
    pub(super) trips: Vec<Trip>,
    /// The most links that were under way at a time.
    pub(super) most_under_way: usize,
}

impl History {
    /// Begins.
    pub(super) fn new(links: Arc<[String]>, log: Log) -> Self {
        let state = State {
            starts: vec![None; links.len()],
            ends: links.iter().map(|_| None).collect(),
            ..State::default()
        };
        Self { links, log, began: Instant::now(), state: Mutex::new(state) }
    }

    /// Returns the links.
    pub(super) fn links(&self) -> &[String] {
        &self.links
    }

    /// A link is asked for now.
    pub(super) fn start(&self, number: usize) {
        let mut state = self.lock();
        state.starts[number] = Some(self.next(&mut state));
        state.under_way += 1;
        state.most_under_way = state.most_under_way.max(state.under_way);
        // Under the lock: HISTORY-2.
        let told = self.log.started(&self.links[number]);
        state.note(told);
    }

    /// That has come to an end.
    pub(super) fn end(&self, number: usize, result: Result<Answer, Failure>) {
        let mut state = self.lock();
        let moment = self.next(&mut state);
        state.under_way -= 1;
        let link = &self.links[number];
        let told = match &result {
            Ok(answer) => self.log.received(link, answer.status),
            Err(failure) => self.log.failed(link, &failure.fault),
        };
        state.note(told);
        state.ends[number] = Some((moment, result));
    }

    /// The moment of an event that happens now.
    fn next(&self, state: &mut State) -> Moment {
        state.events += 1;
        Moment { place: state.events, at: self.began.elapsed() }
    }

    /// Locks what has happened.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it, after every link has.
    ///
    /// # Errors
    /// A line could not be written to the log.
    pub(super) fn tell(&self) -> io::Result<Told> {
        let state = mem::take(&mut *self.lock());
        if let Some(error) = state.untold {
            return Err(error);
        }
        let trips = state.starts.into_iter().zip(state.ends).map(|(started, ended)| {
            let (ended, result) = ended?;
            Some(Trip { started: started?, ended, result })
        });
        let trips: Option<Vec<_>> = trips.collect();
        let trips = trips.expect("holds because every link has started and ended (HISTORY-1)");
        Ok(Told { trips, most_under_way: state.most_under_way })
    }
}

impl State {
    /// Keeps the first failure of a write.
    fn note(&mut self, told: io::Result<()>) {
        if let Err(error) = told
            && self.untold.is_none()
        {
            self.untold = Some(error);
        }
    }
}
