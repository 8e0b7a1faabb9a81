//! The contest: every entrant in turn, alone, under the same load.
//!
//! **Invariants**
//! - `CONTEST-1` One server runs at a time, and it is gone before the next one starts.
//! - `CONTEST-2` With two processors or more, the server has one to itself and the client another: the first and
//!   the last, which are never two halves of one core. With one they share it, and the table says so.
//! - `CONTEST-3` Rounds are interleaved (a b c, a b c): what changes on the machine meanwhile hits all alike.
//!   An entrant's row is its best round by requests per second, since a disturbance only ever slows; or the
//!   first one in which it was wrong.
//! - `CONTEST-4` Whoever fails gets a row that says so, and the others still run.
//! - `CONTEST-5` Processor time is told only of a run that lasted [`LEAST_SPAN`]. We look before the first request and
//!   after the last connection's end; beside a shorter run, what lies between those and the clock's two ends
//!   counts for too much, and the server would seem to be busy for longer than there was time.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::calc::Op;
use crate::os::affinity::{allowed_cpus, pin_to_cpus};

use super::load::{End, Load, Moment, Report};
use super::server::{Entrant, Server};
use super::usage::Usage;

/// The shortest run whose processor time means anything (`CONTEST-5`): five ticks of the coarser account (`USAGE-2`).
const LEAST_SPAN: Duration = Duration::from_millis(50);

/// Who takes part, and in what.
#[derive(Clone, Debug)]
pub struct Contest {
    /// The servers, in the table's order.
    pub entrants: Vec<Entrant>,
    /// As [`Load::connections`].
    pub connections: usize,
    /// As [`Load::depth`].
    pub depth: usize,
    /// As [`Load::requests`].
    pub requests: u64,
    /// As [`Load::timeout`], for each entrant and round.
    pub timeout: Duration,
    /// How many times each entrant runs.
    pub rounds: usize,
}

/// What a contest tells while it runs.
#[derive(Clone, Copy, Debug)]
pub enum Stage<'a> {
    /// An entrant is about to be started, for the given round, counted from nought.
    Starts(&'a Entrant, usize),
    /// So many requests of it have been answered.
    Goes(&'a Entrant, u64),
}

/// What one entrant did.
#[derive(Clone, Debug)]
pub struct Row {
    /// What the client saw.
    pub report: Report,
    /// The server's processor time while the clock ran.
    pub cpu: Duration,
    /// The most that the server had of each.
    pub most: Usage,
    /// Whether it ended when it was asked to.
    pub ended_well: bool,
}

impl Row {
    /// Returns the server's processor time for each answer, in microseconds; `None` after too short a run.
    pub fn cpu_micros(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "nobody sends 2^53 requests")]
        let answered = self.report.answered as f64;
        self.is_long_enough().then(|| self.cpu.as_secs_f64() * 1e6 / answered)
    }

    /// Returns the share of the time in which the server was at work; 1 means that it was the limit. `None` after
    /// too short a run.
    pub fn busy(&self) -> Option<f64> {
        let seconds = self.report.elapsed.as_secs_f64();
        self.is_long_enough().then(|| self.cpu.as_secs_f64() / seconds)
    }

    /// Tells whether processor time can be told (`CONTEST-5`). Without any answer the span is nought.
    pub(super) fn is_long_enough(&self) -> bool {
        self.report.elapsed >= LEAST_SPAN
    }
}

/// An entrant and what came of it: a row, or why there is none.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who it was.
    pub entrant: Entrant,
    /// What it did.
    pub result: Result<Row, String>,
}

impl Entry {
    /// Tells whether it answered everything, and rightly, and ended when it was asked to.
    pub fn is_right(&self) -> bool {
        self.result.as_ref().is_ok_and(|row| row.report.is_right() && row.ended_well)
    }
}

/// The machine and its division (`CONTEST-2`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// How many processors this program may use.
    pub cpus: usize,
    /// The server's processor and the client's, by number.
    pub pinned: Option<(usize, usize)>,
}

/// What came of a contest.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Where it was.
    pub machine: Machine,
    /// The entrants that had their turn.
    pub entries: Vec<Entry>,
    /// Whether it was stopped before all had.
    pub is_stopped: bool,
}

impl Contest {
    /// Runs all entrants, until the last or until `stop` is readable; tells `watch` how it goes.
    ///
    /// # Errors
    /// The processors cannot be told or divided. What goes wrong with an entrant is in its entry.
    ///
    /// # Blocking
    /// For each entrant and round: its start, the time-out, its end; most of it is much less.
    pub fn run(
        &self,
        stop: Option<BorrowedFd<'_>>,
        watch: &mut dyn FnMut(Stage<'_>),
    ) -> io::Result<Outcome> {
        let allowed = allowed_cpus()?;
        let machine = divide(&allowed);
        let mut runs: Vec<Vec<Result<Row, String>>> = vec![Vec::new(); self.entrants.len()];
        let mut is_stopped = false;
        'rounds: for round in 0..self.rounds {
            for (entrant, runs) in self.entrants.iter().zip(&mut runs) {
                watch(Stage::Starts(entrant, round));
                let run = self.run_one(entrant, machine, stop, watch);
                // A server inherits what this thread may use when it starts it, so this is undone first.
                pin_to_cpus(&allowed)?;
                is_stopped = match &run {
                    Ok(row) => row.report.end == End::Stopped,
                    Err(error) => error.kind() == io::ErrorKind::Interrupted,
                };
                if is_stopped {
                    // Half a run says nothing; those before it do.
                    break 'rounds;
                }
                runs.push(run.map_err(|error| error.to_string()));
            }
        }
        let entries = self.entrants.iter().zip(runs);
        let entries = entries.filter_map(|(entrant, runs)| {
            Some(Entry { entrant: entrant.clone(), result: choose(runs)? })
        });
        Ok(Outcome { machine, entries: entries.collect(), is_stopped })
    }

    /// One entrant's turn (`CONTEST-1`).
    fn run_one(
        &self,
        entrant: &Entrant,
        machine: Machine,
        stop: Option<BorrowedFd<'_>>,
        watch: &mut dyn FnMut(Stage<'_>),
    ) -> io::Result<Row> {
        if let Some((server, _)) = machine.pinned {
            pin_to_cpus(&[server])?;
        }
        let server = Server::start(entrant, stop)?;
        // It has inherited the first processor; we go over to the other.
        if let Some((_, client)) = machine.pinned {
            pin_to_cpus(&[client])?;
        }
        let load = Load {
            address: server.address(),
            connections: self.connections,
            depth: self.depth,
            requests: self.requests,
            op: Op::Sum,
            timeout: self.timeout,
        };
        // Looked at from the client's thread, some times a second at most: what that costs is the client's.
        let (mut begin, mut most) = (Usage::default(), Usage::default());
        let report = load.run(stop, &mut |moment| {
            // A server that has ended has no usage; its clients will tell.
            let now = Usage::of(server.pid()).unwrap_or_default();
            most.keep_most(now);
            match moment {
                Moment::Begins => begin = now,
                Moment::Goes { answered } => watch(Stage::Goes(entrant, answered)),
            }
        })?;
        let end = Usage::of(server.pid()).unwrap_or_default();
        most.keep_most(end);
        let ended_well = if report.end == End::Stopped {
            // Killed at once, with all that it started, by its drop: a second ctrl-c ends this program on the spot,
            // and must not find us waiting for a server that takes its time.
            drop(server);
            true
        } else {
            server.end()?
        };
        Ok(Row { report, cpu: end.cpu_since(&begin), most, ended_well })
    }
}

impl Outcome {
    /// Tells whether every entrant was right.
    pub fn is_right(&self) -> bool {
        !self.is_stopped && self.entries.iter().all(Entry::is_right)
    }

    /// Returns the best requests per second.
    pub fn best(&self) -> f64 {
        let rows = self.entries.iter().filter_map(|entry| entry.result.as_ref().ok());
        rows.map(|row| row.report.per_second()).fold(0.0, f64::max)
    }
}

/// Divides the processors between server and client (`CONTEST-2`).
fn divide(allowed: &[usize]) -> Machine {
    let pinned = match allowed {
        [first, .., last] => Some((*first, *last)),
        _ => None,
    };
    Machine { cpus: allowed.len(), pinned }
}

/// Chooses the run that stands for all of an entrant's (`CONTEST-3`); `None` when it had none.
fn choose(runs: Vec<Result<Row, String>>) -> Option<Result<Row, String>> {
    let is_bad = |run: &Result<Row, String>| !run.as_ref().is_ok_and(|row| row.report.is_right());
    if let Some(bad) = runs.iter().find(|run| is_bad(run)) {
        return Some(bad.clone());
    }
    let rows = runs.into_iter().flatten();
    rows.max_by(|a, b| a.report.per_second().total_cmp(&b.report.per_second())).map(Ok)
}
