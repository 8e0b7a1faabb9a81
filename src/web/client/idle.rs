//! Connections in store: open, unused, and kept for the next request to the same host.
//!
//! A connect costs a round trip, two descriptors and a place in two tables. A connection in store costs a descriptor,
//! and may have been closed by the server a moment ago without anybody's noticing; whoever takes one must be ready to
//! do without it.
//!
//! **Invariants**
//! - `STORE-1` At most `most` connections are in store; the one that has been there longest makes room.
//! - `STORE-2` None is older than its time-out: a task closes it then, whether or not anybody asks.
//! - `STORE-3` None is handed out that has something to read: that is the server's farewell, or an answer to nothing.
//! - `STORE-4` What is stored was clean (`EXCHANGE-1`).
//!
//! ```text
//! request ─► take ─► youngest of that host ── too old, or not quiet ─► closed; the next one
//!                       │ quiet
//!                       ▼
//!                    exchange ── not clean ─► closed
//!                       │ clean
//!                       ▼
//!                      put ─► store ── older than its time-out ─► closed by the sweeper
//!                              └────── one too many ────────────► the oldest is closed
//! ```
//!
//! **Left out**: watching each stored connection for the server's farewell as it comes. It is found by `take`, and
//! until then costs a descriptor that the time-out gives back.
//!
//! **Source**: aiohttp's `TCPConnector`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::options::Options;
use crate::aio::{TcpStream, sleep_until};
use crate::http::Url;
use crate::rt::{self, JoinHandle, spawn_named};

/// A connection to a host.
pub(super) struct Connection {
    /// The socket.
    pub(super) stream: TcpStream,
    /// The other side.
    pub(super) peer: SocketAddr,
    /// Host and port, as addresses write it.
    authority: Box<str>,
    /// When it was stored last.
    since: Instant,
}

impl Connection {
    /// Takes a new socket, connected for this address.
    pub(super) fn new(url: &Url, stream: TcpStream, peer: SocketAddr) -> Self {
        Self { stream, peer, authority: url.authority().into(), since: rt::now() }
    }

    /// Tells whether nothing has come that nobody asked for (`STORE-3`). Where nothing was signalled, this costs no
    /// system call.
    fn poll_is_quiet(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let is_quiet = match self.stream.poll_readable(cx) {
            Poll::Pending => true,
            Poll::Ready(Err(_)) => false,
            // The last read may have filled its buffer exactly; then nobody knows yet whether more is there.
            Poll::Ready(Ok(())) => {
                let peeked = self.stream.try_read(&mut [0]);
                peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
            }
        };
        Poll::Ready(is_quiet)
    }
}

/// The store.
pub(super) struct Store {
    /// What is in it, in the order in which it came.
    connections: RefCell<VecDeque<Connection>>,
    /// The most that it holds.
    most: usize,
    /// How long.
    timeout: Duration,
    /// The task that closes what is too old; it runs while there is anything (`STORE-2`).
    sweeper: RefCell<Option<JoinHandle<()>>>,
}

impl Store {
    /// Makes an empty store.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            connections: RefCell::default(),
            most: options.idle_connections,
            timeout: options.idle_timeout,
            sweeper: RefCell::default(),
        }
    }

    /// Takes the youngest connection to a host, the likeliest to be alive.
    pub(super) async fn take(&self, url: &Url) -> Option<Connection> {
        loop {
            let mut connection = self.remove(url.authority())?;
            let is_young = rt::now().saturating_duration_since(connection.since) < self.timeout;
            if is_young && poll_fn(|cx| connection.poll_is_quiet(cx)).await {
                return Some(connection);
            }
        }
    }

    /// Removes the youngest connection to a host.
    fn remove(&self, authority: &str) -> Option<Connection> {
        let mut connections = self.connections.borrow_mut();
        // From the young end. A list does: with one host the first is the one, and of many hosts each has few.
        let place = connections.iter().rposition(|stored| *stored.authority == *authority)?;
        connections.remove(place)
    }

    /// Stores a clean connection (`STORE-4`).
    pub(super) fn put(self: &Rc<Self>, mut connection: Connection) {
        connection.since = rt::now();
        let mut connections = self.connections.borrow_mut();
        connections.push_back(connection);
        // STORE-1; dropped outside the borrow.
        let oldest = if connections.len() > self.most { connections.pop_front() } else { None };
        drop(connections);
        drop(oldest);
        self.sweep_later();
    }

    /// Starts the task that closes what is too old, unless it runs.
    fn sweep_later(self: &Rc<Self>) {
        // It is finished too when its loop's `block_on` has ended; the next one needs another.
        let runs = self.sweeper.borrow().as_ref().is_some_and(|task| !task.is_finished());
        if runs || self.connections.borrow().is_empty() {
            return;
        }
        // A client that is dropped takes its connections with it.
        let store = Rc::downgrade(self);
        let task = spawn_named("idle connections", async move {
            while let Some(next) = store.upgrade().and_then(|store| store.sweep()) {
                sleep_until(next).await;
            }
        });
        let before = self.sweeper.borrow_mut().replace(task);
        drop(before);
    }

    /// Closes what is too old; returns when the next one will be, if there is any.
    fn sweep(&self) -> Option<Instant> {
        loop {
            let now = rt::now();
            let mut connections = self.connections.borrow_mut();
            // A time-out too long to be counted never comes.
            let due = connections.front()?.since.checked_add(self.timeout)?;
            if due > now {
                return Some(due);
            }
            let old = connections.pop_front();
            drop(connections);
            drop(old);
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("held", &self.connections.borrow().len())
            .finish_non_exhaustive()
    }
}
