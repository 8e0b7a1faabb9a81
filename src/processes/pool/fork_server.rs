//! The fork server: a small process with one thread, which forks workers for a parent that must not.
//!
//! Problem: a worker that died has to be replaced, hours after the pool was made, and by then the parent has threads. One
//! of them may hold a lock of the program at the moment of the fork, and in the child no thread is left to release it. So
//! before there is any other thread, the parent forks one process that never has a second one.
//!
//! **Invariants**
//! - `FORK-SERVER-1`: it ends with the thread that made the pool, or with the control socket, and its workers with it.
//! - `FORK-SERVER-2`: it reaps every worker, and tells the parent how the worker ended.
//! - The parent names a place and not a pid, so a worker that was reaped gets no signal (`PROCESS-3`).
//!
//! **Source**: the `forkserver` of Python's multiprocessing; `pidfd_open(2)`, unix(7).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use super::ring::EventCount;
use super::worker::{self, Work};
use crate::os::process::{self, Child, Exit, Pid};
use crate::os::signal::{self, Signal};
use crate::os::{PollFd, SharedMemory, poll, socket_pair};
use crate::processes::message::Message;

/// A message on the control socket: what, for which place, and a number. A place is the number of a worker in the pool.
pub(super) type Packet = (u8, usize, i32);
/// To the fork server: fork a worker. The number has no meaning here.
pub(super) const START: u8 = 1;
/// To the fork server: kill the worker. The number has no meaning here.
pub(super) const KILL: u8 = 2;
/// To the parent: a worker was forked; its pid.
pub(super) const FORKED: u8 = 3;
/// To the parent: no worker could be forked; the number of the error.
pub(super) const FAILED: u8 = 4;
/// To the parent: the worker has ended, and was reaped; its code, or its signal as a negative number.
pub(super) const ENDED: u8 = 5;

/// What the fork server has.
struct ForkServer<'a> {
    /// Requests come in here, notices go out.
    control: OwnedFd,
    /// The workers that were not reaped, by place.
    workers: Vec<Option<Child>>,
    /// What the workers do, and how many jobs each of them runs.
    work: (&'a Work, u64),
    /// The memory that each worker shares with the parent, by place.
    channels: &'a [Arc<SharedMemory>],
    /// The pool's thread sleeps here.
    results: &'a EventCount,
}

/// Forks the fork server, and returns it with the parent's end of the control socket. Fails if a second thread runs.
pub(super) fn start(
    work: &Work,
    most_jobs: u64,
    channels: &[Arc<SharedMemory>],
    results: &EventCount,
) -> io::Result<(Child, OwnedFd)> {
    let (ours, control) = socket_pair::packets()?;
    let parent = process::pid();
    let child = process::fork_to_run(|| {
        let workers = channels.iter().map(|_| None).collect();
        let mut server =
            ForkServer { control, workers, work: (work, most_jobs), channels, results };
        // Its end is an error: the control socket has ended.
        drop(server.set_up(parent).and_then(|()| server.serve()));
        // All are killed, and then the drop of each one reaps it.
        (0..channels.len()).for_each(|place| drop(server.kill(place)));
        0
    })?;
    Ok((child, ours))
}

impl ForkServer<'_> {
    /// Gives up what the parent had.
    fn set_up(&self, parent: Pid) -> io::Result<()> {
        process::die_with_parent(parent)?;
        process::close_all_but(Some(self.control.as_fd()))?;
        signal::reset_all();
        // Signals that ask a whole group to stop are for the parent to handle.
        for ignored in [Signal::Interrupt, Signal::Terminate, Signal::Hangup] {
            signal::ignore(ignored)?;
        }
        self.channels.iter().try_for_each(|channel| channel.share_with_children(false))
    }

    /// Does what it is asked, until the control socket ends, which is an error.
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let mut fds = vec![PollFd::readable(self.control.as_fd())];
            fds.extend(self.workers.iter().flatten().map(|child| PollFd::readable(child.as_fd())));
            poll(&mut fds, None)?;
            self.reap()?;
            match receive(self.control.as_fd())? {
                Some((START, place, _)) => self.start(place)?,
                Some((_, place, _)) => self.kill(place)?,
                None => {}
            }
        }
    }

    /// Sends a notice, and waits for room: the pool's thread never waits for us.
    fn tell(&self, packet: Packet) -> io::Result<()> {
        send(self.control.as_fd(), packet)?;
        self.results.advance();
        Ok(())
    }

    /// Reaps the workers that have ended (`FORK-SERVER-2`).
    fn reap(&mut self) -> io::Result<()> {
        for place in 0..self.workers.len() {
            let Some(child) = &mut self.workers[place] else { continue };
            let how = match child.try_wait()? {
                None => continue,
                Some(Exit::Code(code)) => code,
                Some(Exit::Signal(number)) => -number,
            };
            self.workers[place] = None;
            self.tell((ENDED, place, how))?;
        }
        Ok(())
    }

    /// Forks a worker, which has its own channel and no other.
    fn start(&mut self, place: usize) -> io::Result<()> {
        let (server, channel) = (process::pid(), &self.channels[place]);
        channel.share_with_children(true)?;
        let live = || i32::from(worker::live(server, channel, self.results, self.work).is_err());
        let forked = process::fork_to_run(live);
        channel.share_with_children(false)?;
        match forked {
            Ok(child) => {
                let pid = child.pid().0;
                self.workers[place] = Some(child);
                self.tell((FORKED, place, pid))
            }
            Err(error) => self.tell((FAILED, place, error.raw_os_error().unwrap_or_default())),
        }
    }

    /// Kills the worker of a place, if it was not reaped.
    fn kill(&self, place: usize) -> io::Result<()> {
        self.workers[place].as_ref().map_or(Ok(()), |child| child.kill(Signal::Kill))
    }
}

/// Sends a message, and waits for room.
pub(super) fn send(control: BorrowedFd<'_>, packet: Packet) -> io::Result<()> {
    socket_pair::send(control, &packet.into_bytes().map_err(io::Error::other)?, None)
}

/// Receives a message; `None` when there is none. Fails when the peer is gone.
pub(super) fn receive(control: BorrowedFd<'_>) -> io::Result<Option<Packet>> {
    let mut bytes = vec![0; 32];
    match socket_pair::receive(control, &mut bytes, false) {
        Ok((0, _)) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok((length, _)) => {
            bytes.truncate(length);
            Packet::from_bytes(bytes).map(Some).map_err(io::Error::other)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
