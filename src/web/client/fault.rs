//! What may go wrong with a fetch: one enum for every mode.
//!
//! A log with "failed" in it helps nobody, and two modes with two kinds of errors cannot be compared. So each
//! failure says in which phase it happened, in few enough words for a line of a log, and [`Failure`] adds where.
//!
//! **Invariants**
//! - `FAULT-1` The text of a fault is one line, and begins with the phase or the kind; it is the same in every mode.
//!
//! | fault | the connection | what was sent |
//! | --- | --- | --- |
//! | `Url`, `Scheme` | none | nothing; after a redirect, what led there |
//! | `Dns`, `Connect` | none | nothing |
//! | `Timeout` | as its phase says | perhaps all |
//! | `TooManyRedirects` | closed after a head | all, as often as there were redirects |
//! | `Protocol`, `HeadTooLarge`, `BodyTooLarge` | closed by this side | all |
//! | `UnexpectedEof` | closed by the other side | all, or a part |
//! | `Io` | broken; or, in the phase of storing, closed by this side | perhaps all |
//!
//! **Left out**: errors that can be compared. An `io::Error` cannot, so tests compare the text.
//!
//! **Source**: curl(1), "EXIT CODES", for which distinctions people make use of.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::http::{BodyError, HeadError, RedirectError, ResponseError, UrlError};

/// A fetch that failed, and where.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub fault: Fault,
    /// The address that was asked last, which after a redirect is another than was given.
    pub url: String,
    /// The other side's address, as far as it was known.
    pub peer: Option<SocketAddr>,
}

/// What went wrong.
#[derive(Debug)]
pub enum Fault {
    /// The text is no address; nothing was sent.
    Url(UrlError),
    /// It is one, but of a scheme that is not spoken here, such as `https`; nothing was sent there.
    Scheme(UrlError),
    /// The host's name has no address, or nobody could be asked.
    Dns(io::Error),
    /// No address accepts; the error is that of the first one.
    Connect(io::Error),
    /// A time limit.
    Timeout(Phase, Limit),
    /// More redirects than the limit, or a loop of them.
    TooManyRedirects(RedirectError),
    /// What came is not HTTP as it should be.
    Protocol(Breach),
    /// The head is larger than the limit, or has more fields.
    HeadTooLarge(HeadError),
    /// The body is larger than the limit, in bytes.
    BodyTooLarge(u64),
    /// The connection ended before the response did.
    UnexpectedEof(Phase),
    /// The connection broke, or the body could not be put where it belongs.
    Io(Phase, io::Error),
}

/// How far a fetch was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Looking for the addresses of a name.
    Resolve,
    /// Connecting.
    Connect,
    /// Sending the request.
    Send,
    /// Waiting for the head of the response, or amid it.
    Head,
    /// Within the body.
    Body,
    /// Handing the body to its sink.
    Store,
}

/// Which time limit was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// That on finding and reaching the server.
    Connect(Duration),
    /// That on a pause in which nothing moves.
    Silence(Duration),
    /// That on all of it.
    Whole(Duration),
}

/// Which rule of HTTP was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// One on heads.
    Head(ResponseError),
    /// One on bodies.
    Body(BodyError),
    /// One on redirects.
    Redirect(RedirectError),
}

impl Fault {
    /// Adds where it happened.
    pub(super) fn at(self, url: impl Into<String>, peer: Option<SocketAddr>) -> Failure {
        Failure { fault: self, url: url.into(), peer }
    }

    /// The fault of a body; `limit` is what it may have had.
    pub(super) fn of_body(error: BodyError, limit: u64) -> Self {
        match error {
            BodyError::TooLarge => Self::BodyTooLarge(limit),
            BodyError::Truncated => Self::UnexpectedEof(Phase::Body),
            error => Self::Protocol(Breach::Body(error)),
        }
    }

    /// Tells whether the connection died, rather than said something wrong or nothing in time.
    pub(super) fn is_death(&self) -> bool {
        matches!(self, Self::UnexpectedEof(_) | Self::Io(Phase::Send | Phase::Head, _))
    }
}

impl From<UrlError> for Fault {
    fn from(error: UrlError) -> Self {
        match error {
            // An address all right, but not for us: a user can tell a typing error from what this house lacks.
            UrlError::Https | UrlError::Scheme => Self::Scheme(error),
            _ => Self::Url(error),
        }
    }
}

impl From<ResponseError> for Fault {
    fn from(error: ResponseError) -> Self {
        match error {
            // A server that sends too much may be right by the standard; it is told from one that is wrong.
            ResponseError::Head(
                error @ (HeadError::TooLarge | HeadError::TooManyFields | HeadError::LineTooLong),
            ) => Self::HeadTooLarge(error),
            error => Self::Protocol(Breach::Head(error)),
        }
    }
}

impl From<RedirectError> for Fault {
    fn from(error: RedirectError) -> Self {
        match error {
            RedirectError::TooMany(_) => Self::TooManyRedirects(error),
            RedirectError::Location(cause @ (UrlError::Https | UrlError::Scheme)) => {
                Self::Scheme(cause)
            }
            error => Self::Protocol(Breach::Redirect(error)),
        }
    }
}

/// Says what an error of the system is, without its number and without what was wrapped around it, which differs
/// from mode to mode (`FAULT-1`).
fn short(error: &io::Error) -> String {
    // Of the kinds that std knows by name, the name is shorter than the system's text, and has no number behind it.
    let kind = error.kind().to_string();
    if kind != "other error" && kind != "uncategorized error" {
        return kind;
    }
    // The innermost: on the loop a name's error is wrapped in one that names it, and blocking it is not.
    let mut inner: &dyn Error = error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    inner.to_string()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => write!(f, "url: {error}"),
            Self::Scheme(error) => write!(f, "scheme: {error}"),
            Self::Dns(error) => write!(f, "dns: {}", short(error)),
            Self::Connect(error) => write!(f, "connect: {}", short(error)),
            Self::Timeout(phase, limit) => write!(f, "timeout: {phase}: {limit}"),
            Self::TooManyRedirects(error) => write!(f, "redirects: {error}"),
            Self::Protocol(breach) => write!(f, "protocol: {breach}"),
            Self::HeadTooLarge(error) => write!(f, "head: {error}"),
            Self::BodyTooLarge(limit) => write!(f, "body: larger than the limit of {limit} bytes"),
            Self::UnexpectedEof(phase) => write!(f, "eof: {phase}: the connection ended too soon"),
            Self::Io(phase, error) => write!(f, "io: {phase}: {}", short(error)),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Head => "head",
            Self::Body => "body",
            Self::Store => "store",
        })
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

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(error) => error.fmt(f),
            Self::Body(error) => error.fmt(f),
            Self::Redirect(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for Failure {
    /// The fault and where it happened; for a log whose line has the address already, the fault alone is enough.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.fault)?;
        // An address that was refused may have any character: none of them reaches a terminal.
        for c in self.url.chars().flat_map(char::escape_debug) {
            write!(f, "{c}")?;
        }
        if let Some(peer) = self.peer {
            write!(f, " at {peer}")?;
        }
        f.write_str(")")
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Url(error) | Self::Scheme(error) => Some(error),
            Self::Dns(error) | Self::Connect(error) | Self::Io(_, error) => Some(error),
            Self::TooManyRedirects(error) => Some(error),
            Self::Protocol(breach) => match breach {
                Breach::Head(error) => Some(error),
                Breach::Body(error) => Some(error),
                Breach::Redirect(error) => Some(error),
            },
            Self::HeadTooLarge(error) => Some(error),
            Self::Timeout(..) | Self::BodyTooLarge(_) | Self::UnexpectedEof(_) => None,
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.fault)
    }
}
