//! Reading the head of a request: the server's side.
//!
//! A server stands in the open: what comes is written by anybody. What is not exactly a request is answered with
//! the status that says why, and after it the connection is closed, for nobody knows where the next request would
//! begin.
//!
//! **Invariants**
//! - `REQUEST-1` However the bytes are cut into pieces, the verdict is the same (`HEAD-1`).
//! - `REQUEST-2` A head that comes back has one target of a form that its method allows, one host (in HTTP/1.0
//!   perhaps none), one framing, and fields that each stand on a line of their own.
//! - `REQUEST-3` Reading into a head that was read before costs no allocation, once its memory has grown to size.
//!
//! **Source**: RFC 9112, sections 2.2, 3 and 6; RFC 9110, sections 7.2 and 10.1.1.

use std::ops::Range;
use std::str;

use super::fields::{Fields, within};
use super::framing::{self, Framing};
use super::head::{Extent, HeadError, HeadLimits, Scan, read_fields};
use super::method::Method;
use super::request_error::RequestError;
use super::target;
use super::token::{is_token, is_token_byte};
use super::version::{NoVersion, Version};

/// Reads one request's head after another out of bytes that come in pieces.
#[derive(Debug, Default)]
pub struct RequestParser {
    /// How large a head may be.
    limits: HeadLimits,
    /// The search for the end of the present head.
    scan: Scan,
}

/// The head of a request.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// What is asked to be done.
    pub method: Method,
    /// The version that the client speaks.
    pub version: Version,
    /// The fields, in order.
    pub fields: Fields,
    /// How the body ends; never with the connection.
    pub framing: Framing,
    /// Whether the client lets the connection go on.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// Where in the head the target's path stands; for `*`, that.
    path: Range<usize>,
    /// Where its query stands, without the `?`, if there is one.
    query: Option<Range<usize>>,
    /// Where the host stands: in the target, or in the field.
    host: Range<usize>,
}

impl RequestParser {
    /// Makes a parser that waits for a first request.
    pub fn new(limits: HeadLimits) -> Self {
        Self { limits, scan: Scan::default() }
    }

    /// Looks for a head in `bytes`, all that has come since the end of the request before.
    ///
    /// Otherwise as [`parse_into`](Self::parse_into).
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

    /// Does the same, with a head whose memory is used again (`REQUEST-3`).
    ///
    /// `None` means that more must come: call again with the same bytes and more behind them. Otherwise it says
    /// how many bytes the head took; the body begins there, and the parser is ready for the request after that.
    ///
    /// # Errors
    /// [`RequestError`]; answer with its status, and close. `head` is in no particular state then.
    pub fn parse_into(
        &mut self,
        bytes: &[u8],
        head: &mut RequestHead,
    ) -> Result<Option<usize>, RequestError> {
        // One empty line before a request is passed over: some clients end a body with a line too many.
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
    /// Returns the path of the target, with its escapes; `*` when the server itself is meant.
    pub fn path(&self) -> &str {
        self.text(self.path.clone())
    }

    /// Returns the query of the target, with its escapes and without its `?`, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.query.clone().map(|query| self.text(query))
    }

    /// Returns host and port as the client named them; empty when it named none, as HTTP/1.0 allows.
    pub fn host(&self) -> &str {
        self.text(self.host.clone())
    }

    /// Returns a piece of the head as text.
    fn text(&self, place: Range<usize>) -> &str {
        str::from_utf8(self.fields.piece(place))
            .expect("holds because targets and hosts with other bytes than ASCII are refused")
    }

    /// Reads a complete head.
    fn read(&mut self, head: &[u8], extent: &Extent) -> Result<(), RequestError> {
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
        self.version = Version::parse(version).map_err(|error| match error {
            NoVersion::Other => RequestError::Version,
            NoVersion::Malformed => HeadError::FirstLine.into(),
        })?;
        self.method = Method::from_name(method).ok_or(RequestError::Method)?;
        read_fields(head, extent, &mut self.fields)?;
        let target = target::parse(target, self.method).ok_or(RequestError::Target)?;
        let host = target::check_host(self.version, &self.fields)?;
        // In the absolute form the target names the host, and the field counts for nothing.
        self.host = target.authority.map_or(host, |authority| within(head, authority));
        self.path = within(head, target.path);
        self.query = target.query.map(|query| within(head, query));
        self.framing = framing::of_request(self.version, &self.fields)?;
        self.keep_alive = framing::persists(self.version, &self.fields);
        self.expects_continue = self.read_expectation()?;
        Ok(())
    }

    /// Tells whether the client waits to be told to go on; the only expectation there is.
    fn read_expectation(&self) -> Result<bool, RequestError> {
        let mut expects = false;
        for expectation in self.fields.members("expect") {
            if !expectation.eq_ignore_ascii_case(b"100-continue") {
                return Err(RequestError::Expectation);
            }
            expects = true;
        }
        // A client of HTTP/1.0 would not understand the interim answer; without a body there is nothing to wait for.
        Ok(expects && self.version == Version::Http11 && self.framing != Framing::None)
    }
}
