//! Worker processes, and the parent that keeps their number up.
//!
//! Problem: a worker that dies must be replaced. But a parent whose workers die at their start must pause, or it does nothing
//! but fork. And a worker whose parent dies first would serve on, with the port in its hand.
//!
//! **Invariants**
//! - `SUPERVISOR-1`: each worker ends before its parent does: the kernel kills it when the thread that forked it ends.
//! - `SUPERVISOR-2`: each worker is reaped; on drop it is killed first.
//! - `SUPERVISOR-3`: a worker never returns from the fork: it leaves by `_exit`, after a panic too.
//! - `SUPERVISOR-4`: the place of a worker that ended, or could not be forked, is filled again after a pause: `FIRST_PAUSE`,
//!   and twice as long each time, up to `LONGEST_PAUSE`. After a worker that lived as long as `OLD` it is short again.
//! - `SUPERVISOR-5`: a worker learns of the stop by SIGTERM from its parent. It ignores SIGINT, which ctrl-c sends to all.
//!
//! **Source**: `pidfd_open(2)`; the prefork model of the Apache server; the restart rule of systemd.

use std::fmt;
use std::io::{self, Write};
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
    /// The worker; `None` while the place waits.
    worker: Option<Child>,
    /// When the worker was forked, or the wait began.
    since: Instant,
    /// How long the place waits, or last did (`SUPERVISOR-4`).
    pause: Duration,
    /// How its last worker ended. It is reported when the place is filled again, because a stop may be the reason.
    ended: Option<String>,
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
        let mut supervisor = Self { work, places: Vec::new() };
        for _ in 0..count {
            let (worker, since) = (Some(fork_worker(work)?), Instant::now());
            supervisor.places.push(Place { worker, since, pause: Duration::ZERO, ended: None });
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
    pub fn watch_until(&mut self, stop: BorrowedFd<'_>) -> io::Result<()> {
        loop {
            let mut fds = vec![PollFd::readable(stop)];
            fds.extend(self.running().map(|child| PollFd::readable(child.as_fd())));
            let empty = self.places.iter().filter(|place| place.worker.is_none());
            let pauses = empty.map(|place| place.pause.saturating_sub(place.since.elapsed()));
            poll(&mut fds, pauses.min())?;
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
        let (asked, begun) = (self.running().count(), Instant::now());
        loop {
            // An empty place is not filled any more.
            self.reap_ended()?;
            let fds = self.running().map(|child| PollFd::readable(child.as_fd()));
            let mut fds: Vec<_> = fds.collect();
            let left = grace.saturating_sub(begun.elapsed());
            if fds.is_empty() || poll(&mut fds, Some(left))? == 0 {
                // Those that are left are killed and reaped by the drop of each child (SUPERVISOR-2).
                return Ok(Stopped { in_time: asked - fds.len(), killed: fds.len() });
            }
        }
    }

    /// The children that run.
    fn running(&self) -> impl Iterator<Item = &Child> {
        self.places.iter().filter_map(|place| place.worker.as_ref())
    }

    /// Reaps the workers that have ended, and lets their places wait.
    fn reap_ended(&mut self) -> io::Result<()> {
        for place in &mut self.places {
            if let Some(child) = &mut place.worker
                && let Some(exit) = child.try_wait()?
            {
                place.ended = Some(format!("worker {} ended ({exit})", child.pid()));
                if place.since.elapsed() >= OLD {
                    place.pause = Duration::ZERO;
                }
                place.worker = None;
                place.wait_longer();
            }
        }
        Ok(())
    }

    /// Forks a worker for each empty place whose time has come.
    fn fill_places(&mut self) {
        for place in &mut self.places {
            if place.worker.is_some() || place.since.elapsed() < place.pause {
                continue;
            }
            match fork_worker(self.work) {
                Ok(child) => {
                    if let Some(ended) = place.ended.take() {
                        report(&format!("{ended}, and {} takes its place", child.pid()));
                    }
                    (place.worker, place.since) = (Some(child), Instant::now());
                }
                Err(error) => {
                    place.wait_longer();
                    report(&format!("{error}, again in {:?}", place.pause));
                }
            }
        }
    }
}

impl Place {
    /// Sets the time until an empty place is filled again: twice the last one (`SUPERVISOR-4`).
    fn wait_longer(&mut self) {
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        self.since = Instant::now();
    }
}

impl fmt::Debug for Supervisor<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Supervisor").field("running", &self.pids()).finish_non_exhaustive()
    }
}

/// Forks one worker (`SUPERVISOR-3`), which is bound to its parent (`SUPERVISOR-1`) and hears of the stop (`SUPERVISOR-5`).
/// Its copies of the siblings' handles are never dropped: they are the parent's.
fn fork_worker(work: &dyn Fn(BorrowedFd<'_>) -> i32) -> io::Result<Child> {
    let parent = process::pid();
    let live = || {
        process::die_with_parent(parent)?;
        signal::ignore(Signal::Interrupt)?;
        signal::install(Signal::Terminate)?;
        io::Result::Ok(work(signal::event_fd(Signal::Terminate)?))
    };
    process::fork_to_run(|| {
        let explain = |error| report(&format!("worker {}: {error}", process::pid()));
        live().map_err(explain).unwrap_or(1)
    })
}

/// Writes one line to stderr, with one call, so that the lines of several processes do not mix.
fn report(line: &str) {
    // A closed stderr is no reason to stop serving.
    drop(io::stderr().write_all(format!("{line}\n").as_bytes()));
}
