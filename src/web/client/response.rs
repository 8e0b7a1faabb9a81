//! What came back.

use crate::http::{ResponseHead, Status, Url};

/// A complete response, whose body has gone to a sink.
#[derive(Clone, Debug)]
pub struct Response {
    /// Where it came from in the end, after redirects.
    pub url: Url,
    /// Its head.
    pub head: ResponseHead,
    /// How long its body was.
    pub body_bytes: u64,
}

/// A complete response with its body.
#[derive(Clone, Debug)]
pub struct Page {
    /// All but the body.
    pub response: Response,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// Returns the status; any is a response, 404 and 500 too.
    pub fn status(&self) -> Status {
        self.head.status
    }
}

impl Page {
    /// Returns the status.
    pub fn status(&self) -> Status {
        self.response.status()
    }
}
