//! An upstream in this process, which answers as `OpenWeatherMap` does, to try everything without a network or a key.
//!
//! It is an HTTP server on the event loop of its caller. One thread serves both ends of a connection, because neither
//! end blocks.
//!
//! | request | response |
//! | --- | --- |
//! | a city of [`EMBEDDED_CITIES`] | 200 and a report, after the city's delay |
//! | another city | 404 and `{"cod":"404","message":"city not found"}`, after a delay |
//! | no city | 400 |
//! | no key | 401; any key is accepted |
//!
//! The same city always has the same weather and the same delay, so runs can be compared.
//!
//! **Invariants**
//! - `UPSTREAM-SITE-1` A city is found by its English or its local name, in upper or lower case, optionally followed by its
//!   country code, as in `London,GB`. With the code of another country it is not found.
//! - `UPSTREAM-SITE-2` No response comes before its delay is over.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::upstream::{AppId, Endpoint, EndpointError, PATH};
use crate::aio::{TcpListener, sleep};
use crate::http::Status;
use crate::json::{Json, Number};
use crate::web::server::{Answered, Request, Response, Router, Server};

/// The delay before the response for an unknown city.
const UNKNOWN_DELAY: Duration = Duration::from_millis(100);

/// A city that the embedded upstream knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmbeddedCity {
    /// Its English name.
    pub name: &'static str,
    /// Its name in the script of its country.
    pub local_name: &'static str,
    /// The code of its country.
    pub country: &'static str,
    /// The weather in one word.
    pub main: &'static str,
    /// The weather in some words.
    pub description: &'static str,
    /// The temperature in hundredths of a kelvin.
    pub centikelvins: u64,
    /// The delay before the response.
    pub delay: Duration,
}

/// The default cities and a few more. New York has the longest delay of the default cities.
pub const EMBEDDED_CITIES: [EmbeddedCity; 15] = [
    city("Moscow", "Москва", "RU", "Clouds", "broken clouds", 28_115, 210),
    city("St. Petersburg", "Санкт-Петербург", "RU", "Rain", "light rain", 27_990, 180),
    city("Rostov-on-Don", "Ростов-на-Дону", "RU", "Clear", "clear sky", 28_760, 240),
    city("Kaliningrad", "Калининград", "RU", "Drizzle", "drizzle", 28_040, 150),
    city("Vladivostok", "Владивосток", "RU", "Snow", "light snow", 27_055, 330),
    city("Minsk", "Мінск", "BY", "Mist", "mist", 27_930, 170),
    city("Beijing", "北京", "CN", "Haze", "haze", 28_905, 300),
    city("Delhi", "दिल्ली", "IN", "Smoke", "smoke", 30_210, 280),
    city("Istanbul", "İstanbul", "TR", "Clouds", "few clouds", 28_890, 190),
    city("Tokyo", "東京", "JP", "Clear", "clear sky", 29_015, 310),
    city("London", "London", "GB", "Rain", "moderate rain", 28_345, 120),
    city("New York", "New York", "US", "Clouds", "overcast clouds", 28_575, 350),
    city("Paris", "Paris", "FR", "Clouds", "scattered clouds", 28_640, 140),
    city("Reykjavik", "Reykjavík", "IS", "Snow", "shower snow", 27_245, 260),
    city("Sydney", "Sydney", "AU", "Clear", "clear sky", 29_530, 340),
];

/// Makes a row of the table.
const fn city(
    name: &'static str,
    local_name: &'static str,
    country: &'static str,
    main: &'static str,
    description: &'static str,
    centikelvins: u64,
    delay_ms: u64,
) -> EmbeddedCity {
    let delay = Duration::from_millis(delay_ms);
    EmbeddedCity { name, local_name, country, main, description, centikelvins, delay }
}

/// Finds a city (`UPSTREAM-SITE-1`).
pub fn find_city(query: &str) -> Option<&'static EmbeddedCity> {
    let (name, country) = match query.split_once(',') {
        Some((name, country)) => (name.trim(), Some(country.trim())),
        None => (query.trim(), None),
    };
    let same = |left: &str, right: &str| left.to_lowercase() == right.to_lowercase();
    EMBEDDED_CITIES.iter().find(|city| {
        (same(city.name, name) || same(city.local_name, name))
            && country.is_none_or(|country| same(city.country, country))
    })
}

impl EmbeddedCity {
    /// Writes the weather in the form of `OpenWeatherMap`, with its most important members.
    pub fn report(&self) -> Json {
        let weather = Json::object([
            ("main", Json::text(self.main)),
            ("description", Json::text(self.description)),
        ]);
        Json::object([
            ("weather", Json::List(vec![weather])),
            ("base", Json::text("stations")),
            ("main", Json::object([("temp", hundredths(self.centikelvins))])),
            ("sys", Json::object([("country", Json::text(self.country))])),
            ("name", Json::text(self.name)),
            ("cod", Json::whole(200)),
        ])
    }
}

/// Writes hundredths as a number with two decimals.
fn hundredths(number: u64) -> Json {
    let text = format!("{}.{:02}", number / 100, number % 100);
    Number::parse(&text).map_or(Json::Null, Json::Number)
}

/// An upstream that listens, and answers while [`serve`](Self::serve) is polled. A client can connect before that: the
/// operating system accepts connections from [`listen`](Self::listen) on.
#[derive(Debug)]
pub struct Embedded {
    /// Accepts connections.
    listener: TcpListener,
    /// The listener's address.
    address: SocketAddr,
}

impl Embedded {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// The process has no free descriptor.
    ///
    /// # Panics
    /// If no event loop runs on this thread.
    pub fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Returns the upstream's address.
    ///
    /// # Errors
    /// None in practice: an address with digits and a port can be read.
    pub fn endpoint(&self) -> Result<Endpoint, EndpointError> {
        format!("http://{}", self.address).parse()
    }

    /// Returns a key that the upstream accepts.
    pub fn key() -> AppId {
        AppId::new("embedded")
    }

    /// Answers requests until it is dropped; calls `log` after every response.
    ///
    /// # Errors
    /// The listener failed and cannot be used any more.
    ///
    /// # Cancellation
    /// Requests under way get no response.
    pub async fn serve(self, log: impl Fn(&Answered<'_>) + 'static) -> io::Result<()> {
        let router =
            Router::new().get(PATH, async |(), request: &mut Request| respond(request).await);
        Server::new(router, ()).with_log(log).serve(self.listener, pending()).await
    }
}

/// Answers a request.
async fn respond(request: &Request) -> Response {
    let Ok(query) = request.query() else {
        return error(Status::BAD_REQUEST, "bad query");
    };
    let has_key =
        query.pairs().any(|(name, value)| name.eq_ignore_ascii_case("appid") && !value.is_empty());
    if !has_key {
        return error(Status::UNAUTHORIZED, "Invalid API key");
    }
    let Some(name) = query.get("q").filter(|name| !name.trim().is_empty()) else {
        return error(Status::BAD_REQUEST, "Nothing to geocode");
    };
    let Some(city) = find_city(name) else {
        sleep(UNKNOWN_DELAY).await;
        return error(Status::NOT_FOUND, "city not found");
    };
    sleep(city.delay).await;
    Response::json(city.report().to_string())
}

/// Makes an error response; its `cod` is a string, as in `OpenWeatherMap`'s error responses.
fn error(status: Status, message: &str) -> Response {
    let json =
        Json::object([("cod", Json::text(status.to_string())), ("message", Json::text(message))]);
    Response::json(json.to_string()).with_status(status)
}
