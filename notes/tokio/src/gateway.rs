//! The gateway on tokio and hyper: `GET /weather?city=...` asks an upstream for every city at once.
//!
//! The counterpart is handloom's `weather` and `gateway`. This one leaves out: a bound on the requests in flight,
//! sharing of equal requests, an access log, deadlines for slow clients, a graceful end.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use futures_util::future::join_all;
use handloom::http::{Query, percent};
use handloom::json::Json;
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// How long the upstream may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most bytes of an answer of the upstream.
const MOST_BYTES: usize = 64 * 1024;

/// Where the weather is asked for.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its address, up to the path: `http://127.0.0.1:8002`.
    base: String,
    /// The key that it asks its users for.
    appid: String,
    /// Keeps connections.
    client: Client<HttpConnector, Empty<Bytes>>,
}

/// What is known of a city: its weather; that there is no such city; or why it is not known.
type Weather = Result<Option<String>, (StatusCode, String)>;

impl Upstream {
    /// An upstream at this address.
    pub fn new(base: &str, appid: &str) -> Self {
        let client =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http();
        Self { base: base.trim_end_matches('/').to_owned(), appid: appid.to_owned(), client }
    }

    /// Asks for one city.
    async fn weather(&self, city: &str) -> Weather {
        let late = || (StatusCode::GATEWAY_TIMEOUT, format!("no answer within {PATIENCE:?}"));
        timeout(PATIENCE, self.ask(city)).await.unwrap_or_else(|_| Err(late()))
    }

    /// The same, without a limit.
    async fn ask(&self, city: &str) -> Weather {
        let bad = |what: String| (StatusCode::BAD_GATEWAY, what);
        let (city, appid) = (percent::encode(city), percent::encode(&self.appid));
        let url = format!("{}/data/2.5/weather?q={city}&APPID={appid}", self.base);
        let url = url.parse().map_err(|error| bad(format!("upstream: {error}")))?;
        let response =
            self.client.get(url).await.map_err(|error| bad(format!("upstream: {error}")))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
        let body = body.map_err(|error| bad(format!("upstream: {error}")))?.to_bytes();
        match status {
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::OK => {}
            _ => return Err(bad(format!("upstream: status {}", status.as_u16()))),
        }
        let json = Json::parse(&body).map_err(|error| bad(format!("upstream: {error}")))?;
        let main =
            json.get("weather").and_then(|list| list.items().first()?.get("main")?.as_text());
        main.map(|main| Some(main.to_owned())).ok_or_else(|| bad("upstream: no weather".into()))
    }
}

/// Serves for ever; a connection is a task.
///
/// Must be called inside a [`LocalRuntime`](tokio::runtime::LocalRuntime) or a `LocalSet`.
///
/// # Errors
/// The listener's.
pub async fn serve(listener: TcpListener, upstream: Upstream) -> io::Result<Infallible> {
    loop {
        let (stream, _) = listener.accept().await?;
        let upstream = upstream.clone();
        tokio::task::spawn_local(async move {
            let answer = service_fn(|request| answer(request, &upstream));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // An error on a connection concerns its client only.
            drop(connection.await);
        });
    }
}

/// Answers one request.
async fn answer(
    request: Request<Incoming>,
    upstream: &Upstream,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let refusal =
        |status, why: &str| reply(status, &format!(r#"{{"error": {}}}"#, Json::text(why)));
    if request.uri().path() != "/weather" {
        return Ok(refusal(StatusCode::NOT_FOUND, "there is /weather?city=... and nothing else"));
    }
    if request.method() != Method::GET {
        let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "only GET");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return Ok(response);
    }
    let Ok(query) = Query::parse(request.uri().query().unwrap_or_default()) else {
        return Ok(refusal(StatusCode::BAD_REQUEST, "a bad escape in the query"));
    };
    let cities: Vec<_> = query.get_all("city").collect();
    // All at once; the results stand in the order of the cities.
    let known = join_all(cities.iter().map(|city| upstream.weather(city))).await;
    let entries = cities.iter().zip(&known).map(|(city, weather)| entry(city, weather));
    Ok(match (&known[..], entries.collect::<Vec<_>>()) {
        ([], _) => refusal(StatusCode::BAD_REQUEST, "expected city=..., once or more"),
        ([Err((status, _))], entries) => reply(*status, &entries[0]),
        ([Ok(_)], entries) => reply(StatusCode::OK, &entries[0]),
        // An error of one of many is in its entry alone.
        (_, entries) => reply(StatusCode::OK, &format!("[{}]", entries.join(", "))),
    })
}

/// What is said of a city, as handloom's gateway writes it.
fn entry(city: &str, weather: &Weather) -> String {
    let city = Json::text(city);
    match weather {
        Ok(Some(weather)) => {
            format!(r#"{{"city": {city}, "weather": {}}}"#, Json::text(weather))
        }
        Ok(None) => {
            format!(r#"{{"city": {city}, "weather": null, "reason": "no such city"}}"#)
        }
        Err((status, why)) => {
            let (why, status) = (Json::text(why), status.as_u16());
            format!(r#"{{"city": {city}, "weather": null, "reason": {why}, "status": {status}}}"#)
        }
    }
}

/// Makes a response.
fn reply(status: StatusCode, json: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{json}\n"))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
