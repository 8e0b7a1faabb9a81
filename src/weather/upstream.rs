//! Asking an upstream for one city.
//!
//! | the upstream | the answer |
//! | --- | --- |
//! | 200, a report | `Known` |
//! | 200, anything else | `Failed` |
//! | 404 in its own form | `Unknown` |
//! | any other status | `Failed` |
//! | not reached, or broken off | `Failed` |
//! | silent for too long | `TimedOut` |
//!
//! **Invariants**
//! - `UPSTREAM-1` Every end of a request is an [`Answer`]; none of them is an error that stops the others.
//! - `UPSTREAM-2` A connection is used again for the next city, as long as both sides keep it (`IDLE-CONN-1`).

use std::time::Duration;

use super::answer::Answer;
use super::endpoint::{AppId, Endpoint};
use super::report::{denies_city, parse_report};
use crate::http::Status;
use crate::web::client::asynchronous::Client;
use crate::web::client::{Fault, Options, Page};

/// The largest report, in bytes. Taste: real ones have some 500.
const MOST_REPORT_BYTES: u64 = 1 << 20;

/// An upstream, and the connections to it. A clone shares them.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Asks, and keeps connections.
    client: Client,
    /// Where it is.
    endpoint: Endpoint,
    /// What it wants to see.
    key: AppId,
    /// How long it may take over one city.
    limit: Duration,
}

impl Upstream {
    /// Makes one that keeps at most so many idle connections.
    pub fn new(endpoint: Endpoint, key: AppId, limit: Duration, connections: usize) -> Self {
        let options = Options {
            connect: limit,
            silence: limit,
            whole: limit,
            body_bytes: Some(MOST_REPORT_BYTES),
            idle_connections: connections,
            ..Options::default()
        };
        Self { client: Client::new(options), endpoint, key, limit }
    }

    /// Returns how long it may take over one city.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Asks for a city (`UPSTREAM-1`).
    ///
    /// # Panics
    /// No event loop runs on this thread.
    ///
    /// # Cancellation
    /// The request is given up, and its connection closed.
    pub async fn ask(&self, city: &str) -> Answer {
        match self.client.get(&self.endpoint.address_of(city, &self.key)).await {
            Ok(page) => answer_of(&page),
            Err(failure) => match failure.fault {
                Fault::Timeout(..) => Answer::TimedOut(self.limit),
                // The fault alone: the failure around it has the address, and so the key (WEATHER-ANSWER-2).
                fault => Answer::Failed(fault.to_string()),
            },
        }
    }
}

/// Reads what came.
fn answer_of(page: &Page) -> Answer {
    let status = page.status();
    match status {
        Status::OK => match parse_report(&page.body) {
            Ok(weather) => Answer::Known(weather),
            Err(error) => Answer::Failed(format!("its report cannot be read: {error}")),
        },
        Status::NOT_FOUND if denies_city(&page.body) => Answer::Unknown,
        Status::UNAUTHORIZED => Answer::Failed("status 401: it does not take the key".to_owned()),
        // The usual words, and not the upstream's own.
        _ => Answer::Failed(format!("status {status} {}", status.reason()).trim_end().to_owned()),
    }
}
