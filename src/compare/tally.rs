//! What a load measures, and what its connections share: the script, a read buffer, the start signal, the counts.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::time::{Duration, Instant};

use crate::aio::Event;
use crate::calc::Op;

use super::histogram::Histogram;
use super::script::Script;
use crate::report::{grouped, known, per_second, span};

/// How many failures are kept in words. They are mostly alike.
const FAILURES_KEPT: usize = 5;

/// The size of a read: larger than the replies to the deepest batch, so that no second read is needed (`TCP-1`).
const READ_BYTES: usize = 64 * 1024;

/// How a load ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// Every connection has sent its share, or failed.
    #[default]
    Done,
    /// The time was up.
    TimedOut,
    /// The stop descriptor was readable.
    Stopped,
}

/// What a load measured.
#[derive(Clone, Debug, Default)]
pub struct LoadReport {
    /// How many requests there should have been.
    pub requests: u64,
    /// How many were answered rightly.
    pub answered: u64,
    /// How many had no reply when the load ended (`LOAD-5`).
    pub waiting: u64,
    /// From the start of the clock (`LOAD-3`) to the end of the load.
    pub elapsed: Duration,
    /// From the send to the answer, or to the end (`LOAD-5`). In a batch every request counts with the time of the
    /// whole batch.
    pub latency: Histogram,
    /// How many connections failed.
    pub failed: u64,
    /// The first failures, in words.
    pub failures: Vec<String>,
    /// How it ended.
    pub end: End,
}

impl LoadReport {
    /// Tells whether every request was answered rightly.
    pub fn is_right(&self) -> bool {
        self.end == End::Done && self.failed == 0 && self.answered == self.requests
    }

    /// Returns the right answers per second.
    pub fn per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "no load has 2^53 requests")]
        let answered = self.answered as f64;
        if seconds > 0.0 { answered / seconds } else { 0.0 }
    }
}

impl fmt::Display for LoadReport {
    /// Writes the report as lines.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [answered, requests, waiting] =
            [self.answered, self.requests, self.waiting].map(grouped);
        let seconds = self.elapsed.as_secs_f64();
        writeln!(out, "requests/s  {}", per_second(self.per_second()))?;
        writeln!(out, "answered    {answered} of {requests} in {seconds:.3} s")?;
        writeln!(out, "waiting     {waiting}")?;
        writeln!(out, "errors      {}", self.failed)?;
        for (name, rank) in [("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999)] {
            writeln!(out, "{name:<12}{}", known(self.latency.per_mille(rank), span))?;
        }
        write!(out, "{:<12}{}", "max", known(self.latency.largest(), span))
    }
}

/// The shared state. All of it lives on the loop's thread.
pub(super) struct Tally {
    /// The bytes to send and to expect.
    pub(super) script: Script,
    /// Where each read puts its bytes; borrowed during one poll only.
    pub(super) buffer: RefCell<Box<[u8]>>,
    /// Connections of which it is not known yet whether they open.
    pub(super) opening: Cell<usize>,
    /// Set when `opening` is 0.
    pub(super) all_opened: Event,
    /// Set when the clock starts; no connection sends before.
    pub(super) begin: Event,
    /// Connections that have not ended.
    running: Cell<usize>,
    /// Set when `running` is 0.
    pub(super) all_ended: Event,
    /// What was measured so far.
    pub(super) report: RefCell<LoadReport>,
}

impl Tally {
    /// Makes the state of a load with so many connections, at least one.
    pub(super) fn new(op: Op, connections: usize, report: LoadReport) -> Self {
        Self {
            script: Script::new(op),
            buffer: RefCell::new(vec![0; READ_BYTES].into()),
            opening: Cell::new(connections),
            all_opened: Event::new(),
            begin: Event::new(),
            running: Cell::new(connections),
            all_ended: Event::new(),
            report: RefCell::new(report),
        }
    }

    /// Counts a connection that has opened or failed to.
    pub(super) fn opened(&self) {
        count_down(&self.opening, &self.all_opened);
    }

    /// Counts a connection that has ended.
    pub(super) fn ended(&self) {
        count_down(&self.running, &self.all_ended);
    }

    /// Counts the answers of a batch that was sent at `sent` and was complete at `now`.
    pub(super) fn record(&self, sent: Instant, now: Instant, count: usize) {
        let report = &mut *self.report.borrow_mut();
        report.latency.record(now - sent, count as u64);
        report.answered += count as u64;
    }

    /// Counts requests that were sent at `sent` and had no reply at the end of the load.
    pub(super) fn wait_in_vain(&self, sent: Instant, count: usize) {
        if count > 0 {
            let report = &mut *self.report.borrow_mut();
            report.latency.record(sent.elapsed(), count as u64);
            report.waiting += count as u64;
        }
    }

    /// Counts a connection that failed, and keeps the reason if it is one of the first.
    pub(super) fn fail(&self, reason: String) {
        let report = &mut *self.report.borrow_mut();
        report.failed += 1;
        if report.failures.len() < FAILURES_KEPT {
            report.failures.push(reason);
        }
    }
}

/// Counts one down, and sets the event when that was the last.
fn count_down(count: &Cell<usize>, last: &Event) {
    count.set(count.get() - 1);
    if count.get() == 0 {
        last.set();
    }
}
