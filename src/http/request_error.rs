//! Why a request is refused, and the status that tells the client.
//!
//! **Invariants**
//! - `REFUSAL-1` Each refusal has one status, and after each the connection is closed.
//!
//! **Source**: RFC 9110, section 15.5 and 15.6; RFC 9112, sections 3, 3.2 and 6.1; RFC 6585, section 5.

use std::error::Error;
use std::fmt;

use super::framing::FramingError;
use super::head::HeadError;
use super::status::Status;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The form of its head.
    Head(HeadError),
    /// It is of another version of HTTP.
    Version,
    /// The method is not one that is known here.
    Method,
    /// The target is malformed, or of a form that the method does not allow.
    Target,
    /// There is no `Host`, and HTTP/1.1 wants one.
    NoHost,
    /// There are two.
    TwoHosts,
    /// `Host` is not a host and perhaps a port.
    Host,
    /// The client expects something that is not known here.
    Expectation,
    /// Its length can be read in two ways, or in none.
    Framing(FramingError),
}

impl RequestError {
    /// Returns the status of the answer (`REFUSAL-1`).
    pub fn status(self) -> Status {
        match self {
            Self::Head(HeadError::LineTooLong) => Status::URI_TOO_LONG,
            Self::Head(HeadError::TooLarge | HeadError::TooManyFields) => Status::HEAD_TOO_LARGE,
            Self::Version => Status::VERSION_NOT_SUPPORTED,
            Self::Method | Self::Framing(FramingError::UnknownCoding) => Status::NOT_IMPLEMENTED,
            Self::Expectation => Status::EXPECTATION_FAILED,
            Self::Head(_)
            | Self::Target
            | Self::NoHost
            | Self::TwoHosts
            | Self::Host
            | Self::Framing(_) => Status::BAD_REQUEST,
        }
    }
}

impl From<HeadError> for RequestError {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl From<FramingError> for RequestError {
    fn from(error: FramingError) -> Self {
        Self::Framing(error)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head(error) => return error.fmt(f),
            Self::Framing(error) => return error.fmt(f),
            Self::Version => "a version of HTTP other than 1.0 and 1.1",
            Self::Method => "unknown method",
            Self::Target => "malformed target",
            Self::NoHost => "no Host",
            Self::TwoHosts => "two Hosts",
            Self::Host => "malformed Host",
            Self::Expectation => "an expectation other than 100-continue",
        })
    }
}

impl Error for RequestError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Head(error) => Some(error),
            Self::Framing(error) => Some(error),
            _ => None,
        }
    }
}
