//! A closed-loop load: clients that send, wait, compare, and send again.
//!
//! "Closed" means that a client sends no request before the reply to its last one has come. The load measures how much a server can do and what that costs, not how it behaves when requests
//! come at a rate of their own (an open loop). Each connection sends a fixed share and closes, so a server that
//! serves one client at a time finishes too, and the waiting of its clients shows in the latencies.
//!
//! **Invariants**
//! - `LOAD-1` It ends, whatever the server does: with all shares answered, with the time-out, or with the stop.
//! - `LOAD-2` Every reply is compared, byte by byte. A connection with a wrong reply is closed, and its failure names
//!   request, expected and got.
//! - `LOAD-3` The clock starts when all connections are open, or half a second after the first attempt. All clients
//!   begin at that moment.
//! - `LOAD-4` A batch of [`Load::depth`] requests is one write and, if the server allows it, one read.
//!
//! **Source**: the closed-loop mode of `wrk` and of redis-benchmark.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::aio::{Descriptor, Either, race, timeout};
use crate::calc::Op;
use crate::report::{grouped, known, per_second, span};
use crate::rt::{EventLoop, spawn_named};

use super::client::Client;
use super::histogram::Histogram;
use super::script::RING;
use super::tally::Tally;

/// The greatest depth. A batch of it is some kilobytes, which the buffers of a socket hold, so neither side waits for
/// the other to read. It is also the longest slice of the script (`SCRIPT-2`).
pub const MAX_DEPTH: usize = RING;

/// How long the clock waits for connections that do not open (`LOAD-3`), such as those that a full backlog makes the
/// kernel try again after a second.
const CONNECT_GRACE: Duration = Duration::from_millis(500);

/// The time between two reports of progress.
const TICK: Duration = Duration::from_millis(200);

/// What to send to which server.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server.
    pub address: SocketAddr,
    /// How many connections there are at once; fewer if there are fewer requests.
    pub connections: usize,
    /// How many requests a connection sends before it reads: 1 to [`MAX_DEPTH`].
    pub depth: usize,
    /// How many requests are sent in all.
    pub requests: u64,
    /// What the server does with the two numbers.
    pub op: Op,
    /// How long the whole load may take (`LOAD-1`).
    pub timeout: Duration,
}

/// How a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every connection has sent its share, or failed.
    Done,
    /// The time was up.
    TimedOut,
    /// The stop descriptor was readable.
    Stopped,
}

/// What a load measured.
#[derive(Clone, Debug)]
pub struct LoadReport {
    /// How many requests there should have been.
    pub requests: u64,
    /// How many were answered rightly.
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
        let speed = per_second(self.per_second());
        let [answered, requests] = [self.answered, self.requests].map(grouped);
        let seconds = self.elapsed.as_secs_f64();
        writeln!(out, "requests/s  {speed}")?;
        writeln!(out, "answered    {answered} of {requests} in {seconds:.3} s")?;
        writeln!(out, "errors      {}", self.failed)?;
        for (name, rank) in [("p50", 500), ("p90", 900), ("p99", 990), ("p99.9", 999)] {
            writeln!(out, "{name:<12}{}", known(self.latency.per_mille(rank), span))?;
        }
        write!(out, "{:<12}{}", "max", known(self.latency.largest(), span))
    }
}

/// What a load reports while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadProgress {
    /// The connections are open and the clock starts (`LOAD-3`).
    Begins,
    /// How many requests have been answered so far; reported every fifth of a second.
    Answered(u64),
}

impl Load {
    /// Puts the load on the server, until it is done or `stop` is readable; reports progress to `watch`.
    ///
    /// # Errors
    /// No event loop can be made. What the server does wrong is in the report.
    ///
    /// # Panics
    /// The depth is not from 1 to [`MAX_DEPTH`]; or an event loop runs on this thread already.
    ///
    /// # Blocking
    /// For at most [`Load::timeout`].
    pub fn run(
        &self,
        stop: Option<BorrowedFd<'_>>,
        watch: &mut dyn FnMut(LoadProgress),
    ) -> io::Result<LoadReport> {
        assert!((1..=MAX_DEPTH).contains(&self.depth), "the depth is from 1 to {MAX_DEPTH}");
        let tally = Rc::new(Tally::new(self.op, self.used_connections()));
        // A watcher may take its time (reading /proc of sixty processes does), and that is no fault of a task.
        let event_loop = EventLoop::builder().slow_poll(None).build()?;
        let (began, end) = event_loop.block_on(self.drive(&tally, stop, watch))?;
        Ok(self.report(&tally, began, end))
    }

    /// Starts a task for each connection, starts the clock, and waits for the end.
    async fn drive(
        &self,
        tally: &Rc<Tally>,
        stop: Option<BorrowedFd<'_>>,
        watch: &mut dyn FnMut(LoadProgress),
    ) -> io::Result<(Instant, End)> {
        // A time-out beyond what the clock can count is none.
        let deadline = Instant::now().checked_add(self.timeout);
        let mut stop = stop.map(Descriptor::new).transpose()?;
        // Detached: each reports its end to the tally, and what is left is dropped with the loop.
        for number in 0..self.used_connections() {
            let (address, depth, share) = (self.address, self.depth, self.share(number));
            let client = Client { address, number, share, depth };
            drop(spawn_named(&format!("connection {number}"), client.run(tally.clone())));
        }
        // Connections that are not open by now begin late.
        let _ = timeout(CONNECT_GRACE, tally.all_opened.wait()).await;
        let began = Instant::now();
        tally.begin.set();
        watch(LoadProgress::Begins);
        loop {
            let left = deadline.map_or(TICK, |at| at.saturating_duration_since(Instant::now()));
            let stopped = async {
                match &mut stop {
                    Some(stop) => stop.readable().await,
                    None => std::future::pending().await,
                }
            };
            // When the stop and the end come in the same turn, the end wins: everything has been measured.
            match timeout(left.min(TICK), race(tally.all_ended.wait(), stopped)).await {
                Ok(Either::First(())) => return Ok((began, End::Done)),
                Ok(Either::Second(stopped)) => return stopped.map(|()| (began, End::Stopped)),
                Err(_) if left.is_zero() => return Ok((began, End::TimedOut)),
                Err(_) => watch(LoadProgress::Answered(tally.answered.get())),
            }
        }
    }

    /// Sums up.
    fn report(&self, tally: &Tally, began: Instant, end: End) -> LoadReport {
        let (requests, answered) = (self.requests, tally.answered.get());
        let mut failures = tally.failures.take();
        if end == End::TimedOut {
            let limit = self.timeout.as_secs_f64();
            failures.push(format!(
                "the time was up after {limit} s: {answered} of {requests} requests were answered"
            ));
        }
        LoadReport {
            requests,
            answered,
            elapsed: tally.last_answer.get().map_or(Duration::ZERO, |last| last - began),
            latency: tally.latency.take(),
            failed: tally.failed.get(),
            failures,
            end,
        }
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
