//! Where a body ends, and whether the connection stays open after it.
//!
//! A message whose length can be read in two ways is one message for one program and two for the next: it is refused.
//! `notes/internals/http-verdicts.md` has the list.
//!
//! **Invariants**
//! - `FRAMING-1` A message has one length or it is refused: a length beside a transfer coding, two lengths that
//!   differ, a length with a sign, a coding other than `chunked`, a coding in HTTP/1.0.
//! - `FRAMING-2` A request never ends with the connection: without a length and a coding it has no body.
//! - `FRAMING-3` What forbids a body (`HEAD`, 1xx, 204, 304) is stronger than any field. The fields are checked
//!   anyway.
//!
//! **Source**: RFC 9112, sections 6.1 to 6.3 and 9.3.

use std::error::Error;
use std::fmt;

use super::fields::Fields;
use super::start_line::{Method, Status, Version};

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    #[default]
    None,
    /// It has this many bytes.
    Length(u64),
    /// It comes in chunks, each with its length; an empty chunk ends it.
    Chunked,
    /// It ends when the connection does. Only responses do.
    Close,
}

/// Why a message does not have exactly one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// A length has other bytes than digits, or is beyond 64 bits.
    Length,
    /// There are two lengths.
    TwoLengths,
    /// There is a length beside a transfer coding.
    LengthAndCoding,
    /// The list of transfer codings is malformed, or `chunked` is not its last member, or is there twice.
    CodingList,
    /// A transfer coding other than `chunked`.
    UnknownCoding,
    /// A transfer coding in a message of HTTP/1.0, which has none.
    CodingInHttp10,
}

/// What the fields of a message say about its length.
struct Declared {
    /// The length, if one was given.
    length: Option<u64>,
    /// How often it was given.
    lengths: usize,
    /// Whether the body is chunked.
    chunked: bool,
}

/// Tells how the body of a request ends.
///
/// # Errors
/// [`FramingError`]; the connection must be closed, because the next request's beginning is not known.
pub(super) fn of_request(version: Version, fields: &Fields) -> Result<Framing, FramingError> {
    let declared = declared(version, fields)?;
    // A client has no reason to send two lengths, even equal ones.
    if declared.lengths > 1 {
        return Err(FramingError::TwoLengths);
    }
    // FRAMING-2
    Ok(declared.framing().unwrap_or(Framing::None))
}

/// Tells how the body of a response ends.
///
/// # Errors
/// [`FramingError`], as for a request. The same length twice is accepted: some proxies write it.
pub(super) fn of_response(
    asked: Method,
    status: Status,
    version: Version,
    fields: &Fields,
) -> Result<Framing, FramingError> {
    let framing = declared(version, fields)?.framing();
    // FRAMING-3
    if asked == Method::Head || status.forbids_body() {
        return Ok(Framing::None);
    }
    Ok(framing.unwrap_or(Framing::Close))
}

impl Declared {
    /// Returns the framing that this means; `None` when nothing was declared.
    fn framing(&self) -> Option<Framing> {
        if self.chunked { Some(Framing::Chunked) } else { self.length.map(Framing::Length) }
    }
}

/// Reads what is declared, and refuses contradictions (`FRAMING-1`).
fn declared(version: Version, fields: &Fields) -> Result<Declared, FramingError> {
    let chunked = is_chunked(fields)?;
    if chunked && version < Version::Http11 {
        return Err(FramingError::CodingInHttp10);
    }
    let (mut length, mut lengths) = (None, 0);
    for text in fields.members("content-length") {
        let this = parse_length(text).ok_or(FramingError::Length)?;
        if length.is_some_and(|other| other != this) {
            return Err(FramingError::TwoLengths);
        }
        (length, lengths) = (Some(this), lengths + 1);
    }
    if chunked && length.is_some() {
        return Err(FramingError::LengthAndCoding);
    }
    Ok(Declared { length, lengths, chunked })
}

/// Reads a length: digits and nothing else. `u64::from_str` would accept a plus sign.
fn parse_length(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |length, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}

/// Tells whether the one transfer coding is `chunked`.
fn is_chunked(fields: &Fields) -> Result<bool, FramingError> {
    let mut chunked = false;
    for coding in fields.members("transfer-encoding") {
        // Some programs skip an empty member, and others take it as an unknown coding.
        if coding.is_empty() || chunked {
            return Err(FramingError::CodingList);
        }
        if !coding.eq_ignore_ascii_case(b"chunked") {
            return Err(FramingError::UnknownCoding);
        }
        chunked = true;
    }
    Ok(chunked)
}

/// Tells whether version and `Connection` leave the connection open after a message.
///
/// `close` is stronger than `keep-alive`, in any order.
pub(super) fn persists(version: Version, fields: &Fields) -> bool {
    let says = |option: &[u8]| fields.members("connection").any(|m| m.eq_ignore_ascii_case(option));
    match version {
        _ if says(b"close") => false,
        Version::Http11 => true,
        Version::Http10 => says(b"keep-alive"),
    }
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "malformed Content-Length",
            Self::TwoLengths => "two Content-Lengths",
            Self::LengthAndCoding => "Content-Length beside Transfer-Encoding",
            Self::CodingList => "malformed Transfer-Encoding",
            Self::UnknownCoding => "a transfer coding other than chunked",
            Self::CodingInHttp10 => "Transfer-Encoding in HTTP/1.0",
        })
    }
}

impl Error for FramingError {}
