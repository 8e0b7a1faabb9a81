//! The embedded upstream: answers as `OpenWeatherMap` does, so that all can be tried without a network or a key.
//!
//! It is a server like any other, on the loop of whoever asks it: one thread is enough for both ends of a connection,
//! since neither ever blocks.
//!
//! | request | answer |
//! | --- | --- |
//! | a city that it knows | 200 and a report, after the city's delay |
//! | another city | 404 and `{"cod":"404","message":"city not found"}`, after a delay too |
//! | without a city | 400 |
//! | without a key | 401; any key will do |
//!
//! **Invariants**
//! - `UPSTREAM-SITE-1` Whoever has an [`Embedded`] can connect to it: the kernel takes connections before it is served.
//! - `UPSTREAM-SITE-2` No answer comes before its delay is over.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::endpoint::{AppId, Endpoint, EndpointError, PATH};
use super::world::find_place;
use crate::aio::{TcpListener, sleep};
use crate::http::Status;
use crate::json::Json;
use crate::web::server::{Answered, Request, Response, Router, Server};

/// How long it takes to find out that there is no such city.
const UNKNOWN_DELAY: Duration = Duration::from_millis(100);

/// An upstream that listens, and answers while it is served.
#[derive(Debug)]
pub struct Embedded {
    /// Takes connections.
    listener: TcpListener,
    /// Where.
    address: SocketAddr,
}

impl Embedded {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// Out of descriptors.
    ///
    /// # Panics
    /// No event loop runs on this thread.
    pub fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Returns where it is asked.
    ///
    /// # Errors
    /// None that can happen: its own address can be read.
    pub fn endpoint(&self) -> Result<Endpoint, EndpointError> {
        format!("http://{}", self.address).parse()
    }

    /// Returns a key that it takes.
    pub fn key() -> AppId {
        AppId::new("embedded")
    }

    /// Answers until it is dropped; `log` is told of every answer.
    ///
    /// # Errors
    /// The listener fails for good.
    ///
    /// # Cancellation
    /// Requests that wait get no answer (`WEB-1`).
    pub async fn serve(self, log: impl Fn(&Answered<'_>) + 'static) -> io::Result<()> {
        let router =
            Router::new().get(PATH, async |(), request: &mut Request| report(request).await);
        Server::new(router, ()).with_log(log).serve(self.listener, pending()).await
    }
}

/// Answers a request.
async fn report(request: &Request) -> Response {
    let Ok(query) = request.query() else {
        return error(Status::BAD_REQUEST, "bad query");
    };
    let has_key =
        query.pairs().any(|(name, value)| name.eq_ignore_ascii_case("appid") && !value.is_empty());
    if !has_key {
        return error(Status::UNAUTHORIZED, "Invalid API key");
    }
    let Some(city) = query.get("q").filter(|city| !city.trim().is_empty()) else {
        return error(Status::BAD_REQUEST, "Nothing to geocode");
    };
    let Some(place) = find_place(city) else {
        sleep(UNKNOWN_DELAY).await;
        return error(Status::NOT_FOUND, "city not found");
    };
    sleep(place.delay).await;
    Response::json(place.report().to_string())
}

/// Answers that there is no report, and why; the code is a text, as it is there.
fn error(status: Status, message: &str) -> Response {
    let json =
        Json::object([("cod", Json::text(status.to_string())), ("message", Json::text(message))]);
    Response::json(json.to_string()).with_status(status)
}
