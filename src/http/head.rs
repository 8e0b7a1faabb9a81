//! Finding the end of a head, and its fields: what requests and responses have in common.
//!
//! A head comes in pieces. Parsing it again after each piece would cost the square of its length, so the lines are
//! counted first, each byte once, and parsed when the last one has come. The same pass refuses a bare line feed, which
//! `httparse` takes for the end of a line: where two programs on one path disagree about the end of a message, an
//! attacker can hide one message in another.
//!
//! **Invariants**
//! - `HEAD-1` However the bytes are cut into pieces, the verdict is the same: each error belongs to a position,
//!   and the error at the earliest position is returned, as soon as that position has been seen.
//! - `HEAD-2` No byte is searched for a line's end twice.
//! - `HEAD-3` Nothing grows beyond [`HeadLimits`]; a head that is too large is refused before it is complete.
//!
//! A line ends with CR LF and in no other way, and no field continues on the next line.
//!
//! **Source**: RFC 9112, sections 2.2, 3, 4 and 5.

use std::error::Error;
use std::fmt;

use super::fields::Fields;

/// Fields that are parsed on the stack; more of them cost an allocation. Browsers send a dozen.
const FEW_FIELDS: usize = 16;

/// How large a head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The whole head, in bytes. For a response, interim heads before it are included.
    pub head_bytes: usize,
    /// The number of fields. Some servers send more than a hundred.
    pub fields: usize,
    /// The first line of a request, in bytes without the line's end. RFC 9112 asks for 8,000 at least.
    pub line_bytes: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { head_bytes: 64 * 1024, fields: 128, line_bytes: 8 * 1024 }
    }
}

/// What is wrong with the head of a request or a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// The first bytes are not those of HTTP.
    NotHttp,
    /// The first line does not have its three parts.
    FirstLine,
    /// The version of HTTP is neither 1.0 nor 1.1.
    Version,
    /// The first line is longer than the limit.
    LineTooLong,
    /// The head is larger than the limit.
    TooLarge,
    /// There are more fields than the limit.
    TooManyFields,
    /// A line ends with LF alone.
    BareLineFeed,
    /// A line begins with a blank, as a field folded over two lines would.
    Fold,
    /// A field has no name, no colon, a blank before the colon, or a wrong byte in its name.
    FieldName,
    /// A field's value has a control character: NUL, a CR without LF, and others.
    FieldValue,
}

/// The search for a head's end.
#[derive(Debug, Default)]
pub(super) struct HeadScan {
    /// Bytes searched so far (`HEAD-2`).
    searched: usize,
    /// Where the present line begins.
    line_start: usize,
    /// Lines that have ended.
    lines: usize,
    /// Where the first line's text ends, once it is known.
    first_line: usize,
}

/// A complete head, not parsed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct HeadExtent {
    /// The length of the first line, without its end.
    pub(super) first_line: usize,
    /// The number of lines between the first and the empty one.
    pub(super) fields: usize,
    /// The length of the whole head.
    pub(super) bytes: usize,
}

impl HeadScan {
    /// Continues the search; `bytes` is all that has come since the beginning of this head.
    ///
    /// `None` means that the head is not complete. After an extent the scan is ready for another head.
    pub(super) fn search(
        &mut self,
        bytes: &[u8],
        limits: &HeadLimits,
    ) -> Result<Option<HeadExtent>, HeadError> {
        let window = &bytes[..bytes.len().min(limits.head_bytes)];
        while let Some(length) = find_line_feed(&window[self.searched..]) {
            let line_feed = self.searched + length;
            self.searched = line_feed + 1;
            if self.end_line(&window[self.line_start..line_feed], limits)? {
                let extent = HeadExtent {
                    first_line: self.first_line,
                    fields: self.lines - 1,
                    bytes: self.searched,
                };
                *self = Self::default();
                return Ok(Some(extent));
            }
            self.lines += 1;
            self.line_start = self.searched;
        }
        self.searched = window.len();
        // Each limit is reported as soon as no further byte could make the head valid (`HEAD-1`, `HEAD-3`).
        if self.lines == 0 && window.len() >= limits.line_bytes.saturating_add(2) {
            Err(HeadError::LineTooLong)
        } else if window.len() >= limits.head_bytes {
            Err(HeadError::TooLarge)
        } else {
            Ok(None)
        }
    }

    /// Checks a line, given without its LF; tells whether it is the empty one that ends the head.
    fn end_line(&mut self, line: &[u8], limits: &HeadLimits) -> Result<bool, HeadError> {
        let is_first = self.lines == 0;
        // First the length: when the bytes are cut within this line, it is the only error that can be seen (`HEAD-1`).
        if is_first && line.len() > limits.line_bytes.saturating_add(1) {
            return Err(HeadError::LineTooLong);
        }
        let line = line.strip_suffix(b"\r").ok_or(HeadError::BareLineFeed)?;
        match line {
            [] if is_first => Err(HeadError::FirstLine),
            [] => Ok(true),
            _ if is_first => {
                self.first_line = line.len();
                Ok(false)
            }
            [b' ' | b'\t', ..] => Err(HeadError::Fold),
            _ if self.lines > limits.fields => Err(HeadError::TooManyFields),
            _ => Ok(false),
        }
    }
}

/// Returns the position of the first line feed.
///
/// It looks at blocks first: the compiler compares a whole block in one instruction, but a search that may stop at
/// each byte it does byte by byte. `benches/http.rs` measures it.
fn find_line_feed(bytes: &[u8]) -> Option<usize> {
    /// Bytes compared at once: the width of a vector register.
    const BLOCK: usize = 16;
    // Counted, because `any` would stop at the first line feed and so look at one byte after another.
    let has_none =
        |block: &&[u8; BLOCK]| block.iter().map(|&b| u8::from(b == b'\n')).sum::<u8>() == 0;
    let skipped = bytes.as_chunks().0.iter().take_while(has_none).count() * BLOCK;
    Some(skipped + bytes[skipped..].iter().position(|&byte| byte == b'\n')?)
}

/// Parses the fields of a complete head into `fields`, which copies the head's bytes too.
pub(super) fn read_fields(
    head: &[u8],
    extent: &HeadExtent,
    fields: &mut Fields,
) -> Result<(), HeadError> {
    let lines = &head[extent.first_line + 2..extent.bytes];
    let mut few = [httparse::EMPTY_HEADER; FEW_FIELDS];
    let mut many = Vec::new();
    let parsed = if extent.fields <= FEW_FIELDS {
        &mut few[..]
    } else {
        many.resize(extent.fields, httparse::EMPTY_HEADER);
        &mut many[..]
    };
    match httparse::parse_headers(lines, parsed) {
        Ok(httparse::Status::Complete((length, found))) if length == lines.len() => {
            fields.replace(&head[..extent.bytes], found);
            Ok(())
        }
        // Not possible: there is a slot for each line, and the scan has found the empty line at the end.
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooManyFields),
        Err(httparse::Error::HeaderValue) => Err(HeadError::FieldValue),
        Ok(_) | Err(_) => Err(HeadError::FieldName),
    }
}

impl HeadError {
    /// Tells whether a limit was exceeded.
    pub fn is_too_large(self) -> bool {
        matches!(self, Self::TooLarge | Self::TooManyFields | Self::LineTooLong)
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "the first bytes are not HTTP/1",
            Self::FirstLine => "malformed first line",
            Self::Version => "a version of HTTP other than 1.0 and 1.1",
            Self::LineTooLong => "first line too long",
            Self::TooLarge => "head too large",
            Self::TooManyFields => "too many fields in the head",
            Self::BareLineFeed => "a line of the head ends with a bare line feed",
            Self::Fold => "a line of the head begins with a blank",
            Self::FieldName => "malformed name of a field",
            Self::FieldValue => "control character in the value of a field",
        })
    }
}

impl Error for HeadError {}
