//! A request as a handler gets it: head and body, both complete.
//!
//! **Invariants**
//! - `WEB-REQUEST-1` What a handler sees has passed the parser: one target, one host, one length.
//! - `WEB-REQUEST-2` A request's memory is used again for another one, on whatever connection; nothing of the one
//!   before can be seen in it.

use std::net::{Ipv4Addr, SocketAddr};

use crate::http::percent::EscapeError;
use crate::http::{Fields, Method, Query, RequestHead, Version};

/// A request. The handler has it on loan, and may take the body out.
#[derive(Debug)]
pub struct Request {
    /// The head, as it was parsed last.
    pub(super) head: RequestHead,
    /// The body, all of it.
    pub(super) body: Vec<u8>,
    /// Who asks.
    pub(super) peer: SocketAddr,
}

impl Request {
    /// Returns what is asked to be done. `HEAD` comes to handlers of `GET`, whose body is not sent then.
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

    /// Returns host and port as the client named them; empty in HTTP/1.0 without `Host`.
    pub fn host(&self) -> &str {
        self.head.host()
    }

    /// Returns the fields.
    pub fn fields(&self) -> &Fields {
        &self.head.fields
    }

    /// Returns the client's version of HTTP.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// Returns the body; empty when there was none.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Takes the body out, to keep it without a copy.
    pub fn take_body(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.body)
    }

    /// Returns the address of the client, or of whoever stands before it.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }
}

impl Default for Request {
    /// Makes memory for a request; the first to be read into it gives it a meaning.
    fn default() -> Self {
        let (head, body) = (RequestHead::default(), Vec::new());
        Self { head, body, peer: (Ipv4Addr::UNSPECIFIED, 0).into() }
    }
}
