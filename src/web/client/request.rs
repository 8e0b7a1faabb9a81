//! What a caller gives to a client, and what it gets back.
//!
//! **Invariants**
//! - `SINK-1` A sink gets the bytes of the body of the final response, in order, and nothing else: nothing of a
//!   redirect, and nothing twice.

use std::io::{self, Write};
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
    /// [`Fault::Url`]: the text is not an address that is accepted here.
    pub fn get(url: &str) -> Result<Self, Failure> {
        Self::new(Method::Get, url)
    }

    /// Makes a request with another method.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn new(method: Method, url: &str) -> Result<Self, Failure> {
        let parsed = Url::parse(url).map_err(|error| Fault::Url(error).at(url, None))?;
        Ok(Self { method, url: parsed, fields: Fields::new(), body: Vec::new() })
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
    /// On a head, interim heads included. Default 64 KiB and 128 fields.
    pub head: HeadLimits,
    /// On the body, in bytes. Default 10 MiB; `None` for a sink that takes any amount, such as a file.
    pub body_bytes: Option<u64>,
    /// On the redirects that are followed. Default 10; with 0 a redirect is a failure.
    pub redirects: usize,
    /// Whether a final status from 400 on is a failure, as curl's `--fail` makes it. By default it is not.
    pub fails: bool,
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
            fails: false,
            idle_connections: 100,
            idle_timeout: Duration::from_secs(15),
        }
    }
}

/// The destination of a body (`SINK-1`): everything with [`Write`], such as a `Vec` or a file. A slow disk or pipe
/// blocks the caller, on the event loop too.
pub trait Sink {
    /// Gets the head of the final response, before the body. By default it is not looked at.
    ///
    /// # Errors
    /// The fetch ends with this error, in the phase "store", and the body is not read.
    fn begin(&mut self, head: &ResponseHead) -> io::Result<()> {
        let _ = head;
        Ok(())
    }

    /// Takes the next piece of the body.
    ///
    /// # Errors
    /// The fetch ends with this error, in the phase "store".
    fn take(&mut self, piece: &[u8]) -> io::Result<()>;
}

impl<W: Write> Sink for W {
    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.write_all(piece)
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
