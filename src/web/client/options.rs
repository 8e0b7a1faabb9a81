//! The limits of a fetch; each has a default, for a client meets hostile servers before its author thinks of them.

use std::time::Duration;

use crate::http::{DEFAULT_REDIRECTS, HeadLimits};

/// The limits of a fetch.
#[derive(Clone, Debug)]
pub struct Options {
    /// On finding the host's addresses and reaching one of them; anew after each redirect. Taste: 10 s, as long
    /// as three lost packets of a connect take.
    pub connect: Duration,
    /// On a pause in which no byte moves in either direction. Taste: 30 s.
    pub silence: Duration,
    /// On all of it, redirects included. Taste: 60 s.
    pub whole: Duration,
    /// On a head, interim heads included: 64 KiB and 100 fields by default.
    pub head: HeadLimits,
    /// On the body, in bytes: 10 MiB by default; `None` for a sink that takes any amount, such as a file.
    pub body_bytes: Option<u64>,
    /// On the redirects that are followed: 10 by default; with 0 a redirect is a failure.
    pub redirects: usize,
    /// The most connections that the asynchronous client keeps in store for later requests, to all hosts
    /// together. Taste: 100; each costs a descriptor.
    pub idle_connections: usize,
    /// How long it keeps one. Taste: 15 s, as aiohttp; servers give up sooner or later than that.
    pub idle_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            whole: Duration::from_mins(1),
            head: HeadLimits::default(),
            body_bytes: Some(10 * 1024 * 1024),
            redirects: DEFAULT_REDIRECTS,
            idle_connections: 100,
            idle_timeout: Duration::from_secs(15),
        }
    }
}
