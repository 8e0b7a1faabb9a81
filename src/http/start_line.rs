//! The words of a message's first line: method, version and status.
//!
//! The set of methods is closed, so a method is one byte. A server answers an unknown method with 501.
//!
//! **Invariants**
//! - `STATUS-1` A status is from 100 to 599. The standard gives no meaning to other numbers, so a message with one
//!   is refused, and no later code needs a sixth class.
//!
//! **Left out**: `CONNECT` (tunnels), `TRACE` (sends cookies back); HTTP/0.9, HTTP/2 and later.
//!
//! **Source**: RFC 9110, sections 9 and 15; RFC 9112, section 2.3; RFC 5789 (`PATCH`).

use std::fmt;

use super::head::HeadError;

/// The method of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads a resource.
    #[default]
    Get,
    /// Reads the head that `Get` would return.
    Head,
    /// Sends data to be processed.
    Post,
    /// Stores a resource.
    Put,
    /// Changes a part of a resource.
    Patch,
    /// Removes a resource.
    Delete,
    /// Asks which methods a resource has, or with `*`, the server.
    Options,
}

impl Method {
    /// Every known method.
    pub const ALL: [Self; 7] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options];

    /// Returns the method's name as it stands on the wire.
    pub fn name(self) -> &'static str {
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"][self as usize]
    }

    /// Finds the method with a name. The case matters: `get` is not a method.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name().as_bytes() == name)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0: a connection ends after one answer unless both sides say otherwise, and nothing is chunked.
    Http10,
    /// HTTP/1.1: a connection stays open unless one side says otherwise.
    #[default]
    Http11,
}

impl Version {
    /// Reads a version as it stands in a first line. The case matters: `http/1.1` is malformed.
    pub(super) fn parse(text: &[u8]) -> Result<Self, HeadError> {
        match text {
            b"HTTP/1.1" => Ok(Self::Http11),
            b"HTTP/1.0" => Ok(Self::Http10),
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                Err(HeadError::Version)
            }
            _ => Err(HeadError::FirstLine),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        })
    }
}

/// The status of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(
    /// The number (`STATUS-1`).
    u16,
);

/// Declares each status that has a name: its constant, its number, its reason phrase.
macro_rules! statuses {
    ($($name:ident $code:literal $reason:literal;)*) => {
        impl Status {
            $(
                #[doc = concat!(stringify!($code), ": ", $reason, ".")]
                pub const $name: Self = Self($code);
            )*

            /// Returns the usual reason phrase of this status; empty when it has no name.
            pub fn reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    _ => "",
                }
            }
        }
    };
}

statuses! {
    CONTINUE 100 "Continue";
    SWITCHING_PROTOCOLS 101 "Switching Protocols";
    OK 200 "OK";
    CREATED 201 "Created";
    ACCEPTED 202 "Accepted";
    NO_CONTENT 204 "No Content";
    MOVED_PERMANENTLY 301 "Moved Permanently";
    FOUND 302 "Found";
    SEE_OTHER 303 "See Other";
    NOT_MODIFIED 304 "Not Modified";
    TEMPORARY_REDIRECT 307 "Temporary Redirect";
    PERMANENT_REDIRECT 308 "Permanent Redirect";
    BAD_REQUEST 400 "Bad Request";
    UNAUTHORIZED 401 "Unauthorized";
    FORBIDDEN 403 "Forbidden";
    NOT_FOUND 404 "Not Found";
    METHOD_NOT_ALLOWED 405 "Method Not Allowed";
    REQUEST_TIMEOUT 408 "Request Timeout";
    CONTENT_TOO_LARGE 413 "Content Too Large";
    URI_TOO_LONG 414 "URI Too Long";
    EXPECTATION_FAILED 417 "Expectation Failed";
    TOO_MANY_REQUESTS 429 "Too Many Requests";
    HEAD_TOO_LARGE 431 "Request Header Fields Too Large";
    INTERNAL_SERVER_ERROR 500 "Internal Server Error";
    NOT_IMPLEMENTED 501 "Not Implemented";
    BAD_GATEWAY 502 "Bad Gateway";
    SERVICE_UNAVAILABLE 503 "Service Unavailable";
    GATEWAY_TIMEOUT 504 "Gateway Timeout";
    VERSION_NOT_SUPPORTED 505 "HTTP Version Not Supported";
}

impl Status {
    /// Makes the status of a number; `None` outside 100 to 599 (`STATUS-1`).
    pub fn new(code: u16) -> Option<Self> {
        (100..=599).contains(&code).then_some(Self(code))
    }

    /// Returns the number.
    pub fn code(self) -> u16 {
        self.0
    }

    /// Tells whether this is 1xx, which another response follows.
    pub fn is_interim(self) -> bool {
        self.0 < 200
    }

    /// Tells whether this is 4xx or 5xx: the resource is not in the body.
    pub fn is_failure(self) -> bool {
        self.0 >= 400
    }

    /// Tells whether a response with this status has no body, whatever its fields say.
    pub fn forbids_body(self) -> bool {
        self.is_interim() || matches!(self, Self::NO_CONTENT | Self::NOT_MODIFIED)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
