//! The benchmark: every server in turn, alone, under the same load.
//!
//! **Invariants**
//! - `BENCH-1` One server runs at a time, and it has ended before the next one starts.
//! - `BENCH-2` On an idle machine with two processors or more, the server is pinned to the first and the client to the
//!   last, which are never two halves of one core. Beside other work nothing is pinned: a pinned server waits for its
//!   processor although another one is idle. Each run notes how much of the processors other programs had.
//! - `BENCH-3` Rounds are interleaved (a b c, a b c). The best by requests per second counts, or the first wrong one.
//! - `BENCH-4` A server that fails gets a result that says so, and the others still run.
//! - `BENCH-5` Processor time is given only for a run of at least [`LEAST_SPAN`].

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::os::affinity::{allowed_cpus, pin_to_cpus};
use crate::report::{OtherWork, OtherWorkProbe};

use super::load::Load;
use super::server::{Server, ServerCommand};
use super::tally::{End, LoadReport};
use super::usage::Usage;

/// The shortest run whose processor time is given (`BENCH-5`): five ticks of the coarser account (`USAGE-2`).
const LEAST_SPAN: Duration = Duration::from_millis(50);
/// How long the machine is watched before the first run (`BENCH-2`).
const FIRST_LOOK: Duration = Duration::from_millis(250);

/// Which servers to measure, and with what load.
#[derive(Clone, Debug)]
pub struct Benchmark {
    /// The servers, in the table's order.
    pub servers: Vec<ServerCommand>,
    /// The load for each server in each round; its address is not used.
    pub load: Load,
    /// How many times each server runs.
    pub rounds: usize,
    /// Whether server and client may be pinned (`BENCH-2`).
    pub may_pin: bool,
}

/// Hears which server runs, and how many of its requests have been answered: at its start, and a few times a second.
pub type Watch<'a> = &'a mut dyn FnMut(&ServerCommand, u64);

/// What was measured of one server.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// What the client saw.
    pub load: LoadReport,
    /// The server's processor time while the clock ran.
    pub cpu: Duration,
    /// The most that the server had of each.
    pub most: Usage,
    /// How much of the processors other programs had.
    pub others: OtherWork,
    /// Whether it ended when it was asked to.
    pub ended_well: bool,
}

impl Measurement {
    /// Returns the server's processor time for each answer, in microseconds; `None` after too short a run.
    pub fn cpu_micros(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "no load has 2^53 requests")]
        let answered = self.load.answered as f64;
        self.knows_cpu().then(|| self.cpu.as_secs_f64() * 1e6 / answered)
    }

    /// Returns the share of the time in which the server was running; 1 means that it was the limit.
    pub fn busy(&self) -> Option<f64> {
        let seconds = self.load.elapsed.as_secs_f64();
        self.knows_cpu().then(|| self.cpu.as_secs_f64() / seconds)
    }

    /// Tells whether processor time can be given: after a long run with answers (`BENCH-5`), and with /proc.
    pub(super) fn knows_cpu(&self) -> bool {
        self.load.elapsed >= LEAST_SPAN && self.load.answered > 0 && self.most.processes > 0
    }

    /// Tells whether other programs took so much that the answers per second are too few.
    pub fn is_disturbed(&self) -> bool {
        self.others.share().is_some() && !self.others.is_small()
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
    /// How much of the processors other programs had before the first run.
    pub others_before: OtherWork,
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
    pub fn run(
        &self,
        stop: Option<BorrowedFd<'_>>,
        watch: Watch<'_>,
    ) -> io::Result<BenchmarkReport> {
        let allowed = allowed_cpus()?;
        let others_before = OtherWork::during(FIRST_LOOK);
        let pinned = match &*allowed {
            [first, .., last] if self.may_pin && others_before.is_small() => Some((*first, *last)),
            _ => None,
        };
        let mut runs: Vec<Vec<Result<Measurement, String>>> = vec![Vec::new(); self.servers.len()];
        let mut is_stopped = false;
        'rounds: for _ in 0..self.rounds {
            for (server, runs) in self.servers.iter().zip(&mut runs) {
                watch(server, 0);
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
        let (cpus, results) = (allowed.len(), results.collect());
        Ok(BenchmarkReport { cpus, pinned, others_before, results, is_stopped })
    }

    /// Starts, measures and ends one server (`BENCH-1`).
    fn run_one(
        &self,
        command: &ServerCommand,
        pinned: Option<(usize, usize)>,
        stop: Option<BorrowedFd<'_>>,
        watch: Watch<'_>,
    ) -> io::Result<Measurement> {
        if let Some((cpu, _)) = pinned {
            pin_to_cpus(&[cpu])?;
        }
        let server = Server::start(command, stop)?;
        // The server has inherited its processor; this thread moves to the other one.
        if let Some((_, cpu)) = pinned {
            pin_to_cpus(&[cpu])?;
        }
        let load = Load { address: server.address(), ..self.load.clone() };
        // Read on the client's thread, a few times a second: what that costs is the client's time.
        let (mut begin, mut most) = (None, Usage::default());
        let others = OtherWorkProbe::start();
        let load = load.run(stop, &mut |answered| {
            // A server that has ended has no usage; its clients will see that.
            let now = Usage::of(server.pid()).unwrap_or_default();
            most.keep_most(now);
            begin.get_or_insert(now);
            watch(command, answered);
        })?;
        let end = Usage::of(server.pid()).unwrap_or_default();
        most.keep_most(end);
        let others = others.finish();
        let ended_well = if load.end == End::Stopped {
            // The drop kills it at once: a second ctrl-c ends this program immediately, so nothing may wait here.
            drop(server);
            true
        } else {
            server.end()?
        };
        Ok(Measurement {
            load,
            cpu: end.cpu_since(&begin.unwrap_or_default()),
            most,
            others,
            ended_well,
        })
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
