//! What all connections of a server share: its limits, handlers, log, buffers and phase.
//!
//! **Invariants**
//! - `WEB-CONFIG-1` Every limit is on by default, so a server without configuration cannot be filled by a stranger,
//!   neither with bytes nor with silence.
//!
//! **Source**: RFC 9110, section 17.5 (attacks by length); RFC 9112, section 9.5 (failures and timeouts).

use std::cell::Cell;
use std::time::Duration;

use super::buffers::BufferPool;
use super::request::Answered;
use super::router::Router;
use crate::aio::TaskSet;
use crate::http::HeadLimits;

/// The limits of a server. [`Duration::MAX`] turns a deadline off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How large a head may be: 414 and 431 beyond.
    pub head: HeadLimits,
    /// How large a body may be, in bytes: 413 beyond. Default 1 MiB.
    pub max_body_bytes: u64,
    /// Connections at the same time; further ones wait in the backlog until one ends. Default 10,000.
    pub max_connections: usize,
    /// From the first wait for a head to its last byte: 408. Default 10 s.
    pub head_timeout: Duration,
    /// From the head to the last byte of the body: 408. Default 30 s. With larger bodies it should be longer.
    pub body_timeout: Duration,
    /// Silence between two requests; then the connection is closed without an answer. Default 15 s.
    pub idle_timeout: Duration,
    /// How long a client may accept no byte of its answer. Default 30 s.
    pub write_timeout: Duration,
    /// How long requests in progress may take after the stop. Default 5 s.
    pub grace: Duration,
    /// How long a handler may run after the client has closed its sending side. A client that closes the whole socket
    /// looks the same. By default zero: the handler is cancelled at once. Handlers that do not wait always answer.
    pub half_close: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            head: HeadLimits::default(),
            max_body_bytes: 1024 * 1024,
            max_connections: 10_000,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(5),
            half_close: Duration::ZERO,
        }
    }
}

/// A function that is called with every answer.
type Log = dyn Fn(&Answered<'_>);

/// What all connections of a server share.
pub(super) struct ServerState<S> {
    /// The handlers.
    pub(super) router: Router<S>,
    /// What the handlers share.
    pub(super) state: S,
    /// The limits.
    pub(super) config: Config,
    /// Called with every answer.
    pub(super) log: Option<Box<Log>>,
    /// Buffers to lend.
    pub(super) pool: BufferPool,
    /// The tasks of the connections.
    pub(super) tasks: TaskSet,
    /// The phase of the server.
    pub(super) phase: Cell<ServerPhase>,
}

/// The phase of a server; it never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerPhase {
    /// It serves.
    Serving,
    /// It finishes the requests in progress.
    Stopping,
    /// It drops the connections that are left.
    Over,
}

impl<S> ServerState<S> {
    /// Changes to a later phase, and wakes every connection to look at it.
    pub(super) fn enter(&self, phase: ServerPhase) {
        self.phase.set(phase);
        self.tasks.wake_all();
    }

    /// Tells whether connections must end.
    pub(super) fn is_stopping(&self) -> bool {
        self.phase.get() != ServerPhase::Serving
    }
}
