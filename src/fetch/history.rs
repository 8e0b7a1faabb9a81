//! What happened to each link and when, recorded in the log and in memory.
//!
//! **Invariants**
//! - `HISTORY-1` Each link starts once and ends once, with a response or a failure, and has two lines in the log; also
//!   if it fails before a byte is sent.
//! - `HISTORY-2` Events are numbered from 1 without gaps, in the order of the log's lines.

use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::log::Log;
use super::plan::Mode;
use crate::http::Status;
use crate::web::client::Failure;

/// What happened to one link.
#[derive(Debug)]
pub struct LinkFetch {
    /// When it was requested.
    pub started: EventTime,
    /// When the response was complete, or the request had failed.
    pub ended: EventTime,
    /// The response, or why there is none.
    pub result: Result<ResponseSummary, Failure>,
}

impl LinkFetch {
    /// Returns how long it took.
    pub fn took(&self) -> Duration {
        self.ended.at.saturating_sub(self.started.at)
    }
}

/// The number and the time of an event of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// The number, counted from 1 (`HISTORY-2`).
    pub place: usize,
    /// The time since the run began.
    pub at: Duration,
}

/// A complete response, without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseSummary {
    /// The final status, after redirects.
    pub status: Status,
    /// The length of the body.
    pub body_bytes: u64,
    /// The checksum of the body; equal in two modes if the bodies are.
    pub body_digest: u64,
}

/// The outcome of a plan in one mode.
#[derive(Debug)]
pub struct FetchOutcome {
    /// The mode.
    pub mode: Mode,
    /// The time until the last link had ended.
    pub wall: Duration,
    /// The most links that were under way at the same time.
    pub most_at_once: usize,
    /// What happened to each link, in the order of the plan.
    pub fetches: Vec<LinkFetch>,
    /// Why the log is not complete, if it is not.
    pub log_error: Option<io::Error>,
}

impl FetchOutcome {
    /// Returns the sum of all links' times: what fetching one after another would have taken.
    pub fn added_up(&self) -> Duration {
        self.fetches.iter().map(LinkFetch::took).sum()
    }

    /// Returns the time of the slowest link, which no mode can beat.
    pub fn slowest(&self) -> Duration {
        self.fetches.iter().map(LinkFetch::took).max().unwrap_or_default()
    }

    /// Returns how many links failed.
    pub fn failed(&self) -> usize {
        self.fetches.iter().filter(|fetch| fetch.result.is_err()).count()
    }
}

/// The history of one run, shared by the threads that fetch.
#[derive(Debug)]
pub(super) struct History {
    /// The links of the plan.
    links: Arc<[String]>,
    /// Gets a line for each event.
    log: Log,
    /// When the run began.
    began: Instant,
    /// The events so far.
    record: Mutex<EventRecord>,
}

/// The events so far.
#[derive(Debug, Default)]
struct EventRecord {
    /// How many there were.
    events: usize,
    /// The start of each link.
    starts: Vec<Option<EventTime>>,
    /// The end of each link, with its result.
    ends: Vec<Option<(EventTime, Result<ResponseSummary, Failure>)>>,
    /// Links that have started and not ended.
    under_way: usize,
    /// The largest value of `under_way`.
    most_under_way: usize,
    /// The first error of the log.
    log_error: Option<io::Error>,
}

impl History {
    /// Begins a run.
    pub(super) fn new(links: Arc<[String]>, log: Log) -> Self {
        let record = EventRecord {
            starts: vec![None; links.len()],
            ends: links.iter().map(|_| None).collect(),
            ..EventRecord::default()
        };
        Self { links, log, began: Instant::now(), record: Mutex::new(record) }
    }

    /// Records that a link is requested now.
    pub(super) fn start(&self, number: usize) {
        let mut record = self.lock();
        record.starts[number] = Some(self.next_event(&mut record));
        record.under_way += 1;
        record.most_under_way = record.most_under_way.max(record.under_way);
        // Written under the lock: HISTORY-2.
        let written = self.log.started(&self.links[number]);
        record.log_error = record.log_error.take().or(written.err());
    }

    /// Records that a link has ended now.
    pub(super) fn end(&self, number: usize, result: Result<ResponseSummary, Failure>) {
        let mut record = self.lock();
        let time = self.next_event(&mut record);
        record.under_way -= 1;
        let link = &self.links[number];
        let written = match &result {
            Ok(response) => self.log.received(link, response.status),
            Err(failure) => self.log.failed(link, &failure.fault),
        };
        record.log_error = record.log_error.take().or(written.err());
        record.ends[number] = Some((time, result));
    }

    /// Numbers an event that happens now.
    fn next_event(&self, record: &mut EventRecord) -> EventTime {
        record.events += 1;
        EventTime { place: record.events, at: self.began.elapsed() }
    }

    /// Locks the record. A panic under the lock leaves a whole record.
    fn lock(&self) -> MutexGuard<'_, EventRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the outcome, after every link has ended.
    pub(super) fn finish(&self, mode: Mode) -> FetchOutcome {
        let record = mem::take(&mut *self.lock());
        let fetches = record.starts.into_iter().zip(record.ends).map(|(started, ended)| {
            let (ended, result) = ended?;
            Some(LinkFetch { started: started?, ended, result })
        });
        let fetches: Option<Vec<_>> = fetches.collect();
        let fetches = fetches.expect("holds because every link has started and ended (HISTORY-1)");
        // Closing idle connections after the last end is not part of the time.
        let wall = fetches.iter().map(|fetch| fetch.ended.at).max().unwrap_or_default();
        let (most_at_once, log_error) = (record.most_under_way, record.log_error);
        FetchOutcome { mode, wall, most_at_once, fetches, log_error }
    }
}
