//! Writing heads and chunks.
//!
//! **Invariants**
//! - `ENCODE-1` The parsers of this module read what is written here as the same message, and as one: names, values
//!   and targets were checked when they were made (`FIELDS-1`, `URL-1`).
//! - `ENCODE-2` Only the encoder writes `Host`, `Content-Length`, `Transfer-Encoding`, `Connection` and `Date`; it
//!   skips them in the caller's fields. So no message has two lengths.
//! - `ENCODE-3` A response without a body (1xx, 204) has no length either. HTTP/1.0 gets no chunks, but the end.
//!
//! **Source**: RFC 9112, sections 3, 4, 6 and 7.1; RFC 9110, section 8.6.

use std::io::Write as _;

use super::fields::Fields;
use super::framing::Framing;
use super::request::Asked;
use super::start_line::{Method, Status, Version};
use super::url::Url;

/// What ends a chunked body that has no trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Fields that the caller cannot set (`ENCODE-2`).
const OWN_FIELDS: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "date"];

/// Appends the head of a request; `framing` is that of its body.
///
/// # Panics
/// When `framing` is [`Framing::Close`]: a request does not end that way (`FRAMING-2`).
///
/// # Examples
/// ```
/// use handloom::http::{Fields, Framing, Method, Url, encode_request};
/// let (url, mut out) = (Url::parse("http://h:81/a?b").unwrap(), Vec::new());
/// encode_request(&mut out, Method::Get, &url, &Fields::new(), Framing::None, true);
/// assert_eq!(out, b"GET /a?b HTTP/1.1\r\nHost: h:81\r\n\r\n");
/// ```
pub fn encode_request(
    out: &mut Vec<u8>,
    method: Method,
    url: &Url,
    fields: &Fields,
    framing: Framing,
    keep_alive: bool,
) {
    assert!(framing != Framing::Close, "a request whose body ends with the connection");
    for piece in [method.name(), " ", url.target(), " HTTP/1.1\r\nHost: ", url.authority(), "\r\n"]
    {
        out.extend_from_slice(piece.as_bytes());
    }
    push_fields(out, fields);
    push_framing(out, framing);
    if !keep_alive {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// The head of a response, to be written.
#[derive(Clone, Debug)]
pub struct Reply<'a> {
    /// The status.
    pub status: Status,
    /// The value of `Content-Type`, which nearly every response has; a constant needs no memory in `fields`.
    pub content_type: Option<&'static str>,
    /// The other fields; those of `ENCODE-2` are skipped.
    pub fields: &'a Fields,
    /// How the body ends; for `HEAD`, how that of `GET` would end.
    pub framing: Framing,
    /// Whether the server leaves the connection open.
    pub keep_alive: bool,
    /// The text of `Date`, which a server makes once a second.
    pub date: Option<&'a str>,
}

/// How to proceed after the head of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// How the body must be sent; [`Framing::None`] means not at all, as for `HEAD`.
    pub framing: Framing,
    /// Whether the connection stays open after the body.
    pub keep_alive: bool,
}

impl Reply<'_> {
    /// Appends the head, in the form that this request needs.
    ///
    /// # Examples
    /// ```
    /// use handloom::http::{Fields, Framing, Reply, RequestParser, Sent, Status};
    /// let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    /// let (head, _) = RequestParser::default().parse(text).unwrap().unwrap();
    /// let fields = Fields::new();
    /// let reply = Reply {
    ///     status: Status::OK,
    ///     content_type: None,
    ///     fields: &fields,
    ///     framing: Framing::Length(2),
    ///     keep_alive: true,
    ///     date: None,
    /// };
    /// let mut out = Vec::new();
    /// let sent = reply.encode(&mut out, head.asked());
    /// assert_eq!(out, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    /// assert_eq!(sent, Sent { framing: Framing::Length(2), keep_alive: true });
    /// ```
    pub fn encode(&self, out: &mut Vec<u8>, asked: Asked) -> Sent {
        let Asked { method, version, keep_alive: client_keeps } = asked;
        // ENCODE-3
        let framing = match self.framing {
            Framing::Chunked if version == Version::Http10 => Framing::Close,
            Framing::None => Framing::Length(0),
            framing => framing,
        };
        let has_body = method != Method::Head && !self.status.forbids_body();
        let needs_close = has_body && framing == Framing::Close;
        let keep_alive = self.keep_alive && client_keeps && !needs_close;
        // The version is the server's own, also for a client with an older one.
        self.push_status_line(out);
        if let Some(date) = self.date {
            push_field(out, b"Date", date.as_bytes());
        }
        if let Some(content_type) = self.content_type {
            push_field(out, b"Content-Type", content_type.as_bytes());
        }
        push_fields(out, self.fields);
        // A 304 may carry the length that the body would have; an unknown length must not become 0.
        let is_known = self.status != Status::NOT_MODIFIED || self.framing != Framing::None;
        if !self.status.is_interim() && self.status != Status::NO_CONTENT && is_known {
            push_framing(out, framing);
        }
        if self.status.is_interim() {
            // An interim head says nothing about the connection.
        } else if !keep_alive {
            out.extend_from_slice(b"Connection: close\r\n");
        } else if version == Version::Http10 {
            out.extend_from_slice(b"Connection: keep-alive\r\n");
        }
        out.extend_from_slice(b"\r\n");
        Sent { framing: if has_body { framing } else { Framing::None }, keep_alive }
    }

    /// Appends the first line.
    fn push_status_line(&self, out: &mut Vec<u8>) {
        // The usual status needs no formatting.
        if self.status == Status::OK {
            out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        } else {
            let Self { status, .. } = self;
            write!(out, "HTTP/1.1 {status} {}\r\n", status.reason())
                .expect("holds because writing to a Vec cannot fail");
        }
    }
}

/// Appends one chunk; nothing for empty data, because an empty chunk ends the body.
pub fn encode_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    write!(out, "{:x}\r\n", data.len()).expect("holds because writing to a Vec cannot fail");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Appends the field that says how the body ends, if there is one.
fn push_framing(out: &mut Vec<u8>, framing: Framing) {
    match framing {
        Framing::Length(length) => {
            out.extend_from_slice(b"Content-Length: ");
            push_decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::None | Framing::Close => {}
    }
}

/// Appends a number. Every response has one, and `write!` is slower (`benches/http.rs`).
fn push_decimal(out: &mut Vec<u8>, mut number: u64) {
    /// Digits of the largest number.
    const MOST_DIGITS: usize = 20;
    let (mut digits, mut first) = ([b'0'; MOST_DIGITS], MOST_DIGITS - 1);
    loop {
        digits[first] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
        first -= 1;
    }
    out.extend_from_slice(&digits[first..]);
}

/// Appends the caller's fields (`ENCODE-2`).
fn push_fields(out: &mut Vec<u8>, fields: &Fields) {
    for (name, value) in fields.iter() {
        if !OWN_FIELDS.iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes())) {
            push_field(out, name, value);
        }
    }
}

/// Appends a field.
fn push_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for piece in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(piece);
    }
}
