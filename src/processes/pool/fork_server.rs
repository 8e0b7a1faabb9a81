//! The fork server: a small process with one thread, which forks workers for a parent that must not.
//!
//! Problem: a worker that died has to be replaced, hours after the pool was made, and by then the parent has threads. One
//! of them may hold the allocator's lock at the moment of the fork, and in the child no thread is left to release it. So
//! before there is any other thread, the parent forks one process that never has a second one.
//!
//! ```text
//!  parent (threads) ──control socket: start, kill──▶ fork server (one thread)
//!      ▲    ▲          ◀─started + memory, ended──┘    │ fork
//!      │    └────────────── channel ──────▶ worker ◀───┤
//!      └─────────────────── channel ──────▶ worker ◀───┘
//! ```
//!
//! A message is one packet of four numbers of 32 bits:
//!
//! | message | kind | place | third | fourth | descriptor |
//! | --- | --- | --- | --- | --- | --- |
//! | start | 1 | of the worker | | | |
//! | kill | 2 | of the worker | | | |
//! | started | 3 | of the worker | its pid | | the channel's memory |
//! | failed | 4 | of the worker | errno | | |
//! | ended | 5 | of the worker | its pid | exit code, or signal below 0 | |
//!
//! **Invariants**
//! - `FORK-SERVER-1`: it ends with the thread that made the pool (the kernel sees to it), or when the control socket ends.
//!   Its workers end with it, since its one thread has forked them.
//! - `FORK-SERVER-2`: it reaps every worker, and tells the parent how the worker ended.
//! - A worker is killed by its place, and only before it was reaped (`PROCESS-3`).
//! - Signals that ask a whole group to stop (SIGINT, SIGTERM, SIGHUP) are for the parent to handle.
//!
//! **Left out**: a fresh program instead of a copy (`exec`), which would need the function by name.
//!
//! **Source**: the `forkserver` of Python's multiprocessing; `pidfd_open(2)`, unix(7).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use super::ring::{Bell, CHANNEL_BYTES};
use super::work::Work;
use super::worker;
use crate::os::process::{self, Child, Exit, Fork, Pid};
use crate::os::signal::{self, Signal};
use crate::os::{PollFd, SharedMemory, poll, socket_pair};

/// How long workers may take to leave when the pool ends, before they are killed. An idle one needs a millisecond.
const LEAVING: Duration = Duration::from_secs(1);
/// The exit code of a process that could not do what it was forked for.
const EXIT_FAILED: i32 = 1;

/// What the parent asks for: the place is the worker's number in the pool.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request {
    /// Fork a worker for this place.
    Start(usize),
    /// Kill the worker of this place.
    Kill(usize),
}

/// What the fork server tells.
#[derive(Debug)]
pub(super) enum Notice {
    /// A worker was forked: its place, and the memory that it shares with the parent.
    Started(usize, Pid, OwnedFd),
    /// No worker could be forked for this place.
    Failed(usize, io::Error),
    /// The worker of this place has ended, and was reaped.
    Ended(usize, Pid, Exit),
}

/// What the fork server has.
struct ForkServer<'a> {
    /// Requests come in here, notices go out.
    control: OwnedFd,
    /// The bell of the pool's thread.
    bell: &'a Bell,
    /// The workers that were not reaped, with their places.
    workers: Vec<(usize, Child)>,
    /// What they do.
    work: &'a Work,
    /// Descriptors that they keep.
    keep: &'a [RawFd],
}

/// Forks the fork server, and returns it with the parent's end of the control socket.
///
/// # Errors
/// This process has a second thread, which is named (`PROCESS-1`); out of processes, memory or descriptors.
pub(super) fn start(work: &Work, bell: &Bell, keep: &[RawFd]) -> io::Result<(Child, OwnedFd)> {
    let (ours, theirs) = socket_pair::packets()?;
    for end in [&ours, &theirs] {
        // Room for a notice and a request per worker, so that neither side waits while the other sends.
        socket_pair::set_send_buffer(end.as_fd(), 1 << 20)?;
    }
    let parent = process::pid();
    match process::fork()? {
        Fork::Parent(child) => Ok((child, ours)),
        Fork::Child => exit_with(|| live(parent, theirs, work, bell, keep)),
    }
}

/// Runs the life of a forked process, and leaves. Nothing may unwind into the parent's frames.
fn exit_with(life: impl FnOnce() -> io::Result<()>) -> ! {
    match panic::catch_unwind(AssertUnwindSafe(life)) {
        Ok(Ok(())) => process::exit_now(0),
        // A payload is leaked: its drop might panic too.
        _ => process::exit_now(EXIT_FAILED),
    }
}

/// The fork server's life.
fn live(parent: Pid, control: OwnedFd, work: &Work, bell: &Bell, keep: &[RawFd]) -> io::Result<()> {
    process::die_with_parent(parent)?;
    let mut kept = keep.to_vec();
    kept.push(control.as_raw_fd());
    process::close_all_but(&kept)?;
    signal::reset_all()?;
    for ignored in [Signal::Interrupt, Signal::Terminate, Signal::Hangup] {
        signal::ignore(ignored)?;
    }
    let mut server = ForkServer { control, bell, workers: Vec::new(), work, keep };
    let outcome = server.serve();
    server.wait_for_workers();
    outcome
}

impl ForkServer<'_> {
    /// Does what it is asked, until the control socket ends.
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let mut fds = vec![PollFd::readable(self.control.as_fd())];
            fds.extend(self.workers.iter().map(|(_, child)| PollFd::readable(child.as_fd())));
            poll(&mut fds, None)?;
            let is_asked = fds[0].is_ready();
            self.reap()?;
            if is_asked {
                match Request::receive(self.control.as_fd())? {
                    Some(Request::Start(place)) => self.start(place)?,
                    Some(Request::Kill(place)) => self.kill(place)?,
                    None => return Ok(()),
                }
            }
        }
    }

    /// Sends a notice.
    fn tell(&self, notice: &Notice) -> io::Result<()> {
        notice.send(self.control.as_fd())?;
        self.bell.ring_for_notice();
        Ok(())
    }

    /// Reaps the workers that have ended (`FORK-SERVER-2`).
    fn reap(&mut self) -> io::Result<()> {
        for index in (0..self.workers.len()).rev() {
            let (place, child) = &mut self.workers[index];
            if let Some(exit) = child.try_wait()? {
                let notice = Notice::Ended(*place, child.pid(), exit);
                self.workers.swap_remove(index);
                self.tell(&notice)?;
            }
        }
        Ok(())
    }

    /// Forks a worker, and sends the parent the memory that the two share.
    fn start(&mut self, place: usize) -> io::Result<()> {
        match self.fork_worker(place) {
            Ok((pid, memory)) => self.tell(&Notice::Started(place, pid, memory)),
            Err(error) => self.tell(&Notice::Failed(place, error)),
        }
    }

    /// Forks a worker. In the child this does not return.
    fn fork_worker(&mut self, place: usize) -> io::Result<(Pid, OwnedFd)> {
        let (channel, memory) = SharedMemory::new(CHANNEL_BYTES)?;
        let server = process::pid();
        match process::fork()? {
            Fork::Parent(child) => {
                let pid = child.pid();
                self.workers.push((place, child));
                Ok((pid, memory))
            }
            Fork::Child => {
                exit_with(|| worker::live(server, channel, self.bell, self.work, self.keep))
            }
        }
    }

    /// Kills the worker of a place, if it was not reaped.
    fn kill(&self, place: usize) -> io::Result<()> {
        let worker = self.workers.iter().find(|(other, _)| *other == place);
        worker.map_or(Ok(()), |(_, child)| child.kill(Signal::Kill))
    }

    /// Waits for the workers, which were told to leave. The drop of each kills those that are left.
    fn wait_for_workers(&mut self) {
        let begun = Instant::now();
        while !self.workers.is_empty() && begun.elapsed() < LEAVING {
            let mut fds: Vec<_> =
                self.workers.iter().map(|(_, child)| PollFd::readable(child.as_fd())).collect();
            if poll(&mut fds, Some(LEAVING.saturating_sub(begun.elapsed()))).is_err() {
                return;
            }
            self.workers.retain_mut(|(_, child)| !matches!(child.try_wait(), Ok(Some(_))));
        }
    }
}

impl Request {
    /// Sends it.
    ///
    /// # Errors
    /// The fork server is gone.
    pub(super) fn send(self, control: BorrowedFd<'_>) -> io::Result<()> {
        let (kind, place) = match self {
            Self::Start(place) => (1, place),
            Self::Kill(place) => (2, place),
        };
        send(control, [kind, to_word(place), 0, 0], &[])
    }

    /// Receives one; `None` when the parent is gone.
    fn receive(control: BorrowedFd<'_>) -> io::Result<Option<Self>> {
        match receive(control, true)? {
            None => Ok(None),
            Some(([1, place, ..], _)) => Ok(Some(Self::Start(to_place(place)?))),
            Some(([2, place, ..], _)) => Ok(Some(Self::Kill(to_place(place)?))),
            Some((words, _)) => Err(strange(words)),
        }
    }
}

impl Notice {
    /// Sends it.
    fn send(&self, control: BorrowedFd<'_>) -> io::Result<()> {
        match self {
            Self::Started(place, pid, memory) => {
                send(control, [3, to_word(*place), pid.to_raw(), 0], &[memory.as_fd()])
            }
            Self::Failed(place, error) => {
                let errno = error.raw_os_error().unwrap_or(0);
                send(control, [4, to_word(*place), errno, 0], &[])
            }
            Self::Ended(place, pid, exit) => {
                let how = match *exit {
                    Exit::Code(code) => code,
                    Exit::Signal(number) => -number,
                };
                send(control, [5, to_word(*place), pid.to_raw(), how], &[])
            }
        }
    }

    /// Receives one; `None` when `waits` is false and there is none.
    ///
    /// # Errors
    /// `UnexpectedEof` when the fork server is gone.
    pub(super) fn receive(control: BorrowedFd<'_>, waits: bool) -> io::Result<Option<Self>> {
        let ([kind, place, third, fourth], fds) = match receive(control, waits) {
            Ok(Some(received)) => received,
            Ok(None) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        let place = to_place(place)?;
        match (kind, fds.into_iter().next()) {
            (3, Some(memory)) => Ok(Some(Self::Started(place, Pid::from_raw(third), memory))),
            // The kernel drops a descriptor for which the receiver has no room.
            (3, None) => {
                let text = "receive a worker's memory: no room for another descriptor";
                Ok(Some(Self::Failed(place, io::Error::other(text))))
            }
            (4, None) if third == 0 => {
                Ok(Some(Self::Failed(place, io::Error::other("fork a worker: no error number"))))
            }
            (4, None) => Ok(Some(Self::Failed(place, io::Error::from_raw_os_error(third)))),
            (5, None) => {
                let exit = if fourth < 0 { Exit::Signal(-fourth) } else { Exit::Code(fourth) };
                Ok(Some(Self::Ended(place, Pid::from_raw(third), exit)))
            }
            _ => Err(strange([kind, third, fourth, 0])),
        }
    }
}

/// A place as it is sent: a pool has at most a thousand.
fn to_word(place: usize) -> i32 {
    i32::try_from(place).unwrap_or(i32::MAX)
}

/// A place that was received.
fn to_place(word: i32) -> io::Result<usize> {
    usize::try_from(word).map_err(io::Error::other)
}

/// Sends a message.
fn send(control: BorrowedFd<'_>, words: [i32; 4], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    socket_pair::send_with_fds(control, words.map(i32::to_ne_bytes).as_flattened(), fds)
}

/// Receives a message; `None` when the peer is gone.
fn receive(control: BorrowedFd<'_>, waits: bool) -> io::Result<Option<([i32; 4], Vec<OwnedFd>)>> {
    let mut bytes = [[0; 4]; 4];
    let (got, fds) = socket_pair::receive_with_fds(control, bytes.as_flattened_mut(), waits)?;
    let words = bytes.map(i32::from_ne_bytes);
    match got {
        0 => Ok(None),
        16 => Ok(Some((words, fds))),
        _ => Err(strange(words)),
    }
}

/// The error of a message that neither side sends.
fn strange(words: [i32; 4]) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no message begins with {words:?}"))
}
