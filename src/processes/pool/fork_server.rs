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
//! **Invariants**
//! - `FORK-SERVER-1`: it ends with the thread that made the pool (the kernel sees to it), or when the control socket ends.
//!   Its workers end with it, since its one thread has forked them.
//! - `FORK-SERVER-2`: it reaps every worker, and tells the parent how the worker ended.
//! - A worker is killed by its place, and only before it was reaped (`PROCESS-3`).
//!
//! **Left out**: a fresh program instead of a copy (`exec`), which would need the function by name.
//!
//! **Source**: the `forkserver` of Python's multiprocessing; `pidfd_open(2)`, unix(7).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use super::message::Message;
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

/// What the parent asks for. A place is the number of a worker in the pool.
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

/// A message as it is sent: its kind, the place, and two more numbers.
type Packet = (u8, usize, i32, i32);

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
        // Room for a message per worker, so that neither side waits while the other sends.
        socket_pair::set_send_buffer(end.as_fd(), 1 << 20)?;
    }
    let parent = process::pid();
    match process::fork()? {
        Fork::Parent(child) => Ok((child, ours)),
        Fork::Child => exit_after(|| live(parent, theirs, work, bell, keep)),
    }
}

/// Runs the life of a forked process, and leaves. Nothing may unwind into the parent's frames.
fn exit_after(life: impl FnOnce() -> io::Result<()>) -> ! {
    match panic::catch_unwind(AssertUnwindSafe(life)) {
        Ok(Ok(())) => process::exit_now(0),
        // A payload is leaked: its drop might panic too.
        _ => process::exit_now(EXIT_FAILED),
    }
}

/// The fork server's life.
fn live(parent: Pid, control: OwnedFd, work: &Work, bell: &Bell, keep: &[RawFd]) -> io::Result<()> {
    process::die_with_parent(parent)?;
    process::close_all_but(&[keep, &[control.as_raw_fd()]].concat())?;
    signal::reset_all()?;
    // Signals that ask a whole group to stop are for the parent to handle.
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
                let Some((packet, _)) = receive(self.control.as_fd(), true)? else { return Ok(()) };
                match packet {
                    (1, place, ..) => self.start(place)?,
                    (2, place, ..) => self.kill(place)?,
                    other => return Err(unknown(other)),
                }
            }
        }
    }

    /// Sends a notice.
    fn tell(&self, packet: Packet, memory: Option<&OwnedFd>) -> io::Result<()> {
        let fds: Vec<_> = memory.into_iter().map(AsFd::as_fd).collect();
        send(self.control.as_fd(), packet, &fds)?;
        self.bell.ring();
        Ok(())
    }

    /// Reaps the workers that have ended (`FORK-SERVER-2`).
    fn reap(&mut self) -> io::Result<()> {
        for index in (0..self.workers.len()).rev() {
            let (place, child) = &mut self.workers[index];
            if let Some(exit) = child.try_wait()? {
                let how = match exit {
                    Exit::Code(code) => code,
                    Exit::Signal(number) => -number,
                };
                let packet = (5, *place, child.pid().to_raw(), how);
                self.workers.swap_remove(index);
                self.tell(packet, None)?;
            }
        }
        Ok(())
    }

    /// Forks a worker, and sends the parent the memory that the two share. In the worker this does not return.
    fn start(&mut self, place: usize) -> io::Result<()> {
        let made = SharedMemory::new(CHANNEL_BYTES);
        let server = process::pid();
        match made.and_then(|made| process::fork().map(|forked| (made, forked))) {
            Ok(((channel, _), Fork::Child)) => {
                exit_after(|| worker::live(server, channel, self.bell, self.work, self.keep))
            }
            Ok(((_, memory), Fork::Parent(child))) => {
                let pid = child.pid().to_raw();
                self.workers.push((place, child));
                self.tell((3, place, pid, 0), Some(&memory))
            }
            Err(error) => self.tell((4, place, error.raw_os_error().unwrap_or(0), 0), None),
        }
    }

    /// Kills the worker of a place, if it was not reaped.
    fn kill(&self, place: usize) -> io::Result<()> {
        let worker = self.workers.iter().find(|(other, _)| *other == place);
        worker.map_or(Ok(()), |(_, child)| child.kill(Signal::Kill))
    }

    /// Waits for the workers, which were told to leave, and kills those that are left. The drop of each reaps it.
    fn wait_for_workers(&mut self) {
        let begun = Instant::now();
        while !self.workers.is_empty() && begun.elapsed() < LEAVING {
            let mut fds: Vec<_> =
                self.workers.iter().map(|(_, child)| PollFd::readable(child.as_fd())).collect();
            if poll(&mut fds, Some(LEAVING.saturating_sub(begun.elapsed()))).is_err() {
                break;
            }
            self.workers.retain_mut(|(_, child)| !matches!(child.try_wait(), Ok(Some(_))));
        }
        // All of them first: a thousand would take long one by one.
        for (_, child) in &self.workers {
            drop(child.kill(Signal::Kill));
        }
    }
}

impl Request {
    /// Sends it.
    ///
    /// # Errors
    /// The fork server is gone.
    pub(super) fn send(self, control: BorrowedFd<'_>) -> io::Result<()> {
        match self {
            Self::Start(place) => send(control, (1, place, 0, 0), &[]),
            Self::Kill(place) => send(control, (2, place, 0, 0), &[]),
        }
    }
}

impl Notice {
    /// Receives one; `None` when `waits` is false and there is none.
    ///
    /// # Errors
    /// `UnexpectedEof` when the fork server is gone.
    pub(super) fn receive(control: BorrowedFd<'_>, waits: bool) -> io::Result<Option<Self>> {
        let (packet, memory) = match receive(control, waits) {
            Ok(Some(received)) => received,
            Ok(None) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(match (packet, memory) {
            ((3, place, pid, _), Some(memory)) => Self::Started(place, Pid::from_raw(pid), memory),
            // The kernel drops a descriptor for which the receiver has no room.
            ((3, place, ..), None) => {
                Self::Failed(place, io::Error::other("no room for a descriptor of its memory"))
            }
            ((4, place, 0, _), _) => Self::Failed(place, io::Error::other("no error number")),
            ((4, place, errno, _), _) => Self::Failed(place, io::Error::from_raw_os_error(errno)),
            ((5, place, pid, how), _) => {
                let exit = if how < 0 { Exit::Signal(-how) } else { Exit::Code(how) };
                Self::Ended(place, Pid::from_raw(pid), exit)
            }
            (other, _) => return Err(unknown(other)),
        }))
    }
}

/// Sends a message.
fn send(control: BorrowedFd<'_>, packet: Packet, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let bytes = packet.into_bytes().map_err(io::Error::other)?;
    socket_pair::send_with_fds(control, &bytes, fds)
}

/// Receives a message, and the descriptor that came with it; `None` when the peer is gone.
fn receive(control: BorrowedFd<'_>, waits: bool) -> io::Result<Option<(Packet, Option<OwnedFd>)>> {
    let mut bytes = vec![0; 32];
    let (got, fds) = socket_pair::receive_with_fds(control, &mut bytes, waits)?;
    bytes.truncate(got);
    if bytes.is_empty() {
        return Ok(None);
    }
    let packet = Packet::from_bytes(bytes).map_err(io::Error::other)?;
    Ok(Some((packet, fds.into_iter().next())))
}

/// The error of a message that neither side sends.
fn unknown(packet: Packet) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a message of no kind: {packet:?}"))
}
