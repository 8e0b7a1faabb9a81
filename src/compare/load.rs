//! A closed-loop load: clients that send, wait, compare, and send again.
//!
//! The load measures how much a server can do, not how it behaves when requests come at a rate of their own (an open
//! loop). Each connection sends a fixed share and closes, so a server that serves one client at a time finishes too.
//!
//! **Invariants**
//! - `LOAD-1` It ends, whatever the server does: with all shares answered, with the time-out, or with the stop.
//! - `LOAD-2` Every reply is compared, byte by byte. A connection with a wrong reply is closed, and its failure names
//!   request, expected and got.
//! - `LOAD-3` The clock starts when all connections are open, or half a second after the first attempt. All clients
//!   begin at that moment.
//! - `LOAD-4` A batch of [`Load::depth`] requests is one write and, if the server allows it, one read.
//! - `LOAD-5` A server that hangs does not look fast: time counts to the end of the load, not to the last answer, and
//!   requests that wait at the end are counted, and are in the latencies with the time that they have waited.

use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::aio::{Descriptor, Either, race, timeout};
use crate::calc::Op;
use crate::rt::{EventLoop, spawn_named};

use super::client::Client;
use super::script::RING;
use super::tally::{End, LoadReport, Tally};

/// The greatest depth. The buffers of a socket hold a batch of it. It is also the longest slice of the script.
pub const MAX_DEPTH: usize = RING;

/// How long the clock waits for connections that do not open (`LOAD-3`).
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

impl Load {
    /// Puts the load on the server, until it is done or `stop` is readable. Calls `watch` with how many requests have been
    /// answered: with 0 when the clock starts (`LOAD-3`), and then every fifth of a second.
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
        watch: &mut dyn FnMut(u64),
    ) -> io::Result<LoadReport> {
        assert!((1..=MAX_DEPTH).contains(&self.depth), "the depth is from 1 to {MAX_DEPTH}");
        let report = LoadReport { requests: self.requests, ..LoadReport::default() };
        let tally = Rc::new(Tally::new(self.op, self.used_connections(), report));
        // A watcher may take its time (reading /proc of sixty processes does), and that is no fault of a task.
        let event_loop = EventLoop::builder().slow_poll(None).build()?;
        let (elapsed, end) = event_loop.block_on(self.drive(&tally, stop, watch))?;
        // The loop has dropped every client, which has counted what it waited for.
        let mut report = LoadReport { elapsed, end, ..tally.report.take() };
        if end == End::TimedOut {
            let (limit, unopened) = (self.timeout.as_secs_f64(), tally.opening.get());
            let LoadReport { answered, requests, waiting, .. } = &report;
            report.failures.push(format!(
                "the time was up after {limit} s: {answered} of {requests} requests were answered, {waiting} waited, \
                 {unopened} connections did not open"
            ));
        }
        Ok(report)
    }

    /// Starts a task for each connection and the clock, and waits for the end. Returns how long it ran, and its end.
    async fn drive(
        &self,
        tally: &Rc<Tally>,
        stop: Option<BorrowedFd<'_>>,
        watch: &mut dyn FnMut(u64),
    ) -> io::Result<(Duration, End)> {
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
        watch(0);
        let end = loop {
            let left = deadline.map_or(TICK, |at| at.saturating_duration_since(Instant::now()));
            let stopped = async {
                match &mut stop {
                    Some(stop) => stop.readable().await,
                    None => std::future::pending().await,
                }
            };
            // When the stop and the end come in the same turn, the end wins: everything has been measured.
            match timeout(left.min(TICK), race(tally.all_ended.wait(), stopped)).await {
                Ok(Either::First(())) => break End::Done,
                Ok(Either::Second(stopped)) => break stopped.map(|()| End::Stopped)?,
                Err(_) if left.is_zero() => break End::TimedOut,
                Err(_) => watch(tally.report.borrow().answered),
            }
        };
        Ok((began.elapsed(), end))
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
