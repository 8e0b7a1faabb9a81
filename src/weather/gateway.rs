//! The gateway: the weather of cities over HTTP, and its access log.
//!
//! | request | response |
//! | --- | --- |
//! | `GET /weather?city=A` | the entry of the city, with the entry's status |
//! | `GET /weather?city=A&city=B` | a list of entries in the order asked, with 200 |
//! | `GET /` | a page with links to try |
//! | no city, a blank one, more than [`MOST_CITIES`], a bad escape | 400 and `{"error": "…"}` |
//!
//! | answer | its entry |
//! | --- | --- |
//! | known | `{"city": "Moscow", "weather": "Clouds"}` |
//! | unknown | `{"city": "Atlantis", "weather": null, "reason": "…"}` |
//! | failed | `{"city": "Moscow", "weather": null, "reason": "…", "status": 502}` |
//! | timed out | the same, with 504 |
//!
//! A line of the log:
//! ```text
//! 2026-03-01T12:00:00.123456Z 127.0.0.1:40000 "GET /weather?city=Moscow HTTP/1.1" 200 212.031 ms
//! ```
//!
//! **Invariants**
//! - `GATEWAY-1` Cities are asked for at the same time, and their entries stand in the order asked.
//! - `GATEWAY-2` When a client disconnects, the calls that no other client waits for are cancelled.
//! - `GATEWAY-3` Blanks around a city's name are removed.
//! - `GATEWAY-4` The embedded upstream runs until the gateway has ended, so requests under way can be answered.
//! - `ENTRY-1` The members of an entry, their order and the blanks between them do not change. Texts are escaped.
//! - `ENTRY-2` For one city, the response has the status of the entry. For several it is 200, and each entry that
//!   failed has its own `status`.
//! - `HIDDEN-1` The log contains no key. The gateway's own key does not reach the log; if a client sends an `appid` by
//!   mistake, its value is replaced, however the name is escaped.

use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;
use std::time::{Duration, SystemTime};

use super::answer::Answer;
use super::embedded::{Embedded, find_city};
use super::shared_upstream::SharedUpstream;
use super::upstream::{AppId, CITIES, Endpoint, MOST_AT_ONCE, Upstream};
use crate::aio::{self, Descriptor, Either, race};
use crate::http::{Status, percent};
use crate::json::Json;
use crate::rt::EventLoop;
use crate::web::server::{Answered, Config, Request, Response, Router, Server};

/// The most cities in one request.
pub const MOST_CITIES: usize = 100;

/// What the log shows instead of a key.
const HIDDEN: &str = "…";

/// The settings of a gateway.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The upstream and the key for it; if `None`, the embedded upstream.
    pub upstream: Option<(Endpoint, AppId)>,
    /// The most requests under way at the upstream. Default 64.
    pub most_calls: usize,
    /// How long the upstream may take for one city. Default 10 s.
    pub timeout: Duration,
    /// The limits of the server.
    pub server: Config,
}

impl Default for Settings {
    fn default() -> Self {
        let timeout = Duration::from_secs(10);
        Self { upstream: None, most_calls: MOST_AT_ONCE, timeout, server: Config::default() }
    }
}

/// Writes an answer as an entry (`ENTRY-1`).
///
/// # Examples
/// ```
/// use handloom::weather::{Answer, Weather, gateway::entry};
/// let weather = Weather { main: "Clouds".into(), description: None, kelvins: None };
/// let text = r#"{"city": "Moscow", "weather": "Clouds"}"#;
/// assert_eq!(entry("Moscow", &Answer::Known(weather)), text);
/// ```
pub fn entry(city: &str, answer: &Answer) -> String {
    let city = Json::text(city);
    if let Answer::Known(weather) = answer {
        return format!(r#"{{"city": {city}, "weather": {}}}"#, Json::text(&*weather.main));
    }
    let reason = Json::text(answer.to_string());
    let status = entry_status(answer);
    let status =
        if answer.is_failure() { format!(r#", "status": {status}"#) } else { String::new() };
    format!(r#"{{"city": {city}, "weather": null, "reason": {reason}{status}}}"#)
}

/// Returns the status of a response with this answer alone.
pub fn entry_status(answer: &Answer) -> Status {
    match answer {
        // The gateway knows the answer to the question (WEATHER-ANSWER-1).
        Answer::Known(_) | Answer::Unknown => Status::OK,
        Answer::Failed(_) => Status::BAD_GATEWAY,
        Answer::TimedOut(_) => Status::GATEWAY_TIMEOUT,
    }
}

/// Makes the gateway's table of resources.
pub fn router() -> Router<SharedUpstream> {
    let weather = async |upstream: &SharedUpstream, request: &mut Request| match cities(request) {
        Ok(cities) => weather(upstream, &cities).await,
        Err(why) => refusal(&why),
    };
    Router::new().get("/weather", weather).get_at_once("/", |_, _| index())
}

/// Answers with links to try.
fn index() -> Response {
    let query = |city: &str| format!("city={}", percent::encode(city));
    let delay = |city| find_city(city).map_or(Duration::ZERO, |city| city.delay);
    let row = |city| (format!("/weather?{}", query(city)), format!("{city}, {:?}", delay(city)));
    let two = format!("/weather?{}&{}", query(CITIES[0]), query(CITIES[11]));
    let mut rows = CITIES.map(row).to_vec();
    rows.push((two, "both at once".to_owned()));
    let about = "The weather of cities as JSON. Without --upstream, each answer takes the time beside its city.";
    Response::index("Handloom's gateway", about, &rows)
}

/// Reads the cities from the query, or returns what is wrong with it.
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
async fn weather(upstream: &SharedUpstream, cities: &[String]) -> Response {
    if let [city] = cities {
        let answer = upstream.ask(city).await;
        return Response::json(entry(city, &answer)).with_status(entry_status(&answer));
    }
    let answers = upstream.ask_all(cities).await;
    let entries = cities.iter().zip(&answers).map(|(city, answer)| entry(city, answer));
    Response::json(format!("[{}]", entries.collect::<Vec<_>>().join(", ")))
}

/// Answers that a request cannot be understood, and why.
fn refusal(why: &str) -> Response {
    let text = format!(r#"{{"error": {}}}"#, Json::text(why));
    Response::json(text).with_status(Status::BAD_REQUEST)
}

/// Serves the gateway on `listener` until `stop` is readable. Calls `ready` when it accepts clients, and `log` after
/// every response.
///
/// # Errors
/// The listener failed and cannot be used any more, the event loop cannot be made, or `ready` failed.
///
/// # Blocking
/// Until the stop; then until the requests under way are answered, at most for the server's grace.
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
        let upstream = SharedUpstream::new(upstream, settings.most_calls);
        // A client that shuts down its sending side after the request still gets the response.
        let config = Config { half_close: settings.timeout, ..settings.server };
        let gateway = Server::with_config(router(), upstream, config).with_log(log);
        ready()?;
        let stopped = async {
            // An error stops the gateway too: it could not be stopped later.
            drop(stop.readable().await);
        };
        let serving = gateway.serve(listener, stopped);
        let Some(embedded) = embedded else { return serving.await };
        // GATEWAY-4
        match race(serving, embedded.serve(|_| {})).await {
            Either::First(served) | Either::Second(served) => served,
        }
    })
}

/// Writes the log's line for a response that was sent at `time`, with a line feed.
pub fn log_line(answered: &Answered<'_>, time: SystemTime) -> String {
    let line = answered.line(time);
    // Neither an address nor a path has a question mark, and a query has no blank.
    let Some((before, rest)) = line.split_once('?') else { return line };
    let (query, after) = rest.split_once(' ').unwrap_or((rest, ""));
    format!("{before}?{} {after}", hide_keys(query))
}

/// Replaces the values of all `appid` in a query (`HIDDEN-1`).
fn hide_keys(query: &str) -> String {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_key(name) => format!("{name}={HIDDEN}"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Tells whether a name in a query is that of a key; `%61ppid` is one too.
fn is_key(name: &str) -> bool {
    percent::decode(name).is_ok_and(|name| name.eq_ignore_ascii_case("appid"))
}

#[cfg(test)]
mod tests {
    use super::hide_keys;

    #[test]
    fn a_key_in_a_query_is_hidden_however_its_name_is_written() {
        let cases = [
            ("city=A&appid=k", "city=A&appid=…"),
            ("APPID=k=k&city=A", "APPID=…&city=A"),
            ("%61pp%49d=k", "%61pp%49d=…"),
            ("city=appid", "city=appid"),
            ("appid", "appid"),
        ];
        for (query, shown) in cases {
            assert_eq!(hide_keys(query), shown, "HIDDEN-1: {query}");
        }
    }
}
