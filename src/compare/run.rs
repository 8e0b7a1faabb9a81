//! A load while it runs: its start, its end, and what its conversations share.
//!
//! All conversations begin at the same moment, so that the speed is that of all of them and not of the time it
//! takes to connect: they wait at a gate, which opens when the last has connected.
//!
//! **Invariants**
//! - `RUN-1` `opening` and `left` fall once for each connection, whatever becomes of it; so the gate and the end
//!   come, also when every one of them fails.
//! - `RUN-2` The gate opens once, before anything is sent, and is never shut again.
//! - `RUN-3` No borrow of the shared buffer or the histogram outlasts a poll.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::aio::{Descriptor, timeout};
use crate::rt::spawn_named;

use super::conversation::converse;
use super::histogram::Histogram;
use super::load::{End, Load, Moment, Report};
use super::script::Script;

/// How long the clock waits for connections that do not open (`LOAD-3`), such as the ones that a full backlog
/// has the kernel try again after a second. Taste: a thousand connections on a local network take a tenth.
const CONNECT_GRACE: Duration = Duration::from_millis(500);

/// The time between two reports of progress. Taste: a human sees it move, a server does not feel it.
const TICK: Duration = Duration::from_millis(200);

/// How many failures are told in words; they are mostly alike.
const FAILURES_TOLD: usize = 5;

/// One read's room. More than the replies to the deepest batch, so that a read is short and tells of the
/// socket's end by itself (`LOAD-4`, `TCP-1`).
pub(super) const READ_BYTES: usize = 64 * 1024;

/// What the conversations of one load share.
pub(super) struct Run {
    /// What is asked.
    pub(super) load: Load,
    /// The bytes of it.
    pub(super) script: Script,
    /// Where each read puts its bytes; borrowed during one poll only.
    pub(super) buffer: RefCell<Box<[u8]>>,
    /// Connections of which nobody knows yet whether they open; the gate waits for them.
    opening: Cell<usize>,
    /// Connections that are not at their end.
    left: Cell<usize>,
    /// When the clock started; `None` keeps the gate shut.
    began: Cell<Option<Instant>>,
    /// Conversations that wait at the gate.
    at_gate: RefCell<Vec<Waker>>,
    /// The main task, waiting for `opening` or `left` to become nought.
    main: RefCell<Option<Waker>>,
    /// When the last right answer came.
    last_answer: Cell<Option<Instant>>,
    /// How many right answers came.
    answered: Cell<u64>,
    /// How long they took.
    latency: RefCell<Histogram>,
    /// How many connections failed.
    failed: Cell<u64>,
    /// The first failures (`FAILURES_TOLD`).
    failures: RefCell<Vec<String>>,
}

impl Run {
    /// Prepares a load.
    pub(super) fn new(load: Load) -> Self {
        let connections = load.used_connections();
        Self {
            script: Script::new(load.op),
            load,
            buffer: RefCell::new(vec![0; READ_BYTES].into()),
            opening: Cell::new(connections),
            left: Cell::new(connections),
            began: Cell::new(None),
            at_gate: RefCell::default(),
            main: RefCell::default(),
            last_answer: Cell::new(None),
            answered: Cell::new(0),
            latency: RefCell::default(),
            failed: Cell::new(0),
            failures: RefCell::default(),
        }
    }

    /// Starts a task for each connection, opens the gate, and waits for the end.
    pub(super) async fn drive(
        self: &Rc<Self>,
        stop: Option<BorrowedFd<'_>>,
        watch: &mut dyn FnMut(Moment),
    ) -> io::Result<End> {
        // A time-out beyond what the clock can count is none.
        let deadline = Instant::now().checked_add(self.load.timeout);
        let mut stop = stop.map(Descriptor::new).transpose()?;
        let mut stopped = pin!(stopped(stop.as_mut()));
        // Detached: they tell of their end by `left`, and when this one returns they are dropped (END-1).
        for number in 0..self.left.get() {
            let share = self.load.share(number);
            drop(spawn_named(
                &format!("connection {number}"),
                converse(self.clone(), number, share),
            ));
        }
        // Elapsed or not: those that are not open by now begin late.
        let _ = timeout(CONNECT_GRACE, poll_fn(|cx| self.poll_nought(&self.opening, cx))).await;
        self.open_gate();
        watch(Moment::Begins);
        loop {
            let left = deadline.map_or(TICK, |at| at.saturating_duration_since(Instant::now()));
            let end = timeout(
                left.min(TICK),
                poll_fn(|cx| {
                    if self.poll_nought(&self.left, cx).is_ready() {
                        return Poll::Ready(Ok(End::Done));
                    }
                    stopped.as_mut().poll(cx).map_ok(|()| End::Stopped)
                }),
            );
            match end.await {
                // A stop and the end in the same turn: the end wins, for all has been measured.
                Ok(end) => return end,
                Err(_) if left.is_zero() => return Ok(End::TimedOut),
                Err(_) => watch(Moment::Goes { answered: self.answered.get() }),
            }
        }
    }

    /// Waits until `count` is nought. Only the main task may, for there is one waker.
    fn poll_nought(&self, count: &Cell<usize>, cx: &mut Context<'_>) -> Poll<()> {
        if count.get() == 0 {
            return Poll::Ready(());
        }
        drop(self.main.replace(Some(cx.waker().clone())));
        Poll::Pending
    }

    /// Counts one down, and wakes the main task when that was the last.
    fn count_down(&self, count: &Cell<usize>) {
        count.set(count.get() - 1);
        if count.get() == 0
            && let Some(main) = self.main.take()
        {
            main.wake();
        }
    }

    /// Takes note that a connection is open, or will not be.
    pub(super) fn settled(&self) {
        self.count_down(&self.opening);
    }

    /// Takes note that a connection is at its end.
    pub(super) fn ended(&self) {
        self.count_down(&self.left);
    }

    /// Starts the clock and lets everybody through (`LOAD-3`).
    fn open_gate(&self) {
        self.began.set(Some(Instant::now()));
        // Taken out first: whoever wakes may come back to the gate.
        for waker in self.at_gate.take() {
            waker.wake();
        }
    }

    /// Waits for the gate to be open.
    pub(super) fn poll_gate(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.began.get().is_some() {
            return Poll::Ready(());
        }
        self.at_gate.borrow_mut().push(cx.waker().clone());
        Poll::Pending
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
        if failures.len() < FAILURES_TOLD {
            failures.push(reason);
        }
    }

    /// Sums up.
    pub(super) fn report(&self, end: End) -> Report {
        let (requests, answered) = (self.load.requests, self.answered.get());
        if end == End::TimedOut {
            let limit = self.load.timeout.as_secs_f64();
            self.failures.borrow_mut().push(format!(
                "the time was up after {limit} s: {answered} of {requests} requests were answered"
            ));
        }
        let (began, last) = (self.began.get(), self.last_answer.get());
        Report {
            requests,
            answered,
            elapsed: began.zip(last).map_or(Duration::ZERO, |(began, last)| last - began),
            latency: self.latency.take(),
            failed: self.failed.get(),
            failures: self.failures.take(),
            end,
        }
    }
}

/// Waits for the stop, for ever when there is none.
pub(super) async fn stopped(stop: Option<&mut Descriptor<BorrowedFd<'_>>>) -> io::Result<()> {
    match stop {
        Some(stop) => stop.readable().await,
        None => std::future::pending().await,
    }
}
