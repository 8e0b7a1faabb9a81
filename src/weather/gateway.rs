//! The gateway: the weather of cities over HTTP.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /weather?city=A` | the entry of the city, with its status |
//! | `GET /weather?city=A&city=B` | a list of entries in the order asked, with 200 |
//! | no city, a blank one, more than [`MOST_CITIES`], a bad escape | 400 and `{"error": "…"}` |
//!
//! **Invariants**
//! - `GATEWAY-1` Cities are asked for at the same time, and stand in the order asked (`GATHER-1`).
//! - `GATEWAY-2` A client that goes away gives up what nobody else waits for (`ANSWERING-4`, `FLIGHT-2`).
//! - `GATEWAY-3` Blanks around a name are no part of it; the entry has the name without them.
//! - `GATEWAY-4` The embedded upstream answers for as long as the gateway finishes what is in flight.
//!
//! **Left out**: a limit for each client; who needs one puts a proxy before it.

use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::desk::Desk;
use super::embedded::Embedded;
use super::endpoint::{AppId, Endpoint};
use super::entry::{entry, entry_status, list};
use super::upstream::Upstream;
use crate::aio::{self, Descriptor, Either, race};
use crate::http::Status;
use crate::json::Json;
use crate::rt::EventLoop;
use crate::web::server::{Answered, Config, Request, Response, Router, Server};

/// The most cities that one request may ask for. Taste: one line of a browser holds no more.
pub const MOST_CITIES: usize = 100;

/// What a gateway is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who is asked, and with which key; the embedded upstream if none.
    pub upstream: Option<(Endpoint, AppId)>,
    /// The most calls under way at the upstream (`DESK-1`). Default 64; taste.
    pub most_calls: usize,
    /// How long the upstream may take over one city. Default 10 s; taste.
    pub timeout: Duration,
    /// The limits of the server.
    pub server: Config,
}

impl Default for Settings {
    fn default() -> Self {
        let timeout = Duration::from_secs(10);
        Self { upstream: None, most_calls: 64, timeout, server: Config::default() }
    }
}

/// Makes the table of the gateway's resources.
pub fn router() -> Router<Desk> {
    Router::new().get("/weather", async |desk: &Desk, request: &mut Request| {
        match cities(request) {
            Ok(cities) => weather(desk, &cities).await,
            Err(why) => refusal(&why),
        }
    })
}

/// Reads which cities are asked for; otherwise says what is wrong.
fn cities(request: &Request) -> Result<Vec<String>, String> {
    let query = request.query().map_err(|error| error.to_string())?;
    // GATEWAY-3
    let cities: Vec<String> = query.get_all("city").map(|city| city.trim().to_owned()).collect();
    if cities.is_empty() {
        return Err("expected a query such as city=Moscow".to_owned());
    }
    if cities.iter().any(String::is_empty) {
        return Err("expected the name of a city after city=".to_owned());
    }
    if cities.len() > MOST_CITIES {
        return Err(format!("expected at most {MOST_CITIES} cities"));
    }
    Ok(cities)
}

/// Answers with the weather (`GATEWAY-1`).
async fn weather(desk: &Desk, cities: &[String]) -> Response {
    if let [city] = cities {
        let answer = desk.ask(city).await;
        return Response::json(entry(city, &answer)).with_status(entry_status(&answer));
    }
    let answers = desk.ask_all(cities).await;
    let entries = cities.iter().zip(&answers).map(|(city, answer)| entry(city, answer));
    Response::json(list(entries))
}

/// Answers that a request cannot be understood, and why.
fn refusal(why: &str) -> Response {
    let text = format!(r#"{{"error": {}}}"#, Json::text(why));
    Response::json(text).with_status(Status::BAD_REQUEST)
}

/// Serves the gateway on `listener` until `stop` is readable; `ready` is called when clients are taken in, and `log`
/// with every answer.
///
/// # Errors
/// A listener fails for good, there is no descriptor for the event loop; that of `ready`.
///
/// # Blocking
/// Until the stop, and the grace.
pub fn serve(
    listener: TcpListener,
    settings: Settings,
    log: impl Fn(&Answered<'_>) + 'static,
    stop: BorrowedFd<'_>,
    ready: &mut dyn FnMut() -> io::Result<()>,
) -> io::Result<()> {
    EventLoop::builder().slow_poll(None).build()?.block_on(async {
        let mut stop = Descriptor::new(stop)?;
        let listener = aio::TcpListener::from_std(listener)?;
        let embedded = if settings.upstream.is_none() { Some(Embedded::listen()?) } else { None };
        let (endpoint, key) = match (settings.upstream, &embedded) {
            (Some(upstream), _) => upstream,
            (None, Some(embedded)) => {
                (embedded.endpoint().map_err(io::Error::other)?, Embedded::key())
            }
            (None, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        let upstream = Upstream::new(endpoint, key, settings.timeout, settings.most_calls);
        let desk = Desk::new(upstream, settings.most_calls);
        // A client that closes its sending side after its request still gets the answer, which takes no longer.
        let config = Config { half_close: settings.timeout, ..settings.server };
        let gateway = Server::with_config(router(), desk, config).with_log(log);
        ready()?;
        let stopped = async {
            // Whether it is readable or of no use any more: nobody could stop the server later.
            drop(stop.readable().await);
        };
        let serving = gateway.serve(listener, stopped);
        let Some(embedded) = embedded else { return serving.await };
        // GATEWAY-4: the upstream ends by being dropped, when the gateway has.
        match race(serving, embedded.serve(|_| {})).await {
            Either::First(served) | Either::Second(served) => served,
        }
    })
}
