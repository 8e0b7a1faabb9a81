//! The reactor: which task waits for which socket, and the selector that knows which sockets are ready.
//!
//! Sockets never block. A task that finds nothing to read leaves its waker in its socket's entry, and the selector
//! (mio's `Poll`, epoll on Linux) is asked which sockets are ready: `select(to_read, to_write, [])` of `generator`.
//!
//! **Invariants**
//! - `READY-1` The selector reports a change once (edge-triggered). The entry remembers readiness until an operation
//!   meets `WouldBlock` or moves less than it was given.
//! - `READY-2` The end of a stream is remembered for good, because no later event reports it again.
//! - `READY-3` No event for a closed socket reaches the next one with its descriptor or its entry: a socket is
//!   deregistered before it is closed, and all events of a wait are noted before a task runs.
//! - `READY-4` One waker for an entry and direction. A displaced one comes back to the caller.
//! - `READY-5` Writing is watched from the start: a writer goes on when there is room again.
//!
//! **Source**: epoll(7), "Level-triggered and edge-triggered"; mio's `Poll` on portability.

use std::cell::Cell;
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;
use std::{fmt, io};

use mio::event::{Event as Readiness, Source};
use mio::{Events, Interest, Poll, Token};

use super::slab::Slab;
use super::works::pace::Pace;

/// What a task waits to do with a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To read, or to accept.
    Read,
    /// To write, or to be connected.
    Write,
}

/// The token of what interrupts a wait, which no entry can have.
pub(crate) const UNPARK: Token = Token(usize::MAX);

/// All registered sockets of one loop.
pub(crate) struct Reactor {
    /// The selector.
    pub(crate) poll: Poll,
    /// What the last wait brought; kept for its allocation.
    events: Events,
    /// One entry a registered socket. Its index is the socket's token.
    pub(crate) entries: Slab<Rc<Entry>>,
    /// How exactly to wait.
    pub(crate) pace: Pace,
}

/// Readiness of one socket, and the tasks that wait for it; shared by the reactor and the socket's source.
#[derive(Default)]
pub(crate) struct Entry {
    /// Its index in the reactor's table.
    index: u32,
    /// May an operation succeed, by direction? Cleared by the one that fails (`READY-1`).
    ready: [Cell<bool>; 2],
    /// Set when the peer has closed its sending side; never cleared (`READY-2`).
    read_closed: Cell<bool>,
    /// The tasks that wait, by direction: to read, to write.
    pub(crate) waiting: [Cell<Option<Waker>>; 2],
}

impl Entry {
    /// Tells whether an operation is worth a try.
    pub(crate) fn is_ready(&self, direction: Direction) -> bool {
        self.ready[direction as usize].get()
    }

    /// Notes that an operation met `WouldBlock` or was short: the next one waits for the selector.
    pub(crate) fn clear_ready(&self, direction: Direction) {
        let stays = direction == Direction::Read && self.read_closed.get();
        self.ready[direction as usize].set(stays);
    }

    /// Leaves a waker for the next readiness; returns the one it displaced (`READY-4`).
    pub(crate) fn wait(&self, direction: Direction, waker: &Waker) -> Option<Waker> {
        let waiting = &self.waiting[direction as usize];
        let known = waiting.take();
        let is_known = known.as_ref().is_some_and(|known| known.will_wake(waker));
        waiting.set(known);
        // The clone is foreign code, and may leave another waker here.
        if is_known { None } else { waiting.replace(Some(waker.clone())) }
    }

    /// Notes what the selector told, and takes out the wakers of tasks that can make progress.
    fn note(&self, readiness: &Readiness, woken: &mut Vec<Waker>) {
        if readiness.is_read_closed() {
            self.read_closed.set(true);
        }
        let to_read = readiness.is_readable() || readiness.is_read_closed();
        let to_write = readiness.is_writable() || readiness.is_write_closed();
        for (direction, is_ready) in [to_read, to_write].into_iter().enumerate() {
            // An error is found by trying, in either direction. No task waits for what was ready before.
            if (is_ready || readiness.is_error())
                && !self.ready[direction].replace(true)
                && let Some(waker) = self.waiting[direction].take()
            {
                woken.push(waker);
            }
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Reactor {
    /// Makes a reactor with a selector of its own.
    pub(crate) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        // Of one call, 12 KiB of kernel records.
        let events = Events::with_capacity(1024);
        Ok(Self { poll, events, entries: Slab::default(), pace: Pace::default() })
    }

    /// Registers a socket. It is taken to be writable until a write proves it wrong.
    pub(crate) fn register(&mut self, source: &mut impl Source) -> io::Result<Rc<Entry>> {
        let index = self.entries.reserve();
        let both = Interest::READABLE | Interest::WRITABLE;
        let registered = self.poll.registry().register(source, Token(index as usize), both);
        registered.inspect_err(|_| self.entries.release(index))?;
        let entry = Rc::new(Entry { index, ..Entry::default() });
        entry.ready[Direction::Write as usize].set(true);
        self.entries.put(index, entry.clone());
        Ok(entry)
    }

    /// Takes a registration away.
    pub(crate) fn deregister(&mut self, source: &mut impl Source, entry: &Entry) {
        // It fails only for a descriptor that is not registered, which is what is wanted.
        drop(self.poll.registry().deregister(source));
        self.entries.remove(entry.index);
    }

    /// Waits for readiness, for `timeout` at most (`None`: without limit), and adds the wakers of tasks whose sockets
    /// are ready to `woken`. Returns how many sockets are. It may return early, after a signal too.
    pub(crate) fn wait(
        &mut self,
        timeout: Option<Duration>,
        woken: &mut Vec<Waker>,
    ) -> io::Result<usize> {
        let timeout = self.pace.selector_timeout(self.poll.registry().as_fd(), timeout);
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(0),
            polled => polled?,
        }
        let mut count = 0;
        for readiness in &self.events {
            let index = u32::try_from(readiness.token().0).ok();
            if let Some(entry) = index.and_then(|index| self.entries.get_mut(index)) {
                entry.note(readiness, woken);
                count += 1;
            }
        }
        Ok(count)
    }
}
