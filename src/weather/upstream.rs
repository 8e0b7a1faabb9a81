//! The client of an upstream: asks for one city, or for many at once.
//!
//! | the upstream | the answer |
//! | --- | --- |
//! | status 200, a report | `Known` |
//! | status 200, anything else | `Failed` |
//! | status 404 in `OpenWeatherMap`'s form | `Unknown` |
//! | any other status | `Failed` |
//! | cannot be reached, or breaks off | `Failed` |
//! | is silent for too long | `TimedOut` |
//!
//! Asking for many cities one after another takes the sum of the response times; asking for all at once takes the
//! longest of them. The code for one city is the same in both cases.
//!
//! **Invariants**
//! - `UPSTREAM-1` Each request ends in an [`Answer`]; none ends in an error that would stop the other requests.
//! - `UPSTREAM-2` A connection is used again for the next city, as long as both sides keep it open.
//! - `ENDPOINT-1` Every character of a city's name that has a meaning in an address is escaped.
//! - `APPID-1` A key appears only in the address that is sent: it has no `Display`, and its `Debug` hides it.
//! - `MANY-1` Answers stand in the order asked, whatever the order in which they arrived.

use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::answer::Answer;
use super::report::{denies_city, parse_report};
use crate::aio::bounded;
use crate::http::percent::encode;
use crate::http::{Status, Url, UrlError};
use crate::rt::now;
use crate::web::client::asynchronous::Client;
use crate::web::client::{Fault, Options, Page};

/// The path of the weather at `OpenWeatherMap`, and at every server that answers in its form.
pub(super) const PATH: &str = "/data/2.5/weather";

/// The largest report, in bytes. Real ones have about 500.
const MOST_REPORT_BYTES: u64 = 1 << 20;

/// How many requests [`ask_all`] sends at the same time by default. Each needs a connection.
pub const MOST_AT_ONCE: usize = 64;

/// The cities that are asked for by default.
pub const CITIES: [&str; 12] = [
    "Moscow",
    "St. Petersburg",
    "Rostov-on-Don",
    "Kaliningrad",
    "Vladivostok",
    "Minsk",
    "Beijing",
    "Delhi",
    "Istanbul",
    "Tokyo",
    "London",
    "New York",
];

/// The key that an upstream demands (`APPID-1`).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AppId(String);

impl AppId {
    /// Makes a key; it may be empty if the upstream demands none.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppId(…)")
    }
}

/// The address of an upstream, without a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address.
    url: Url,
}

/// Why a text is not the address of an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointError {
    /// It is not an `http` address.
    Url(UrlError),
    /// It has a query. A query may contain a key, so this error does not repeat the text.
    Query,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    /// Reads an address. If it does not end with the usual path, the path is added.
    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let url = Url::parse(text).map_err(EndpointError::Url)?;
        if url.query().is_some() {
            return Err(EndpointError::Query);
        }
        if url.path().ends_with(PATH) {
            return Ok(Self { url });
        }
        let whole = format!("{}{PATH}", url.as_str().trim_end_matches('/'));
        Url::parse(&whole).map(|url| Self { url }).map_err(EndpointError::Url)
    }
}

impl Endpoint {
    /// Returns the address of a city's weather, with the key (`ENDPOINT-1`).
    pub fn address_of(&self, city: &str, key: &AppId) -> String {
        format!("{}?q={}&APPID={}", self.url, encode(city), encode(&key.0))
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => error.fmt(f),
            Self::Query => {
                f.write_str("expected an address without a query; a key belongs to --appid")
            }
        }
    }
}

impl Error for EndpointError {}

/// An upstream and the connections to it. Clones share the connections.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Sends the requests, and keeps idle connections.
    client: Client,
    /// The upstream's address.
    endpoint: Endpoint,
    /// The key that is sent.
    key: AppId,
    /// The longest that a request may take.
    limit: Duration,
}

impl Upstream {
    /// Makes a client that keeps at most `connections` idle connections. A request takes at most `limit`.
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

    /// Returns the longest that a request may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Asks for a city (`UPSTREAM-1`).
    ///
    /// # Panics
    /// If no event loop runs on this thread.
    ///
    /// # Cancellation
    /// The request is cancelled, and its connection is closed.
    pub async fn ask(&self, city: &str) -> Answer {
        match self.client.get(&self.endpoint.address_of(city, &self.key)).await {
            Ok(page) => answer_of(&page),
            Err(failure) => match failure.fault {
                Fault::Timeout(..) => Answer::TimedOut(self.limit),
                // Only the fault: `failure` also has the address, which contains the key (WEATHER-ANSWER-2).
                fault => Answer::Failed(fault.to_string()),
            },
        }
    }
}

/// Turns a response into an answer.
fn answer_of(page: &Page) -> Answer {
    let status = page.status();
    match status {
        Status::OK => match parse_report(&page.body) {
            Ok(weather) => Answer::Known(weather),
            Err(error) => Answer::Failed(format!("its report cannot be read: {error}")),
        },
        Status::NOT_FOUND if denies_city(&page.body) => Answer::Unknown,
        Status::UNAUTHORIZED => Answer::Failed("status 401: it does not take the key".to_owned()),
        // The standard reason phrase, not the one that the upstream sent (WEATHER-ANSWER-2).
        _ => Answer::Failed(format!("status {status} {}", status.reason()).trim_end().to_owned()),
    }
}

/// A city with its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedCity {
    /// The name, as it was asked for.
    pub city: String,
    /// The answer.
    pub answer: Answer,
    /// How long the upstream took.
    pub took: Duration,
}

/// Asks for cities, with at most `at_once` requests at the same time (`MANY-1`). With 1, each request waits for the
/// answer to the one before it.
///
/// # Panics
/// If no event loop runs on this thread, or `at_once` is 0.
///
/// # Cancellation
/// Requests under way are cancelled, and the answers are lost.
pub async fn ask_all(upstream: &Upstream, cities: &[String], at_once: usize) -> Vec<AskedCity> {
    bounded(at_once, cities.iter().map(|city| ask_timed(upstream, city))).await
}

/// Asks for one city and measures the time.
async fn ask_timed(upstream: &Upstream, city: &str) -> AskedCity {
    let begun = now();
    let answer = upstream.ask(city).await;
    AskedCity { city: city.to_owned(), answer, took: now().saturating_duration_since(begun) }
}
