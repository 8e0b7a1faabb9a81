//! Reading the head of a request: the server's side.
//!
//! Anybody can send bytes to a server. What is not exactly a request is answered with the status that says why, and
//! then the connection is closed, because the beginning of the next request is not known.
//!
//! | form of the target | looks like | allowed |
//! | --- | --- | --- |
//! | origin | `/a?b` | always |
//! | absolute | `http://host/a?b` | always; its host counts, not the one in `Host` |
//! | asterisk | `*` | with `OPTIONS` |
//! | authority | `host:80` | never: it goes with `CONNECT` |
//!
//! A target has only visible ASCII and no `#`: some programs cut a fragment off and others keep it. `Host` is there
//! exactly once in HTTP/1.1 and at most once in HTTP/1.0. It is a host and perhaps a port, or empty.
//!
//! **Invariants**
//! - `REQUEST-1` However the bytes are cut into pieces, the verdict is the same (`HEAD-1`).
//! - `REQUEST-3` Reading into a head that was read before costs no allocation, once its memory has grown to size.
//! - `REFUSAL-1` Each refusal has one status, and after each the connection is closed.
//!
//! **Source**: RFC 9112, sections 2.2, 3 and 6; RFC 9110, sections 7.2, 10.1.1, 15.5 and 15.6; RFC 6585, section 5.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::str;

use super::fields::{Fields, is_token, is_token_byte, within};
use super::framing::{self, Framing, FramingError};
use super::head::{HeadError, HeadExtent, HeadLimits, HeadScan, read_fields};
use super::start_line::{Method, Status, Version};
use super::url::parse_authority;

/// Reads the heads of requests, one after another, from bytes that come in pieces.
#[derive(Debug, Default)]
pub struct RequestParser {
    /// How large a head may be.
    limits: HeadLimits,
    /// The search for the end of the present head.
    scan: HeadScan,
}

/// The head of a request.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The version that the client speaks.
    pub version: Version,
    /// The fields, in order.
    pub fields: Fields,
    /// How the body ends; never with the connection.
    pub framing: Framing,
    /// Whether the client leaves the connection open.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// Where the target's path stands in the head; or its `*`.
    path: Range<usize>,
    /// Where the query stands, without its `?`, if there is one.
    query: Option<Range<usize>>,
    /// Where the host stands, in the target or in the field.
    host: Range<usize>,
}

/// The facts about a request on which its response depends. They outlive the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The method: `HEAD` gets no body.
    pub method: Method,
    /// The version: HTTP/1.0 gets no chunks.
    pub version: Version,
    /// Whether the client leaves the connection open.
    pub keep_alive: bool,
}

impl RequestParser {
    /// Makes a parser for the requests of one connection.
    pub fn new(limits: HeadLimits) -> Self {
        Self { limits, scan: HeadScan::default() }
    }

    /// Does what [`parse_into`](Self::parse_into) does, and returns a new head.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// # Examples
    /// ```
    /// use handloom::http::{HeadLimits, RequestParser};
    /// let mut parser = RequestParser::new(HeadLimits::default());
    /// let (head, taken) = parser.parse(b"GET /a?b HTTP/1.1\r\nHost: c\r\n\r\n").unwrap().unwrap();
    /// assert_eq!((head.path(), head.query(), head.host(), taken), ("/a", Some("b"), "c", 30));
    /// ```
    pub fn parse(&mut self, bytes: &[u8]) -> Result<Option<(RequestHead, usize)>, RequestError> {
        let mut head = RequestHead::default();
        Ok(self.parse_into(bytes, &mut head)?.map(|taken| (head, taken)))
    }

    /// Looks for a head in `bytes`, all that has come since the end of the last request, and reads it into `head`,
    /// whose memory is reused (`REQUEST-3`).
    ///
    /// `None` means that more must come: call again with the same bytes and more behind them. Otherwise it returns
    /// the length of the head. The body begins there, and the parser is ready for the next request.
    ///
    /// # Errors
    /// [`RequestError`]; answer with its status, and close. The content of `head` is unspecified then.
    pub fn parse_into(
        &mut self,
        bytes: &[u8],
        head: &mut RequestHead,
    ) -> Result<Option<usize>, RequestError> {
        // One empty line before a request is skipped: some clients send one after a body.
        let (rest, lead) = match bytes {
            [] | b"\r" => return Ok(None),
            [b'\r', b'\n', rest @ ..] => (rest, 2),
            _ => (bytes, 0),
        };
        if rest.first().is_some_and(|&byte| !is_token_byte(byte)) {
            return Err(HeadError::NotHttp.into());
        }
        let Some(extent) = self.scan.search(rest, &self.limits)? else {
            return Ok(None);
        };
        head.read(rest, &extent)?;
        Ok(Some(lead + extent.bytes))
    }
}

impl RequestHead {
    /// Returns the path of the target, with its escapes; `*` means the server itself.
    pub fn path(&self) -> &str {
        self.text(self.path.clone())
    }

    /// Returns the query of the target, with its escapes and without its `?`, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.query.clone().map(|query| self.text(query))
    }

    /// Returns host and port as the client wrote them; empty when it named none, as HTTP/1.0 allows.
    pub fn host(&self) -> &str {
        self.text(self.host.clone())
    }

    /// Returns the facts on which the response depends.
    pub fn asked(&self) -> Asked {
        Asked { method: self.method, version: self.version, keep_alive: self.keep_alive }
    }

    /// Returns a part of the head as text.
    fn text(&self, range: Range<usize>) -> &str {
        str::from_utf8(&self.fields.whole_head()[range])
            .expect("holds because targets and hosts with other bytes than ASCII are refused")
    }

    /// Reads a complete head.
    fn read(&mut self, head: &[u8], extent: &HeadExtent) -> Result<(), RequestError> {
        let line = &head[..extent.first_line];
        let mut pieces = line.split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (pieces.next(), pieces.next(), pieces.next(), pieces.next())
        else {
            return Err(HeadError::FirstLine.into());
        };
        if !is_token(method) || target.is_empty() {
            return Err(HeadError::FirstLine.into());
        }
        self.version = Version::parse(version)?;
        self.method = Method::from_name(method).ok_or(RequestError::Method)?;
        read_fields(head, extent, &mut self.fields)?;
        let target = parse_target(target, self.method).ok_or(RequestError::Target)?;
        let host = check_host(self.version, &self.fields)?;
        // In the absolute form the target names the host, and the field is ignored.
        self.host = target.authority.map_or(host, |authority| within(head, authority));
        self.path = within(head, target.path);
        self.query = target.query.map(|query| within(head, query));
        self.framing =
            framing::of_request(self.version, &self.fields).map_err(RequestError::Framing)?;
        self.keep_alive = framing::persists(self.version, &self.fields);
        self.expects_continue = self.read_expectation()?;
        Ok(())
    }

    /// Tells whether the client waits for `100 Continue`, the only expectation that exists.
    fn read_expectation(&self) -> Result<bool, RequestError> {
        let mut expects = false;
        for expectation in self.fields.members("expect") {
            if !expectation.eq_ignore_ascii_case(b"100-continue") {
                return Err(RequestError::Expectation);
            }
            expects = true;
        }
        // A client of HTTP/1.0 would not understand the interim answer; without a body there is nothing to send.
        Ok(expects && self.version == Version::Http11 && self.framing != Framing::None)
    }
}

/// The parts of a target; all lie within the head.
struct Target<'a> {
    /// Host and port, in the absolute form.
    authority: Option<&'a [u8]>,
    /// The path, at least `/`; or `*`.
    path: &'a [u8],
    /// The query, without its `?`, if there is one.
    query: Option<&'a [u8]>,
}

/// Splits a target; `None` when it has no form that the method allows.
fn parse_target(target: &[u8], method: Method) -> Option<Target<'_>> {
    if !target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') {
        return None;
    }
    let (authority, rest) = match target {
        [b'/', ..] => (None, target),
        b"*" if method == Method::Options => (None, target),
        _ => split_absolute(target)?,
    };
    let (path, query) = match rest.iter().position(|&byte| byte == b'?') {
        Some(mark) => (&rest[..mark], Some(&rest[mark + 1..])),
        None => (rest, None),
    };
    Some(Target { authority, path, query })
}

/// Splits `http://host/path` before the path. A path is required, because `path` must be a part of the head.
fn split_absolute(target: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (scheme, rest) = target.split_at_checked(7)?;
    if !scheme.eq_ignore_ascii_case(b"http://") {
        return None;
    }
    let slash = rest.iter().position(|&byte| byte == b'/' || byte == b'?')?;
    let (authority, path) = rest.split_at(slash);
    let is_valid = is_authority(authority) && !authority.is_empty() && path.starts_with(b"/");
    is_valid.then_some((Some(authority), path))
}

/// Tells whether this is a host and perhaps a port, or empty.
fn is_authority(text: &[u8]) -> bool {
    let host = str::from_utf8(text).ok().and_then(|text| parse_authority(text).ok());
    // A port without a host is not an address.
    host.is_some_and(|(host, _)| !host.is_empty() || text.is_empty())
}

/// Checks the field `Host`, and returns where its value stands in the head; an empty range when it is missing.
fn check_host(version: Version, fields: &Fields) -> Result<Range<usize>, RequestError> {
    let mut hosts = fields.get_all("host");
    let Some(host) = hosts.next() else {
        return if version == Version::Http10 { Ok(0..0) } else { Err(RequestError::NoHost) };
    };
    if hosts.next().is_some() {
        return Err(RequestError::TwoHosts);
    }
    if is_authority(host) { Ok(fields.range_of(host)) } else { Err(RequestError::Host) }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// Its head is malformed or too large.
    Head(HeadError),
    /// The method is unknown.
    Method,
    /// The target is malformed, or of a form that the method does not allow.
    Target,
    /// There is no `Host`, which HTTP/1.1 requires.
    NoHost,
    /// There are two fields `Host`.
    TwoHosts,
    /// `Host` is malformed.
    Host,
    /// The client expects something other than `100-continue`.
    Expectation,
    /// Its length is malformed or ambiguous.
    Framing(FramingError),
}

impl RequestError {
    /// Returns the status of the answer (`REFUSAL-1`).
    pub fn status(self) -> Status {
        match self {
            Self::Head(HeadError::LineTooLong) => Status::URI_TOO_LONG,
            Self::Head(HeadError::TooLarge | HeadError::TooManyFields) => Status::HEAD_TOO_LARGE,
            Self::Head(HeadError::Version) => Status::VERSION_NOT_SUPPORTED,
            Self::Method | Self::Framing(FramingError::UnknownCoding) => Status::NOT_IMPLEMENTED,
            Self::Expectation => Status::EXPECTATION_FAILED,
            _ => Status::BAD_REQUEST,
        }
    }
}

impl From<HeadError> for RequestError {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head(error) => return error.fmt(f),
            Self::Framing(error) => return error.fmt(f),
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
