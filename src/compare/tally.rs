//! What the connections of one load share: the script, a read buffer, the start signal, and the counts.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use crate::aio::Event;
use crate::calc::Op;

use super::histogram::Histogram;
use super::script::Script;

/// How many failures are kept in words. They are mostly alike.
const FAILURES_KEPT: usize = 5;

/// The size of a read. It is larger than the replies to the deepest batch, so a read is short, and a short read
/// needs no second one (`TCP-1`).
const READ_BYTES: usize = 64 * 1024;

/// The shared state. All of it lives on the loop's thread.
pub(super) struct Tally {
    /// The bytes to send and to expect.
    pub(super) script: Script,
    /// Where each read puts its bytes; borrowed during one poll only.
    pub(super) buffer: RefCell<Box<[u8]>>,
    /// Connections of which it is not known yet whether they open.
    opening: Cell<usize>,
    /// Set when `opening` is 0.
    pub(super) all_opened: Event,
    /// Set when the clock starts; no connection sends before.
    pub(super) begin: Event,
    /// Connections that have not ended.
    running: Cell<usize>,
    /// Set when `running` is 0.
    pub(super) all_ended: Event,
    /// When the last right answer came.
    pub(super) last_answer: Cell<Option<Instant>>,
    /// How many right answers came.
    pub(super) answered: Cell<u64>,
    /// How long they took.
    pub(super) latency: RefCell<Histogram>,
    /// How many connections failed.
    pub(super) failed: Cell<u64>,
    /// The first failures in words.
    pub(super) failures: RefCell<Vec<String>>,
}

impl Tally {
    /// Makes the state of a load with so many connections, at least one.
    pub(super) fn new(op: Op, connections: usize) -> Self {
        Self {
            script: Script::new(op),
            buffer: RefCell::new(vec![0; READ_BYTES].into()),
            opening: Cell::new(connections),
            all_opened: Event::new(),
            begin: Event::new(),
            running: Cell::new(connections),
            all_ended: Event::new(),
            last_answer: Cell::new(None),
            answered: Cell::new(0),
            latency: RefCell::default(),
            failed: Cell::new(0),
            failures: RefCell::default(),
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
        let count = count as u64;
        self.latency.borrow_mut().record(now - sent, count);
        self.answered.set(self.answered.get() + count);
        self.last_answer.set(Some(now));
    }

    /// Counts a connection that failed, and keeps the reason if it is one of the first.
    pub(super) fn fail(&self, reason: String) {
        self.failed.set(self.failed.get() + 1);
        let mut failures = self.failures.borrow_mut();
        if failures.len() < FAILURES_KEPT {
            failures.push(reason);
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
