//! HTTP/1.1 on byte slices: what is on the wire, without a wire.
//!
//! A client that mixes reading sockets with reading heads must be written three times for three ways to wait, and
//! tested through sockets. Here bytes go in and parts of a message come out. Whoever has a socket, blocking or not,
//! keeps the buffer, the clock and the decision when to read; all modes share these files, and so their verdicts.
//!
//! How a client uses it:
//!
//! ```text
//!   Url::parse ─► encode_request ─► (send) ─► ResponseParser::parse until it gives a head ─► Redirects::follow
//!                                                  └─► Body::new(head.framing, limit); Body::next until End
//! ```
//!
//! And a server:
//!
//! ```text
//!   RequestParser::parse_into until there is a head ─► Body::new, Body::next ─► Reply::encode ─► (send)
//!          └─► RequestError::status, and close
//! ```
//!
//! Reading order: [`Fields`] and `head` (what heads have in common) → `framing` (where bodies end) →
//! [`Body`] and `chunked` → `response` or `request` → `encode`. Beside them `url`, `resolve` and `redirect` for
//! clients, `target`, `percent` and `query` for servers.
//!
//! Everything that would let two programs disagree about a message is refused; `notes/http-verdicts.md` lists each
//! case with its verdict.
//!
//! **Left out**: HTTP/2, TLS, compression, cookies, caches, ranges.
//!
//! **Source**: RFC 9110 and RFC 9112; RFC 3986 for addresses.

mod authority;
mod body;
mod chunked;
pub mod date;
mod encode;
mod fields;
mod framing;
mod head;
mod method;
pub mod percent;
mod query;
mod redirect;
mod request;
mod request_error;
mod resolve;
mod response;
mod status;
mod target;
mod token;
mod url;
mod version;

pub use body::{Body, BodyError, Piece};
pub use chunked::MOST_EXTRA_BYTES;
pub use encode::{Asked, LAST_CHUNK, Reply, Sent, encode_chunk, encode_chunk_head, encode_request};
pub use fields::{FieldError, Fields};
pub use framing::{Framing, FramingError};
pub use head::{HeadError, HeadLimits};
pub use method::Method;
pub use query::Query;
pub use redirect::{DEFAULT_REDIRECTS, Redirect, RedirectError, Redirects, redirect};
pub use request::{RequestHead, RequestParser};
pub use request_error::RequestError;
pub use response::{ResponseError, ResponseHead, ResponseParser};
pub use status::Status;
pub use url::{Url, UrlError};
pub use version::Version;
