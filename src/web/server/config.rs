//! How patient a server is, and how much it takes.
//!
//! **Invariants**
//! - `WEB-CONFIG-1` Every limit is on by default. A server that its author has not thought about is one that
//!   a stranger cannot fill, neither with bytes nor with silence.
//!
//! **Source**: RFC 9110, section 17.5 (attacks by length), RFC 9112, section 9.5 (failures and time-outs).

use std::time::Duration;

use crate::http::HeadLimits;

/// The limits of a server. [`Duration::MAX`] turns a deadline off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How large a head may be: 414 and 431 beyond.
    pub head: HeadLimits,
    /// How large a body may be, in bytes: 413 beyond. Default 1 MiB; taste.
    pub max_body_bytes: u64,
    /// Connections at the same time; further ones wait in the backlog until one ends. Default 10,000; taste.
    pub max_connections: usize,
    /// From the first wait for a head to its last byte: 408. Default 10 s; taste, many round trips.
    pub head_timeout: Duration,
    /// Silence within a body: 408. Default 30 s; taste.
    pub body_timeout: Duration,
    /// Silence between two requests; the connection is closed without a word. Default 15 s; taste.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of its answer. Default 30 s; taste.
    pub write_timeout: Duration,
    /// How long what is in flight may take after the stop. Default 5 s, as for the other servers of the house.
    pub grace: Duration,
    /// Whether a client that has closed its sending side is still there. By default not: its handler is cancelled,
    /// for who closes a socket looks no different. What is answered without waiting is answered in any case.
    pub half_close: bool,
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
            half_close: false,
        }
    }
}
