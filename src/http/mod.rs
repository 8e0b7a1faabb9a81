//! HTTP/1.1 on byte slices: no socket, no clock, no waiting.
//!
//! Bytes go in and parts of a message come out. The caller owns the socket, the buffer and the clock, so the blocking
//! client, the asynchronous client and the server share one parser and one set of verdicts.
//!
//! A client uses it like this:
//!
//! ```text
//!   Url::parse ─► encode_request ─► (send) ─► ResponseParser::parse until it returns a head ─► Redirects::follow
//!                                                  └─► Body::new(head.framing, limit); Body::next until End
//! ```
//!
//! And a server:
//!
//! ```text
//!   RequestParser::parse_into until it returns a head ─► Body::new, Body::next ─► Reply::encode ─► (send)
//!          └─► RequestError::status, and close
//! ```
//!
//! Reading order: `start_line`, [`Fields`] and `head` (what all heads have in common) → `framing` (where bodies
//! end) → [`Body`] → `response` or `request` → `encode`. Beside them [`Url`] and `redirect` (clients), [`percent`]
//! (servers) and [`date`].
//!
//! A message that two programs could read in two ways is refused: `notes/internals/http-verdicts.md` lists the cases.
//!
//! **Left out**: HTTP/2, TLS, compression, cookies, caches, ranges.
//!
//! **Source**: RFC 9110 and RFC 9112; RFC 3986 on addresses.

mod body;
pub mod date;
mod encode;
mod fields;
mod framing;
mod head;
pub mod percent;
mod redirect;
mod request;
mod response;
mod start_line;
mod url;

pub use body::{Body, BodyError, MOST_EXTRA_BYTES, Piece};
pub use encode::{LAST_CHUNK, Reply, Sent, encode_chunk, encode_request};
pub use fields::{FieldError, Fields};
pub use framing::{Framing, FramingError};
pub use head::{HeadError, HeadLimits};
pub use percent::Query;
pub use redirect::{DEFAULT_REDIRECTS, Redirect, RedirectError, Redirects, redirect};
pub use request::{Asked, RequestError, RequestHead, RequestParser};
pub use response::{ResponseError, ResponseHead, ResponseParser};
pub use start_line::{Method, Status, Version};
pub use url::{Url, UrlError, without_password};
