//! The benchmark: every server in turn, alone, under the same load.
//!
//! **Invariants**
//! - `BENCH-1` One server runs at a time, and it has ended before the next one starts.
//! - `BENCH-2` With two processors or more, the server is pinned to the first and the client to the last, which are
//!   never two halves of one core. With one they share it, and the table says so.
//! - `BENCH-3` Rounds are interleaved (a b c, a b c), so a change on the machine meets all servers alike. The best
//!   round by requests per second counts, because a disturbance only ever slows; or the first one that was wrong.
//! - `BENCH-4` A server that fails gets a result that says so, and the others still run.
//! - `BENCH-5` Processor time is given only for a run of at least [`LEAST_SPAN`]. It is read before the first request
//!   and after the end of the last connection; in a shorter run the time around these two reads counts too much.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::calc::Op;
use crate::os::affinity::{allowed_cpus, pin_to_cpus};

use super::load::{End, Load, LoadProgress, LoadReport};
use super::server::{Server, ServerCommand};
use super::usage::Usage;

/// The shortest run whose processor time is given (`BENCH-5`): five ticks of the coarser account (`USAGE-2`).
const LEAST_SPAN: Duration = Duration::from_millis(50);

/// Which servers to measure, and with what load.
#[derive(Clone, Debug)]
pub struct Benchmark {
    /// The servers, in the table's order.
    pub servers: Vec<ServerCommand>,
    /// As [`Load::connections`].
    pub connections: usize,
    /// As [`Load::depth`].
    pub depth: usize,
    /// As [`Load::requests`].
    pub requests: u64,
    /// As [`Load::timeout`], for each server and round.
    pub timeout: Duration,
    /// How many times each server runs.
    pub rounds: usize,
}

/// What a benchmark reports while it runs.
#[derive(Clone, Copy, Debug)]
pub enum BenchmarkProgress<'a> {
    /// A server is about to be started, for the given round, counted from 0.
    Starts(&'a ServerCommand, usize),
    /// How many of its requests have been answered.
    Answered(&'a ServerCommand, u64),
}

/// What was measured of one server.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// What the client saw.
    pub load: LoadReport,
    /// The server's processor time while the clock ran.
    pub cpu: Duration,
    /// The most that the server had of each.
    pub most: Usage,
    /// Whether it ended when it was asked to.
    pub ended_well: bool,
}

impl Measurement {
    /// Returns the server's processor time for each answer, in microseconds; `None` after too short a run.
    pub fn cpu_micros(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "no load has 2^53 requests")]
        let answered = self.load.answered as f64;
        self.is_long_enough().then(|| self.cpu.as_secs_f64() * 1e6 / answered)
    }

    /// Returns the share of the time in which the server was running; 1 means that it was the limit. `None` after
    /// too short a run.
    pub fn busy(&self) -> Option<f64> {
        let seconds = self.load.elapsed.as_secs_f64();
        self.is_long_enough().then(|| self.cpu.as_secs_f64() / seconds)
    }

    /// Tells whether processor time can be given (`BENCH-5`). Without any answer the span is 0.
    pub(super) fn is_long_enough(&self) -> bool {
        self.load.elapsed >= LEAST_SPAN
    }
}

/// A server and its measurement, or why there is none.
#[derive(Clone, Debug)]
pub struct ServerResult {
    /// Which server.
    pub server: ServerCommand,
    /// What was measured.
    pub result: Result<Measurement, String>,
}

impl ServerResult {
    /// Tells whether it answered everything rightly, and ended when it was asked to.
    pub fn is_right(&self) -> bool {
        self.result.as_ref().is_ok_and(|measured| measured.load.is_right() && measured.ended_well)
    }
}

/// What a benchmark measured.
#[derive(Clone, Debug)]
pub struct BenchmarkReport {
    /// How many processors this program may use.
    pub cpus: usize,
    /// The server's processor and the client's, by number (`BENCH-2`).
    pub pinned: Option<(usize, usize)>,
    /// The servers that have run.
    pub results: Vec<ServerResult>,
    /// Whether it was stopped before all of them had run.
    pub is_stopped: bool,
}

impl BenchmarkReport {
    /// Returns the best requests per second.
    pub fn best(&self) -> f64 {
        let measured = self.results.iter().filter_map(|each| each.result.as_ref().ok());
        measured.map(|each| each.load.per_second()).fold(0.0, f64::max)
    }
}

impl Benchmark {
    /// Runs all servers, until the last or until `stop` is readable; reports progress to `watch`.
    ///
    /// # Errors
    /// The kernel does not say which processors there are. What goes wrong with a server is in its result.
    ///
    /// # Blocking
    /// At most the start, the time-out and the end of each server in each round.
    pub fn run(
        &self,
        stop: Option<BorrowedFd<'_>>,
        watch: &mut dyn FnMut(BenchmarkProgress<'_>),
    ) -> io::Result<BenchmarkReport> {
        let allowed = allowed_cpus()?;
        let pinned = match &*allowed {
            [first, .., last] => Some((*first, *last)),
            _ => None,
        };
        let mut runs: Vec<Vec<Result<Measurement, String>>> = vec![Vec::new(); self.servers.len()];
        let mut is_stopped = false;
        'rounds: for round in 0..self.rounds {
            for (server, runs) in self.servers.iter().zip(&mut runs) {
                watch(BenchmarkProgress::Starts(server, round));
                let run = self.run_one(server, pinned, stop, watch);
                // The next server inherits the processors of this thread, so the pinning is undone first.
                pin_to_cpus(&allowed)?;
                is_stopped = match &run {
                    Ok(measured) => measured.load.end == End::Stopped,
                    Err(error) => error.kind() == io::ErrorKind::Interrupted,
                };
                if is_stopped {
                    // Half a run says nothing; those before it do.
                    break 'rounds;
                }
                runs.push(run.map_err(|error| error.to_string()));
            }
        }
        let results = self.servers.iter().zip(runs).filter_map(|(server, runs)| {
            Some(ServerResult { server: server.clone(), result: choose(runs)? })
        });
        Ok(BenchmarkReport { cpus: allowed.len(), pinned, results: results.collect(), is_stopped })
    }

    /// Starts, measures and ends one server (`BENCH-1`).
    fn run_one(
        &self,
        command: &ServerCommand,
        pinned: Option<(usize, usize)>,
        stop: Option<BorrowedFd<'_>>,
        watch: &mut dyn FnMut(BenchmarkProgress<'_>),
    ) -> io::Result<Measurement> {
        if let Some((cpu, _)) = pinned {
            pin_to_cpus(&[cpu])?;
        }
        let server = Server::start(command, stop)?;
        // The server has inherited its processor; this thread moves to the other one.
        if let Some((_, cpu)) = pinned {
            pin_to_cpus(&[cpu])?;
        }
        let load = Load {
            address: server.address(),
            connections: self.connections,
            depth: self.depth,
            requests: self.requests,
            op: Op::Sum,
            timeout: self.timeout,
        };
        // Read on the client's thread, a few times a second: what that costs is the client's time.
        let (mut begin, mut most) = (Usage::default(), Usage::default());
        let load = load.run(stop, &mut |progress| {
            // A server that has ended has no usage; its clients will see that.
            let now = Usage::of(server.pid()).unwrap_or_default();
            most.keep_most(now);
            match progress {
                LoadProgress::Begins => begin = now,
                LoadProgress::Answered(count) => watch(BenchmarkProgress::Answered(command, count)),
            }
        })?;
        let end = Usage::of(server.pid()).unwrap_or_default();
        most.keep_most(end);
        let ended_well = if load.end == End::Stopped {
            // The drop kills it at once: a second ctrl-c ends this program immediately, so nothing may wait here.
            drop(server);
            true
        } else {
            server.end()?
        };
        Ok(Measurement { load, cpu: end.cpu_since(&begin), most, ended_well })
    }
}

/// Chooses the run that stands for all runs of a server (`BENCH-3`); `None` when there is none.
fn choose(runs: Vec<Result<Measurement, String>>) -> Option<Result<Measurement, String>> {
    let is_right = |measured: &Measurement| measured.load.is_right();
    if let Some(wrong) = runs.iter().find(|run| !run.as_ref().is_ok_and(is_right)) {
        return Some(wrong.clone());
    }
    let measured = runs.into_iter().flatten();
    measured.max_by(|a, b| a.load.per_second().total_cmp(&b.load.per_second())).map(Ok)
}
