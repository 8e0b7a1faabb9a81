//! Worker processes, and the parent that keeps their number up.
//!
//! Problem: a worker that dies takes its share of the service with it. A parent that replaces one which dies at once, each
//! time, does nothing but fork. And a worker whose parent dies first serves on, with the port in its hand.
//!
//! | a place | when | to |
//! | --- | --- | --- |
//! | new, or `Waiting` | fork succeeds | `Running` |
//! | `Waiting` | fork fails | `Waiting`, twice as long |
//! | `Running` | the worker ends, younger than `OLD` | `Waiting`, twice as long as the last time |
//! | `Running` | an older worker ends | `Waiting`, for `FIRST_PAUSE` |
//!
//! **Invariants**
//! - `SUPERVISOR-1`: each worker ends before its parent does: the kernel kills it when the thread that forked it ends.
//! - `SUPERVISOR-2`: each worker is reaped; on drop it is killed first.
//! - `SUPERVISOR-3`: a worker never returns from the fork: it leaves by `_exit`, after a panic too.
//! - `SUPERVISOR-4`: a place is filled again after a pause, from `FIRST_PAUSE` to `LONGEST_PAUSE`.
//! - `SUPERVISOR-5`: a worker learns of the stop by SIGTERM from its parent. It ignores SIGINT, which ctrl-c sends to the
//!   parent and all its children.
//!
//! **Source**: `pidfd_open(2)`; the prefork model of the Apache server; the restart rule of systemd.

use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use crate::os::process::{self, Child, Pid};
use crate::os::signal::{self, Signal};
use crate::os::{PollFd, poll};

/// How long an empty place waits at first.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// How long an empty place waits at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A worker that lived this long did not die of its start.
const OLD: Duration = Duration::from_secs(1);
/// The exit code of a worker that could not be set up, or whose parent is gone.
const EXIT_NO_START: i32 = 1;

/// Worker processes that all run the same closure, and are replaced when they end.
///
/// Dropping it kills the workers and reaps them.
pub struct Supervisor<'work> {
    /// What a worker does, until its descriptor is readable; the result is its exit code.
    work: &'work dyn Fn(BorrowedFd<'_>) -> i32,
    /// One for each worker that there shall be.
    places: Vec<Place>,
}

/// The place of one worker.
struct Place {
    /// Whether a worker runs here.
    occupant: Occupant,
    /// How long it last waited (`SUPERVISOR-4`).
    pause: Duration,
    /// How its last worker ended. It is reported when the place is filled again: the reason may be a stop of which this
    /// process is about to learn.
    ended: Option<String>,
}

/// Whether a worker runs at a place.
enum Occupant {
    /// This child, since that time.
    Running(Child, Instant),
    /// None; the place is filled again at that time.
    Waiting(Instant),
}

/// How the workers ended when they were stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// How many ended within the grace.
    pub in_time: usize,
    /// How many had to be killed.
    pub killed: usize,
}

impl<'work> Supervisor<'work> {
    /// Forks `count` workers. Each runs `work` and should return when the descriptor it gets is readable.
    ///
    /// # Errors
    /// This process has a second thread, which is named; or fork fails. Workers that run are killed.
    pub fn start(count: usize, work: &'work dyn Fn(BorrowedFd<'_>) -> i32) -> io::Result<Self> {
        let mut supervisor = Self { work, places: Vec::with_capacity(count) };
        for _ in 0..count {
            let child = supervisor.fork_worker()?;
            let occupant = Occupant::Running(child, Instant::now());
            supervisor.places.push(Place { occupant, pause: Duration::ZERO, ended: None });
        }
        Ok(supervisor)
    }

    /// The numbers of the workers that run.
    pub fn pids(&self) -> Vec<Pid> {
        self.running().map(Child::pid).collect()
    }

    /// Replaces workers that end, until `stop` is readable.
    ///
    /// # Errors
    /// The wait itself fails, or other code reaps our children. A fork that fails is tried again.
    ///
    /// # Blocking
    /// Until `stop` is readable.
    pub fn watch_until(&mut self, stop: BorrowedFd<'_>) -> io::Result<()> {
        loop {
            let mut fds = vec![PollFd::readable(stop)];
            fds.extend(self.running().map(|child| PollFd::readable(child.as_fd())));
            poll(&mut fds, self.until_next_start())?;
            if fds[0].is_ready() {
                return Ok(());
            }
            self.reap_ended()?;
            self.fill_places();
        }
    }

    /// Ends all workers: asks them, waits for `grace`, kills those that are left.
    ///
    /// # Errors
    /// The wait itself fails; then the workers are killed by the drop.
    ///
    /// # Blocking
    /// For at most `grace`, and the time the kernel needs to end a process.
    pub fn stop(mut self, grace: Duration) -> io::Result<Stopped> {
        for child in self.running() {
            child.kill(Signal::Terminate)?;
        }
        let asked = self.running().count();
        let begun = Instant::now();
        loop {
            // An empty place is not filled any more.
            self.reap_ended()?;
            let mut fds: Vec<_> =
                self.running().map(|child| PollFd::readable(child.as_fd())).collect();
            let left = grace.saturating_sub(begun.elapsed());
            if fds.is_empty() || poll(&mut fds, Some(left))? == 0 {
                // Those that are left are killed and reaped by the drop of each child (SUPERVISOR-2).
                let killed = fds.len();
                return Ok(Stopped { in_time: asked - killed, killed });
            }
        }
    }

    /// The children that run.
    fn running(&self) -> impl Iterator<Item = &Child> {
        self.places.iter().filter_map(|place| match &place.occupant {
            Occupant::Running(child, _) => Some(child),
            Occupant::Waiting(_) => None,
        })
    }

    /// How long until the first empty place is due; `None` when all are filled.
    fn until_next_start(&self) -> Option<Duration> {
        let due = self.places.iter().filter_map(|place| match place.occupant {
            Occupant::Running(..) => None,
            Occupant::Waiting(until) => Some(until.saturating_duration_since(Instant::now())),
        });
        due.min()
    }

    /// Reaps the workers that have ended, and lets their places wait (`SUPERVISOR-4`).
    fn reap_ended(&mut self) -> io::Result<()> {
        for place in &mut self.places {
            if let Occupant::Running(child, since) = &mut place.occupant
                && let Some(exit) = child.try_wait()?
            {
                place.ended = Some(format!("worker {} ended ({exit})", child.pid()));
                if since.elapsed() >= OLD {
                    place.pause = Duration::ZERO;
                }
                place.wait_longer();
            }
        }
        Ok(())
    }

    /// Forks a worker for each place whose time has come.
    fn fill_places(&mut self) {
        for index in 0..self.places.len() {
            match self.places[index].occupant {
                Occupant::Waiting(until) if until <= Instant::now() => {}
                _ => continue,
            }
            match self.fork_worker() {
                Ok(child) => {
                    let place = &mut self.places[index];
                    if let Some(ended) = place.ended.take() {
                        report(&format!("{ended}, and {} takes its place", child.pid()));
                    }
                    place.occupant = Occupant::Running(child, Instant::now());
                }
                Err(error) => {
                    self.places[index].wait_longer();
                    report(&format!("{error}, again in {:?}", self.places[index].pause));
                }
            }
        }
    }

    /// Forks one worker (`SUPERVISOR-3`).
    fn fork_worker(&mut self) -> io::Result<Child> {
        let parent = process::pid();
        process::fork_to_run(|| self.live_as_worker(parent))
    }

    /// A worker's life, from the fork to its exit code.
    fn live_as_worker(&mut self, parent: Pid) -> i32 {
        // The siblings are the parent's to wait for and to kill.
        for place in mem::take(&mut self.places) {
            if let Occupant::Running(child, _) = place.occupant {
                child.abandon();
            }
        }
        match set_up_worker(parent) {
            Ok(stop) => (self.work)(stop),
            Err(error) => {
                report(&format!("worker {}: {error}", process::pid()));
                EXIT_NO_START
            }
        }
    }
}

impl Place {
    /// Empties the place for twice as long as it last was (`SUPERVISOR-4`).
    fn wait_longer(&mut self) {
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        // The child that stood here was reaped; its drop only closes the descriptor.
        self.occupant = Occupant::Waiting(Instant::now() + self.pause);
    }
}

impl fmt::Debug for Supervisor<'_> {
    /// Shows the numbers of the workers.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Supervisor")
            .field("places", &self.places.len())
            .field("running", &self.pids())
            .finish_non_exhaustive()
    }
}

/// Binds the worker to its parent, and has it listen for the stop (`SUPERVISOR-1`, `SUPERVISOR-5`).
fn set_up_worker(parent: Pid) -> io::Result<BorrowedFd<'static>> {
    process::die_with_parent(parent)?;
    signal::ignore(Signal::Interrupt)?;
    signal::install(Signal::Terminate)?;
    signal::event_fd(Signal::Terminate)
}

/// Writes one line to stderr, with one call, so that the lines of several processes do not mix.
fn report(line: &str) {
    // A closed stderr is no reason to stop serving.
    drop(io::stderr().write_all(format!("{line}\n").as_bytes()));
}
