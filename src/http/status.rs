//! How a request went, as a number of three digits.
//!
//! **Invariants**
//! - `STATUS-1` A status is from 100 to 599, whoever sent it. The standard knows five classes and gives no
//!   meaning to 999, so a message that carries it is refused, and no code after that needs a sixth case.
//!
//! **Source**: RFC 9110, section 15.

use std::fmt;

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

            /// Returns the usual words for this status; nothing for a number without a name.
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

    /// Tells whether more is to come before the answer proper: 1xx.
    pub fn is_interim(self) -> bool {
        self.0 < 200
    }

    /// Tells whether all went well: 2xx.
    pub fn is_success(self) -> bool {
        (200..300).contains(&self.0)
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
