//! A request that was answered, as whoever keeps a log is told of it.
//!
//! **Invariants**
//! - `ANSWERED-1` Every request gets one entry, when its answer is known and before it is sent; so does what was no
//!   request. A client that went away before that has none.
//! - `ANSWERED-2` An entry is one line: what a client sent stands in it as the parser let it pass, without control
//!   characters.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::request::Request;
use crate::http::Status;

/// Whoever is told.
pub(super) type Log = Box<dyn Fn(&Answered<'_>)>;

/// An entry of an access log; displayed, it is a line without its end.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// Who asked.
    pub peer: SocketAddr,
    /// What was asked; nothing if that was no request. The handler may have taken the body.
    pub request: Option<&'a Request>,
    /// How it went.
    pub status: Status,
    /// From the head that was read to the answer.
    pub took: Duration,
}

impl fmt::Display for Answered<'_> {
    /// Writes `127.0.0.1:40000 "GET /q?q=a HTTP/1.1" 200 0.120 ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.peer)?;
        match self.request {
            Some(request) => {
                write!(f, "\"{} {}", request.method(), request.path())?;
                if let Some(query) = request.raw_query() {
                    write!(f, "?{query}")?;
                }
                write!(f, " {}\"", request.version())?;
            }
            None => f.write_str("-")?,
        }
        write!(f, " {} {:.3} ms", self.status, self.took.as_secs_f64() * 1e3)
    }
}
