//! The fork server: a small process with one thread, which forks workers for a parent that must not.
//!
//! Problem: a worker that died has to be replaced, hours after the pool was made, and by then the parent has
//! threads: one of them may hold the allocator's lock at the moment of the fork, and in the child nobody is left to
//! let go of it. So before there is any thread the parent forks one process that never has a second one.
//!
//! ```text
//!  parent (threads) ──control: start, kill──▶ fork server (one thread)
//!      ▲    ▲        ◀─started + descriptors, ended─┘   │ fork
//!      │    └──────── socket and ledger ───────▶ worker ◀┤
//!      └───────────── socket and ledger ───────▶ worker ◀┘
//! ```
//!
//! **Invariants**
//! - `FORK-SERVER-1`: it ends with the thread that made the pool (the kernel sees to it), or when the control
//!   socket ends; and its workers end with it, since its one thread has forked them.
//! - `FORK-SERVER-2`: it reaps every worker, and tells the parent how it ended.
//! - `FORK-SERVER-3`: it keeps no end of a worker's socket: else the parent would not see the worker's end, nor the worker
//!   the parent's.
//! - `FORK-SERVER-4`: a worker is killed by its place, and only before it was reaped (`PROCESS-3`).
//! - `FORK-SERVER-5`: signals that ask a whole group to stop (SIGINT, SIGTERM, SIGHUP) are the parent's to hear.
//!
//! **Left out**: a fresh program instead of a copy (`exec`), which would need the function by name.
//!
//! **Source**: the `forkserver` of Python's multiprocessing; `pidfd_open(2)`, unix(7).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use super::ledger::Ledger;
use super::server_line::{Notice, Request};
use super::work::Work;
use super::worker;
use crate::os::process::{self, Child, Fork, Pid};
use crate::os::signal::{self, Signal};
use crate::os::{PollFd, poll, socket_pair};

/// How long workers that have lost their parent may take to leave. Taste; an idle one needs a millisecond.
const LEAVING: Duration = Duration::from_secs(1);
/// The exit code of a process that could not do what it was forked for.
const EXIT_FAILED: i32 = 1;

/// What the fork server has.
struct ForkServer<'a> {
    /// Requests come in here, notices go out.
    control: OwnedFd,
    /// The workers that were not reaped, by the number of their place.
    workers: Vec<(u32, Child)>,
    /// What they shall do.
    work: &'a Work,
    /// Descriptors that they shall have as well.
    keep: &'a [RawFd],
}

/// Forks the fork server, and returns its parent's child and end of the control socket.
///
/// # Errors
/// This process has a second thread, which is named (`PROCESS-1`); out of processes, memory or descriptors.
pub(super) fn start(work: &Work, keep: &[RawFd]) -> io::Result<(Child, OwnedFd)> {
    let (ours, theirs) = socket_pair::packets()?;
    for end in [&ours, &theirs] {
        // Room for a notice and a request per worker, so that neither side waits while the other sends.
        socket_pair::set_send_buffer(end.as_fd(), 1 << 20)?;
    }
    let parent = process::pid();
    match process::fork()? {
        Fork::Parent(child) => Ok((child, ours)),
        Fork::Child => {
            // Nothing may unwind into the parent's frames.
            let life = AssertUnwindSafe(|| live(parent, theirs, work, keep));
            match panic::catch_unwind(life) {
                Ok(Ok(())) => process::exit_now(0),
                _ => process::exit_now(EXIT_FAILED),
            }
        }
    }
}

/// The fork server's life.
fn live(parent: Pid, control: OwnedFd, work: &Work, keep: &[RawFd]) -> io::Result<()> {
    process::die_with_parent(parent)?;
    let mut kept = keep.to_vec();
    kept.push(control.as_raw_fd());
    process::close_all_but(&kept)?;
    signal::reset_all()?;
    // FORK-SERVER-5.
    for deaf_to in [Signal::Interrupt, Signal::Terminate, Signal::Hangup] {
        signal::ignore(deaf_to)?;
    }
    let mut server = ForkServer { control, workers: Vec::new(), work, keep };
    let outcome = server.serve();
    server.let_go();
    outcome
}

impl ForkServer<'_> {
    /// Does what it is asked, until the control socket ends.
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let mut fds = vec![PollFd::readable(self.control.as_fd())];
            fds.extend(self.workers.iter().map(|(_, child)| PollFd::readable(child.as_fd())));
            poll(&mut fds, None)?;
            let asked = fds[0].is_ready();
            self.reap()?;
            if asked {
                match Request::receive(self.control.as_fd())? {
                    Some(Request::Start(place)) => self.start(place)?,
                    Some(Request::Kill(place)) => self.kill(place)?,
                    None => return Ok(()),
                }
            }
        }
    }

    /// Reaps the workers that have ended, and tells of them (`FORK-SERVER-2`).
    fn reap(&mut self) -> io::Result<()> {
        for index in (0..self.workers.len()).rev() {
            let (place, child) = &mut self.workers[index];
            if let Some(exit) = child.try_wait()? {
                let notice = Notice::Ended { place: *place, pid: child.pid(), exit };
                self.workers.swap_remove(index);
                notice.send(self.control.as_fd())?;
            }
        }
        Ok(())
    }

    /// Forks a worker, and sends the parent its ends of what they share.
    fn start(&mut self, place: u32) -> io::Result<()> {
        match self.fork_worker(place) {
            Ok((pid, socket, ledger)) => {
                Notice::Started { place, pid, socket, ledger }.send(self.control.as_fd())
            }
            Err(error) => Notice::Failed { place, error }.send(self.control.as_fd()),
        }
    }

    /// Forks a worker. In the child this does not return (`LIFE-4`).
    fn fork_worker(&mut self, place: u32) -> io::Result<(Pid, OwnedFd, OwnedFd)> {
        let (ours, theirs) = socket_pair::stream()?;
        for end in [&ours, &theirs] {
            socket_pair::set_send_buffer(end.as_fd(), 1 << 20)?;
        }
        let (ledger, ledger_fd) = Ledger::new()?;
        let server = process::pid();
        match process::fork()? {
            Fork::Parent(child) => {
                let pid = child.pid();
                self.workers.push((place, child));
                // FORK-SERVER-3: `theirs` is closed here, `ours` as soon as it was sent.
                Ok((pid, ours, ledger_fd))
            }
            Fork::Child => {
                let life = AssertUnwindSafe(|| {
                    worker::put_down(server, &theirs, self.keep)?;
                    worker::live(theirs, &ledger, self.work)
                });
                match panic::catch_unwind(life) {
                    Ok(Ok(())) => process::exit_now(0),
                    _ => process::exit_now(EXIT_FAILED),
                }
            }
        }
    }

    /// Kills the worker of a place, if it was not reaped (`FORK-SERVER-4`).
    fn kill(&self, place: u32) -> io::Result<()> {
        let worker = self.workers.iter().find(|(other, _)| *other == place);
        worker.map_or(Ok(()), |(_, child)| child.kill(Signal::Kill))
    }

    /// Waits for the workers, whose streams have ended too; who does not leave in time is killed by its drop.
    fn let_go(&mut self) {
        let begun = Instant::now();
        while !self.workers.is_empty() && begun.elapsed() < LEAVING {
            let mut fds: Vec<_> = self.children().map(PollFd::readable).collect();
            let waited = poll(&mut fds, Some(LEAVING.saturating_sub(begun.elapsed())));
            if waited.is_err() {
                return;
            }
            self.workers.retain_mut(|(_, child)| !matches!(child.try_wait(), Ok(Some(_))));
        }
    }

    /// The descriptors of the workers.
    fn children(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.workers.iter().map(|(_, child)| child.as_fd())
    }
}
