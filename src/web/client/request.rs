//! What a caller gives to a client, and what it gets back.

use std::time::Duration;

use super::fault::{Failure, Fault};
use crate::http::{DEFAULT_REDIRECTS, Fields, HeadLimits, Method, ResponseHead, Status, Url};

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// Fields beside those that every request has. The client writes `Host`, `Content-Length` and others itself.
    pub fields: Fields,
    /// The body, sent with its length; an empty one is not sent. It is sent before the response is read.
    pub body: Vec<u8>,
}

impl Request {
    /// Makes a `GET` request.
    ///
    /// # Errors
    /// [`Fault::Url`] or [`Fault::Scheme`]: the text is not an address that is accepted here.
    pub fn get(url: &str) -> Result<Self, Failure> {
        Self::new(Method::Get, url)
    }

    /// Makes a request with another method.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn new(method: Method, url: &str) -> Result<Self, Failure> {
        match Url::parse(url) {
            Ok(url) => Ok(Self { method, url, fields: Fields::new(), body: Vec::new() }),
            Err(error) => Err(Fault::from(error).at(url, None)),
        }
    }
}

/// The limits of a fetch. Each has a default, because a client cannot choose its servers.
#[derive(Clone, Debug)]
pub struct Options {
    /// On resolving the name and connecting; it starts again after each redirect. Default 10 s, the time of three
    /// lost packets of a connect.
    pub connect: Duration,
    /// On a pause in which no byte moves in either direction. Default 30 s.
    pub silence: Duration,
    /// On the whole fetch, redirects included. Default 60 s.
    pub whole: Duration,
    /// On a head, interim heads included. Default 64 KiB and 100 fields.
    pub head: HeadLimits,
    /// On the body, in bytes. Default 10 MiB; `None` for a sink that takes any amount, such as a file.
    pub body_bytes: Option<u64>,
    /// On the redirects that are followed. Default 10; with 0 a redirect is a failure.
    pub redirects: usize,
    /// The most idle connections, to all hosts together, that the asynchronous client keeps for later requests.
    /// Default 100; each costs a descriptor.
    pub idle_connections: usize,
    /// How long an idle connection is kept. Default 15 s, as in aiohttp.
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

/// A complete response, whose body has gone to a sink.
#[derive(Clone, Debug)]
pub struct Response {
    /// The final address, after redirects.
    pub url: Url,
    /// The head.
    pub head: ResponseHead,
    /// The length of the body.
    pub body_bytes: u64,
}

impl Response {
    /// Returns the status; any status is a response, 404 and 500 too.
    pub fn status(&self) -> Status {
        self.head.status
    }
}

/// A complete response with its body.
#[derive(Clone, Debug)]
pub struct Page {
    /// The response.
    pub response: Response,
    /// The body.
    pub body: Vec<u8>,
}

impl Page {
    /// Returns the status.
    pub fn status(&self) -> Status {
        self.response.status()
    }
}
