//! Task 2 on tokio, with hyper's client: the same links one after another and all at once, each way with its log.
//!
//! The counterpart is handloom's `fetch`. Addresses and the words for what went wrong are handloom's own (`Url`, `Fault`),
//! so that the logs can be compared. hyper leaves redirects, time limits and a bound on the body to its user; Handloom's
//! client has them.

use std::error::Error;
use std::fmt::Arguments;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use handloom::http::date::log_stamp;
use handloom::http::{DEFAULT_REDIRECTS, RedirectError, Url};
use handloom::web::client::{Fault, Limit, Phase};
use http_body_util::{BodyExt, Empty};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::LOCATION;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// How long a request may take with all its redirects.
const WHOLE: Duration = Duration::from_mins(1);

/// The most bytes of a body.
const MOST_BODY_BYTES: u64 = 10 * 1024 * 1024;

/// The client: it keeps connections, and is cheap to clone.
type Web = Client<HttpConnector, Empty<Bytes>>;

/// A log: lines that never mix.
#[derive(Debug)]
struct Log(File);

impl Log {
    /// Writes a line with the time, in one write.
    fn line(&self, text: Arguments<'_>) -> io::Result<()> {
        let stamp = log_stamp(SystemTime::now());
        (&self.0).write_all(format!("{stamp} {text}\n").as_bytes())
    }
}

/// Fetches one after another; tells whether all came.
///
/// # Errors
/// The log cannot be written.
pub async fn sequential(urls: &[String], log: &Path) -> io::Result<bool> {
    let (web, log) = (web(), Log(File::create(log)?));
    let mut all_came = true;
    for url in urls {
        all_came &= fetch(&web, url, &log).await?;
    }
    Ok(all_came)
}

/// Fetches so many at once; tells whether all came.
///
/// # Errors
/// The log cannot be written.
pub async fn concurrent(urls: &[String], at_once: usize, log: &Path) -> io::Result<bool> {
    let (web, log) = (web(), Log(File::create(log)?));
    let fetches = urls.iter().map(|url| fetch(&web, url, &log));
    let came = stream::iter(fetches).buffer_unordered(at_once);
    came.try_fold(true, async |all_came, came| Ok(all_came && came)).await
}

/// Makes a client.
fn web() -> Web {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Fetches one, and writes its two lines; tells whether it came.
async fn fetch(web: &Web, url: &str, log: &Log) -> io::Result<bool> {
    log.line(format_args!("request to {url} started"))?;
    let late = Fault::Timeout(Phase::Head, Limit::Whole(WHOLE)).to_string();
    match timeout(WHOLE, get(web, url)).await.unwrap_or(Err(late)) {
        Ok(status) => {
            let status = status.as_u16();
            log.line(format_args!("response for {url} received with status {status}"))?;
            Ok(true)
        }
        Err(fault) => {
            log.line(format_args!("request to {url} failed: {fault}"))?;
            Ok(false)
        }
    }
}

/// Fetches one through all its redirects, body and all; returns the final status.
async fn get(web: &Web, url: &str) -> Result<StatusCode, String> {
    let mut url = Url::parse(url).map_err(|error| Fault::Url(error).to_string())?;
    for _ in 0..=DEFAULT_REDIRECTS {
        let uri = url.as_str().parse().map_err(|error| format!("url: {error}"))?;
        let response = web.get(uri).await.map_err(|error| words(&error))?;
        let (head, mut body) = response.into_parts();
        let mut bytes = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| format!("protocol: {error}"))?;
            bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
            if bytes > MOST_BODY_BYTES {
                return Err(Fault::BodyTooLarge(MOST_BODY_BYTES).to_string());
            }
        }
        let location = head.headers.get(LOCATION).and_then(|location| location.to_str().ok());
        match location {
            Some(location) if matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308) => {
                url = url.join(location).map_err(|error| Fault::Url(error).to_string())?;
            }
            _ => return Ok(head.status),
        }
    }
    Err(Fault::from(RedirectError::TooMany(DEFAULT_REDIRECTS)).to_string())
}

/// What went wrong, in handloom's words as far as they fit: the cause lies at the end of a chain of sources.
fn words(error: &ClientError) -> String {
    let mut cause: &dyn Error = error;
    let mut system = None;
    while let Some(next) = cause.source() {
        cause = next;
        system = cause.downcast_ref::<io::Error>().map(io::Error::kind).or(system);
    }
    match system {
        Some(kind) if error.is_connect() => Fault::Connect(kind.into()).to_string(),
        Some(kind) => Fault::Io(Phase::Head, kind.into()).to_string(),
        None if error.is_connect() => format!("connect: {cause}"),
        None => format!("protocol: {cause}"),
    }
}
