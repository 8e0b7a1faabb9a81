//! A request as a handler gets it, head and body complete; and its entry in an access log.
//!
//! A request's memory is used again for later requests, on any connection.
//!
//! **Invariants**
//! - `ANSWERED-1` Every request gets one entry, when its answer is known and before it is sent; so does a refusal. A
//!   client that leaves before that has no entry.
//! - `ANSWERED-2` An entry is one line: the client's text in it has passed the parser, so it has no control
//!   characters. Quotes in a target are escaped, so that the target is one field.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use crate::http::date::log_stamp;
use crate::http::percent::EscapeError;
use crate::http::{Method, Query, RequestHead, Status};

/// A request. The handler borrows it, and may take the body.
#[derive(Debug)]
pub struct Request {
    /// The head.
    pub(super) head: RequestHead,
    /// The whole body.
    pub(super) body: Vec<u8>,
    /// The client's address.
    pub(super) peer: SocketAddr,
}

impl Request {
    /// Returns the method. Handlers of `GET` get `HEAD` too; their body is not sent then.
    pub fn method(&self) -> Method {
        self.head.method
    }

    /// Returns the path, with its escapes.
    pub fn path(&self) -> &str {
        self.head.path()
    }

    /// Returns the pairs of the query; none when there is no query.
    ///
    /// # Errors
    /// A bad escape: answer with 400.
    pub fn query(&self) -> Result<Query, EscapeError> {
        Query::parse(self.head.query().unwrap_or_default())
    }

    /// Returns the query as it came, without its `?`, if there is one.
    pub fn raw_query(&self) -> Option<&str> {
        self.head.query()
    }

    /// Takes the body, to keep it without a copy.
    pub fn take_body(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.body)
    }

    /// Returns the address of the client, or of the proxy in front of it.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }
}

impl Default for Request {
    /// Makes memory into which a request can be read.
    fn default() -> Self {
        let (head, body) = (RequestHead::default(), Vec::new());
        Self { head, body, peer: (Ipv4Addr::UNSPECIFIED, 0).into() }
    }
}

/// An entry of an access log. Its `Display` is a line without its end.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The client's address.
    pub peer: SocketAddr,
    /// The request; `None` when the bytes were not a request. The handler may have taken the body.
    pub request: Option<&'a Request>,
    /// The status of the answer.
    pub status: Status,
    /// The time from the complete head to the answer.
    pub took: Duration,
}

impl Answered<'_> {
    /// Returns the line of an access log for an answer that was sent at `time`, with a line feed.
    pub fn line(&self, time: SystemTime) -> String {
        format!("{} {self}\n", log_stamp(time))
    }
}

impl fmt::Display for Answered<'_> {
    /// Writes `127.0.0.1:40000 "GET /q?q=a HTTP/1.1" 200 0.120 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.peer)?;
        match self.request {
            Some(request) => {
                let query = request.raw_query().map(|query| format!("?{query}"));
                let target = format!("{}{}", request.path(), query.unwrap_or_default());
                let target = target.replace('"', "%22");
                write!(f, "\"{} {target} {}\"", request.method(), request.head.version)?;
            }
            None => f.write_str("-")?,
        }
        write!(f, " {} {:.3} ms", self.status, self.took.as_secs_f64() * 1e3)
    }
}
