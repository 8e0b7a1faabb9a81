//! Idle connections: open, unused, and kept for the next request to the same host.
//!
//! A connect costs a round trip. But the server may have closed an idle connection a moment ago.
//!
//! **Invariants**
//! - `IDLE-CONN-1` The pool keeps a limited number of connections; the oldest is closed for a new one.
//! - `IDLE-CONN-2` A connection that is older than the time limit is closed by a task, even without any request.
//! - `IDLE-CONN-3` A connection with something to read is not used again: the server has closed it, or has sent an
//!   answer to nothing.
//! - `IDLE-CONN-4` Only clean connections are kept (`EXCHANGE-1`).
//!
//! **Source**: aiohttp's `TCPConnector`.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::request::Options;
use crate::aio::{TcpStream, sleep_until};
use crate::http::Url;
use crate::rt::{self, JoinHandle, spawn_named};

/// A connection to a host.
pub(super) struct Connection {
    /// The socket.
    pub(super) stream: TcpStream,
    /// The server's address.
    pub(super) peer: SocketAddr,
    /// Host and port, as addresses write it.
    authority: Box<str>,
    /// Since when it is idle.
    since: Instant,
}

impl Connection {
    /// Wraps a new socket, connected for this URL.
    pub(super) fn new(url: &Url, stream: TcpStream, peer: SocketAddr) -> Self {
        Self { stream, peer, authority: url.authority().into(), since: rt::now() }
    }

    /// Tells whether there is nothing to read (`IDLE-CONN-3`). Without a readiness event it costs no system call.
    fn is_quiet(&mut self, cx: &mut Context<'_>) -> bool {
        match self.stream.poll_readable(cx) {
            Poll::Pending => true,
            Poll::Ready(Err(_)) => false,
            // The last read may have filled its buffer exactly, and then only a read can tell.
            Poll::Ready(Ok(())) => {
                let peeked = self.stream.try_read(&mut [0]);
                peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
            }
        }
    }
}

/// The idle connections of a client.
pub(super) struct IdlePool {
    /// The connections, the oldest first.
    connections: RefCell<VecDeque<Connection>>,
    /// The most that are kept (`IDLE-CONN-1`).
    most: usize,
    /// How long one is kept.
    timeout: Duration,
    /// The task that closes old connections; it runs while there are any (`IDLE-CONN-2`).
    sweeper: RefCell<Option<JoinHandle<()>>>,
}

impl IdlePool {
    /// Makes an empty pool.
    pub(super) fn new(options: &Options) -> Self {
        Self {
            connections: RefCell::default(),
            most: options.idle_connections,
            timeout: options.idle_timeout,
            sweeper: RefCell::default(),
        }
    }

    /// Takes the youngest connection to a host, which is the most likely to be open.
    pub(super) async fn take(&self, url: &Url) -> Option<Connection> {
        loop {
            let mut connection = {
                let mut connections = self.connections.borrow_mut();
                let is_it = |stored: &Connection| *stored.authority == *url.authority();
                // A search from the young end is enough: with one host the first one matches.
                let index = connections.iter().rposition(is_it)?;
                connections.remove(index)?
            };
            let is_young = rt::now().saturating_duration_since(connection.since) < self.timeout;
            if is_young && poll_fn(|cx| Poll::Ready(connection.is_quiet(cx))).await {
                return Some(connection);
            }
        }
    }

    /// Keeps a clean connection (`IDLE-CONN-4`), and starts the task that closes old ones, unless it runs.
    pub(super) fn put(self: &Rc<Self>, mut connection: Connection) {
        connection.since = rt::now();
        let mut connections = self.connections.borrow_mut();
        connections.push_back(connection);
        // IDLE-CONN-1; dropped outside the borrow.
        let oldest = if connections.len() > self.most { connections.pop_front() } else { None };
        drop(connections);
        drop(oldest);
        // It is also finished when its `block_on` has returned; the next one needs a new task.
        let runs = self.sweeper.borrow().as_ref().is_some_and(|task| !task.is_finished());
        if runs || self.connections.borrow().is_empty() {
            return;
        }
        // Weak, so that the task does not keep the connections of a client that was dropped.
        let pool = Rc::downgrade(self);
        let task = spawn_named("idle connections", async move {
            while let Some(next) = pool.upgrade().and_then(|pool| pool.sweep()) {
                sleep_until(next).await;
            }
        });
        let before = self.sweeper.borrow_mut().replace(task);
        drop(before);
    }

    /// Closes old connections; returns when the next one will be too old.
    fn sweep(&self) -> Option<Instant> {
        loop {
            let now = rt::now();
            let mut connections = self.connections.borrow_mut();
            // A time limit beyond what an `Instant` can hold never passes.
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
