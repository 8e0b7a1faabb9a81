//! Writing heads and chunks.
//!
//! **Invariants**
//! - `ENCODE-1` What is written here is read by the parsers of this room as the same message, and as one: names,
//!   values and targets were checked when they were made (`FIELDS-1`, `URL-1`).
//! - `ENCODE-2` `Host`, `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` are written by the encoder
//!   alone; in the caller's fields they are passed over. So no message has two lengths.
//! - `ENCODE-3` A response without a body (1xx, 204) has no length either; a client of HTTP/1.0 gets no chunks,
//!   but a body that ends with the connection.
//!
//! **Source**: RFC 9112, sections 3, 4, 6 and 7.1; RFC 9110, section 8.6.

use std::io::Write as _;

use super::fields::Fields;
use super::framing::Framing;
use super::method::Method;
use super::request::RequestHead;
use super::status::Status;
use super::url::Url;
use super::version::Version;

/// What ends a chunked body that has no trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Fields that the caller cannot set (`ENCODE-2`).
const OWN_FIELDS: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "date"];

/// Appends the head of a request. `framing` is that of its body, [`Framing::None`] or a length or chunks.
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

/// The head of a response that is to be written.
#[derive(Clone, Debug)]
pub struct Reply<'a> {
    /// How it went.
    pub status: Status,
    /// The fields, without those that the encoder writes (`ENCODE-2`).
    pub fields: &'a Fields,
    /// How the body ends. To `HEAD`, what a `GET` would have had.
    pub framing: Framing,
    /// Whether the connection is to go on, as far as the server is concerned.
    pub keep_alive: bool,
    /// The text of `Date`, which a server makes once a second and not for each response.
    pub date: Option<&'a str>,
}

/// What of a request its answer depends on; kept when the head itself is used for the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The method: `HEAD` gets no body.
    pub method: Method,
    /// The version: HTTP/1.0 gets no chunks.
    pub version: Version,
    /// Whether the client lets the connection go on.
    pub keep_alive: bool,
}

impl RequestHead {
    /// Returns what the answer depends on.
    pub fn asked(&self) -> Asked {
        Asked { method: self.method, version: self.version, keep_alive: self.keep_alive }
    }
}

/// What became of a response when it was written for a certain client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// How the body must be sent: nothing, as it is, or in chunks. To `HEAD`, nothing.
    pub framing: Framing,
    /// Whether the connection goes on after the body.
    pub keep_alive: bool,
}

impl Reply<'_> {
    /// Appends the head, as the client that asked so needs it.
    ///
    /// # Examples
    /// ```
    /// use handloom::http::{Fields, Framing, Reply, RequestParser, Sent, Status};
    /// let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    /// let (head, _) = RequestParser::default().parse(text).unwrap().unwrap();
    /// let fields = Fields::new();
    /// let reply = Reply {
    ///     status: Status::OK,
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
        let Asked { method, version, keep_alive: goes_on } = asked;
        // ENCODE-3
        let framing = match self.framing {
            Framing::Chunked if version == Version::Http10 => Framing::Close,
            Framing::None => Framing::Length(0),
            framing => framing,
        };
        let has_body = method != Method::Head && !self.status.forbids_body();
        let needs_close = has_body && framing == Framing::Close;
        let keep_alive = self.keep_alive && goes_on && !needs_close;
        // The answer is in the server's own version, also to a client that speaks an older one.
        self.push_status_line(out);
        if let Some(date) = self.date {
            push_field(out, b"Date", date.as_bytes());
        }
        push_fields(out, self.fields);
        // To 304, the length that a body would have had is allowed; `Length(0)` made of nothing would be a lie.
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

    /// Appends the head of a response to something that was no request, so that nothing is known of the client.
    pub fn encode_refusal(&self, out: &mut Vec<u8>) -> Sent {
        self.encode(out, Asked { method: Method::Get, version: Version::Http11, keep_alive: false })
    }

    /// Appends the first line.
    fn push_status_line(&self, out: &mut Vec<u8>) {
        // The commonest by far, without any formatting.
        if self.status == Status::OK {
            out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        } else {
            let Self { status, .. } = self;
            write!(out, "HTTP/1.1 {status} {}\r\n", status.reason())
                .expect("holds because writing to a Vec cannot fail");
        }
    }
}

/// Appends one chunk; nothing for no data, since an empty chunk would be the last one.
pub fn encode_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    encode_chunk_head(out, data.len());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

/// Appends the line before a chunk's data, for data that is written from where it lies; CR LF is due after it.
///
/// # Panics
/// When the chunk would be empty, which would end the body.
pub fn encode_chunk_head(out: &mut Vec<u8>, data_bytes: usize) {
    assert!(data_bytes > 0, "an empty chunk ends the body: use LAST_CHUNK");
    write!(out, "{data_bytes:x}\r\n").expect("holds because writing to a Vec cannot fail");
}

/// Appends the field that tells how the body ends; nothing when there is none, or when the connection tells.
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

/// Appends a number. Every response has one, and the formatter is made for harder tasks.
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
