//! Reading the head of a response: the client's side.
//!
//! **Invariants**
//! - `RESPONSE-1` However the bytes are cut into pieces, the verdict is the same (`HEAD-1`).
//! - `RESPONSE-2` Interim responses (1xx) are skipped, and count against the limit together with the head that
//!   follows: a server cannot send them forever. 101 is an error, because no request here asks to switch protocols.
//!
//! **Source**: RFC 9112, sections 4 and 6.3; RFC 9110, section 15.2.

use std::error::Error;
use std::fmt;

use super::fields::{Fields, is_value_byte};
use super::framing::{self, Framing, FramingError};
use super::head::{HeadError, HeadExtent, HeadLimits, HeadScan, read_fields};
use super::start_line::{Method, Status, Version};

/// What every response begins with.
const BEGINNING: &[u8] = b"HTTP/";

/// Reads the head of one response from bytes that come in pieces.
#[derive(Debug)]
pub struct ResponseParser {
    /// The method of the request: the response to `HEAD` has no body.
    asked: Method,
    /// How large the heads may be. A single line may be as large as the head.
    limits: HeadLimits,
    /// Bytes of interim heads (`RESPONSE-2`).
    skipped: usize,
    /// The search for the end of the present head.
    scan: HeadScan,
}

/// The head of a response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The server's version.
    pub version: Version,
    /// The status.
    pub status: Status,
    /// The fields, in order.
    pub fields: Fields,
    /// How the body ends.
    pub framing: Framing,
    /// Whether the connection stays open after the body.
    pub keep_alive: bool,
}

/// What is wrong with a response's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// It is malformed or too large.
    Head(HeadError),
    /// The status is not a number from 100 to 599.
    Status,
    /// 101: the server switches to another protocol without being asked.
    Switched,
    /// Its length is malformed or ambiguous.
    Framing(FramingError),
}

impl ResponseParser {
    /// Makes a parser for the response to a request with this method.
    pub fn new(asked: Method, limits: HeadLimits) -> Self {
        let limits = HeadLimits { line_bytes: limits.head_bytes, ..limits };
        Self { asked, limits, skipped: 0, scan: HeadScan::default() }
    }

    /// Looks for the head in `bytes`, all that has come since the request was sent.
    ///
    /// `None` means that more must come: call again with the same bytes and more behind them. Otherwise it returns
    /// the head and its length, interim heads included; the body begins there.
    ///
    /// # Errors
    /// [`ResponseError`]: the connection cannot be used any more.
    pub fn parse(&mut self, bytes: &[u8]) -> Result<Option<(ResponseHead, usize)>, ResponseError> {
        loop {
            let rest = &bytes[self.skipped..];
            let beginning = rest.len().min(BEGINNING.len());
            if rest[..beginning] != BEGINNING[..beginning] {
                return Err(HeadError::NotHttp.into());
            }
            // RESPONSE-2
            let head_bytes = self.limits.head_bytes - self.skipped;
            let limits = HeadLimits { head_bytes, ..self.limits };
            let Some(extent) = self.scan.search(rest, &limits)? else {
                return Ok(None);
            };
            self.skipped += extent.bytes;
            let head = ResponseHead::read(rest, &extent, self.asked)?;
            match head.status {
                Status::SWITCHING_PROTOCOLS => return Err(ResponseError::Switched),
                status if status.is_interim() => {}
                _ => return Ok(Some((head, self.skipped))),
            }
        }
    }
}

impl ResponseHead {
    /// Reads a complete head.
    fn read(head: &[u8], extent: &HeadExtent, asked: Method) -> Result<Self, ResponseError> {
        let line = &head[..extent.first_line];
        let (version, rest) = line.split_at_checked(8).ok_or(HeadError::FirstLine)?;
        let version = Version::parse(version)?;
        let rest = rest.strip_prefix(b" ").ok_or(HeadError::FirstLine)?;
        let (code, reason) = rest.split_at_checked(3).ok_or(ResponseError::Status)?;
        let status = parse_status(code).ok_or(ResponseError::Status)?;
        // The standard requires a blank after the status even without a reason; some servers leave it out.
        match reason {
            [] => {}
            [b' ', reason @ ..] if reason.iter().copied().all(is_value_byte) => {}
            [b'0'..=b'9', ..] => return Err(ResponseError::Status),
            _ => return Err(HeadError::FirstLine.into()),
        }
        let mut fields = Fields::new();
        read_fields(head, extent, &mut fields)?;
        let framing = framing::of_response(asked, status, version, &fields)
            .map_err(ResponseError::Framing)?;
        let keep_alive = framing != Framing::Close && framing::persists(version, &fields);
        Ok(Self { version, status, fields, framing, keep_alive })
    }

    /// Returns the whole head as it came, with the empty line at its end.
    pub fn as_bytes(&self) -> &[u8] {
        self.fields.whole_head()
    }
}

/// Reads three digits.
fn parse_status(code: &[u8]) -> Option<Status> {
    let is_number = code.iter().all(u8::is_ascii_digit);
    let number = code.iter().fold(0, |number, digit| number * 10 + u16::from(digit & 0xf));
    Status::new(number).filter(|_| is_number)
}

impl From<HeadError> for ResponseError {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(error) => error.fmt(f),
            Self::Status => f.write_str("the status is not a number from 100 to 599"),
            Self::Switched => f.write_str("status 101, but no other protocol was asked for"),
            Self::Framing(error) => error.fmt(f),
        }
    }
}

impl Error for ResponseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Head(error) => Some(error),
            Self::Framing(error) => Some(error),
            _ => None,
        }
    }
}
