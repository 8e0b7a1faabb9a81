//! What may go wrong with a fetch: one enum for every mode.
//!
//! Each failure says in which phase it happened, in few words, and [`Failure`] adds the address.
//!
//! **Invariants**
//! - `FAULT-1` The text of a fault is one line, and begins with the phase or the kind; it is the same in every mode.
//! - `FAULT-2` No text of a failure has a password.
//!
//! With `Url`, `Dns` and `Connect` nothing was sent, except the requests before a redirect. With any other fault the
//! server may have the whole request, and the connection is closed.
//!
//! **Source**: curl(1), "EXIT CODES", on which distinctions are useful.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::http::{BodyError, RedirectError, ResponseError, Status, UrlError, without_password};

/// A fetch that failed, and where.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub fault: Fault,
    /// The address of the last request, after redirects; without its password (`FAULT-2`).
    pub url: String,
    /// The server's socket address, if it was known.
    pub peer: Option<SocketAddr>,
}

/// What went wrong.
#[derive(Debug)]
pub enum Fault {
    /// The text is not an address that is accepted here.
    Url(UrlError),
    /// The host's name could not be resolved.
    Dns(io::Error),
    /// No address accepts a connection; the error is that of the first one.
    Connect(io::Error),
    /// A time limit has passed.
    Timeout(Phase, Limit),
    /// The status says that the resource is not in the body, and [`Options::fails`](super::Options::fails) is set.
    Status(Status),
    /// A redirect breaks a rule of HTTP, or is one too many.
    Redirect(RedirectError),
    /// A response's head breaks a rule of HTTP, or is too large.
    Head(ResponseError),
    /// A response's body breaks a rule of HTTP.
    Body(BodyError),
    /// The body is larger than the limit, in bytes.
    BodyTooLarge(u64),
    /// The connection ended before the response did.
    UnexpectedEof(Phase),
    /// The connection broke, or the sink failed.
    Io(Phase, io::Error),
}

/// The phase of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Resolving the host's name.
    Resolve,
    /// Connecting.
    Connect,
    /// Sending the request.
    Send,
    /// Waiting for the head of the response, or reading it.
    Head,
    /// Reading the body.
    Body,
    /// Giving the body to its sink.
    Store,
}

/// The time limit that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The limit on resolving and connecting.
    Connect(Duration),
    /// The limit on a pause in which no byte moves.
    Silence(Duration),
    /// The limit on the whole fetch.
    Whole(Duration),
}

impl Fault {
    /// Adds where it happened.
    pub(super) fn at(self, url: &str, peer: Option<SocketAddr>) -> Failure {
        // FAULT-2
        Failure { fault: self, url: without_password(url).into_owned(), peer }
    }

    /// Returns the fault of a body with this limit.
    pub(super) fn of_body(error: BodyError, limit: u64) -> Self {
        match error {
            BodyError::TooLarge => Self::BodyTooLarge(limit),
            BodyError::Truncated => Self::UnexpectedEof(Phase::Body),
            error => Self::Body(error),
        }
    }
}

impl From<RedirectError> for Fault {
    fn from(error: RedirectError) -> Self {
        match error {
            RedirectError::Location(cause) if cause.is_unsupported() => Self::Url(cause),
            error => Self::Redirect(error),
        }
    }
}

/// Returns the text of an `io::Error` without its number and without the errors around it, which differ from mode to
/// mode (`FAULT-1`).
fn short(error: &io::Error) -> String {
    // The name of a kind that std knows is shorter than the system's text, and has no number.
    let kind = error.kind().to_string();
    if kind != "other error" && kind != "uncategorized error" {
        return kind;
    }
    // On the event loop an error of the resolver is wrapped in one that names the host; the inner one is common.
    let mut inner: &dyn Error = error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    inner.to_string()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The user has not mistyped it.
            Self::Url(error) if error.is_unsupported() => write!(f, "scheme: {error}"),
            Self::Url(error) => write!(f, "url: {error}"),
            Self::Dns(error) => write!(f, "dns: {}", short(error)),
            Self::Connect(error) => write!(f, "connect: {}", short(error)),
            Self::Timeout(phase, limit) => write!(f, "timeout: {phase}: {limit}"),
            Self::Status(status) => write!(f, "status: {status} {}", status.reason()),
            Self::Redirect(error @ RedirectError::TooMany(_)) => write!(f, "redirects: {error}"),
            Self::Redirect(error) => write!(f, "protocol: {error}"),
            // A head that is too large may still be valid HTTP.
            Self::Head(ResponseError::Head(error)) if error.is_too_large() => {
                write!(f, "head: {error}")
            }
            Self::Head(error) => write!(f, "protocol: {error}"),
            Self::Body(error) => write!(f, "protocol: {error}"),
            Self::BodyTooLarge(limit) => write!(f, "body: larger than the limit of {limit} bytes"),
            Self::UnexpectedEof(phase) => write!(f, "eof: {phase}: the connection ended too soon"),
            Self::Io(phase, error) => write!(f, "io: {phase}: {}", short(error)),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["resolve", "connect", "send", "head", "body", "store"][*self as usize])
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(span) => write!(f, "not connected within {span:?}"),
            Self::Silence(span) => write!(f, "nothing moved for {span:?}"),
            Self::Whole(span) => write!(f, "not done within {span:?}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address that was refused may have control characters.
        write!(f, "{} ({}", self.fault, self.url.escape_debug())?;
        if let Some(peer) = self.peer {
            write!(f, " at {peer}")?;
        }
        f.write_str(")")
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Url(error) => Some(error),
            Self::Dns(error) | Self::Connect(error) | Self::Io(_, error) => Some(error),
            Self::Redirect(error) => Some(error),
            Self::Head(error) => Some(error),
            Self::Body(error) => Some(error),
            _ => None,
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.fault)
    }
}
