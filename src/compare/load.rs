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
//! - `LOAD-3` The clock starts when all connections are open, or half a second after the first attempt (`run`).
//! - `LOAD-4` A batch of [`Load::depth`] requests is one write, and if the server allows it one read; no
//!   memory is taken for it.
//!
//! **Left out**: an open loop; a warm-up (the first requests count as the others do); several threads.
//!
//! **Source**: the closed-loop mode of `wrk` and of redis-benchmark.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use crate::calc::Op;
use crate::report::{grouped, known, per_second, span};
use crate::rt::EventLoop;

use super::histogram::Histogram;
use super::run::Run;
use super::script::RING;

/// The greatest depth: a batch of it is some kilobytes, which a socket's buffers hold, so that neither side
/// waits for the other to read. It is also as many exchanges as the script has in one slice (`SCRIPT-2`).
pub const MAX_DEPTH: usize = RING;

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

impl fmt::Display for Report {
    /// Writes the report as lines for a human.
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
        // A watcher may take its time (a look at sixty processes does), and that is no fault to be reported.
        let event_loop = EventLoop::builder().slow_poll(None).build()?;
        let end = event_loop.block_on(run.drive(stop, watch))?;
        Ok(run.report(end))
    }

    /// How many connections there are: none of them without a request.
    pub(super) fn used_connections(&self) -> usize {
        usize::try_from(self.requests).map_or(self.connections, |most| self.connections.min(most))
    }

    /// The requests of a connection: an equal share, and the first ones take what is left over.
    pub(super) fn share(&self, number: usize) -> u64 {
        let (number, connections) = (number as u64, self.used_connections() as u64);
        self.requests / connections + u64::from(number < self.requests % connections)
    }
}
