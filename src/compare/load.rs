//! A closed-loop load: clients that ask, wait, check, and ask again.
//!
//! "Closed" means that nobody asks before the answer to the last question is there, so a slow server is asked
//! less. It measures how much a server can do, and what that costs; not how it fares under a demand that does
//! not care (an open loop).
//!
//! Each connection sends a fixed share and then closes, rather than all of them drawing from one pot: a server
//! that serves one client at a time comes to an end too, and its clients' waiting shows in the latencies.
//!
//! **Invariants**
//! - `LOAD-1` It ends: with all shares answered, or with the time-out, or with the stop, whatever the server
//!   does or does not.
//! - `LOAD-2` Every reply is compared, byte by byte. A connection with a wrong one is given up, since what
//!   follows cannot be told apart any more, and its failure names request, expected and got.
//! - `LOAD-3` The clock starts when all connections are open, or [`CONNECT_GRACE`] after the first attempt.
//! - `LOAD-4` A batch of [`Load::depth`] requests is one write, and if the server allows it one read; no
//!   memory is taken for it.
//!
//! **Left out**: an open loop; a warm-up (the first requests count as the others do); several threads.
//!
//! **Source**: the closed-loop mode of `wrk` and of redis-benchmark.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::aio::{Descriptor, timeout};
use crate::calc::Op;
use crate::rt::{EventLoop, spawn_named};

use super::conversation::converse;
use super::histogram::Histogram;
use super::script::{RING, Script};

/// The greatest depth: a batch of it is some kilobytes, which a socket's buffers hold, so that neither side
/// waits for the other to read. It is also as many exchanges as the script has in one slice (`SCRIPT-2`).
pub const MAX_DEPTH: usize = RING;

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

/// What to ask of whom.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server.
    pub address: SocketAddr,
    /// How many connections ask at once; fewer if there are fewer requests.
    pub connections: usize,
    /// How many requests a connection sends before it reads: 1 to [`MAX_DEPTH`].
    pub depth: usize,
    /// How many requests are sent in all.
    pub requests: u64,
    /// What the server does with the two numbers.
    pub op: Op,
    /// How long all of it may take (`LOAD-1`).
    pub timeout: Duration,
}

/// How a load came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every connection has sent its share, or failed.
    Done,
    /// The time was up.
    TimedOut,
    /// The stop was readable.
    Stopped,
}

/// What came of a load.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many requests there should have been.
    pub requests: u64,
    /// How many were answered, and rightly.
    pub answered: u64,
    /// From the start of the clock (`LOAD-3`) to the last right answer.
    pub elapsed: Duration,
    /// From the send to the answer. In a batch every request counts with the time of the whole batch.
    pub latency: Histogram,
    /// How many connections failed.
    pub failed: u64,
    /// The first failures, in words.
    pub failures: Vec<String>,
    /// How it ended.
    pub end: End,
}

impl Report {
    /// Tells whether every request was answered, and rightly.
    pub fn is_right(&self) -> bool {
        self.end == End::Done && self.failed == 0 && self.answered == self.requests
    }

    /// Returns the right answers per second.
    pub fn per_second(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "nobody sends 2^53 requests")]
        let answered = self.answered as f64;
        if seconds > 0.0 { answered / seconds } else { 0.0 }
    }
}

/// What a watcher of a load is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The connections are open and the clock starts (`LOAD-3`).
    Begins,
    /// So many requests have been answered by now; told every fifth of a second.
    Goes {
        /// The right answers so far.
        answered: u64,
    },
}

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

impl Load {
    /// Puts the load on the server, until it is done or `stop` is readable; tells `watch` how it goes.
    ///
    /// What the server does wrong is in the report, not an error.
    ///
    /// # Errors
    /// No event loop could be made, or the stop cannot be waited for.
    ///
    /// # Panics
    /// The depth is not from 1 to [`MAX_DEPTH`]; or an event loop runs on this thread already.
    ///
    /// # Blocking
    /// For at most [`Load::timeout`].
    pub fn run(
        &self,
        stop: Option<BorrowedFd<'_>>,
        watch: &mut dyn FnMut(Moment),
    ) -> io::Result<Report> {
        assert!((1..=MAX_DEPTH).contains(&self.depth), "the depth is from 1 to {MAX_DEPTH}");
        let run = Rc::new(Run::new(self.clone()));
        let end = EventLoop::new()?.block_on(run.drive(stop, watch))?;
        Ok(run.report(end))
    }

    /// How many connections there are: none of them without a request.
    fn used_connections(&self) -> usize {
        usize::try_from(self.requests).map_or(self.connections, |most| self.connections.min(most))
    }

    /// The requests of a connection: an equal share, and the first ones take what is left over.
    fn share(&self, number: usize) -> u64 {
        let (number, connections) = (number as u64, self.used_connections() as u64);
        self.requests / connections + u64::from(number < self.requests % connections)
    }
}

impl Run {
    /// Prepares a load.
    fn new(load: Load) -> Self {
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
    async fn drive(
        self: &Rc<Self>,
        stop: Option<BorrowedFd<'_>>,
        watch: &mut dyn FnMut(Moment),
    ) -> io::Result<End> {
        let deadline = Instant::now().checked_add(self.load.timeout);
        let stop = stop.map(Descriptor::new).transpose()?;
        let mut stopped = pin!(stopped(stop.as_ref()));
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
    fn report(&self, end: End) -> Report {
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
pub(super) async fn stopped(stop: Option<&Descriptor<BorrowedFd<'_>>>) -> io::Result<()> {
    match stop {
        Some(stop) => stop.readable().await,
        None => std::future::pending().await,
    }
}
