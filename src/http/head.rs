//! Finding the end of a head, and its fields: what requests and responses have in common.
//!
//! A head comes in pieces. To parse it anew with each piece would cost the square of its length, and a peer that
//! sends single bytes would decide how much. So the lines are counted first, each byte once, and parsed when the
//! last one is there. The same pass refuses what `httparse` would let through: it takes a bare line feed for the
//! end of a line, as some programs do and others do not, and where two programs on one path disagree about where
//! a message ends, a stranger can hide one message in another.
//!
//! **Invariants**
//! - `HEAD-1` However the bytes are cut into pieces, the verdict is the same: each complaint is tied to a place,
//!   and the complaint about the earliest place is made, as soon as that place has been seen.
//! - `HEAD-2` No byte is searched for a line's end twice.
//! - `HEAD-3` Nothing grows beyond [`HeadLimits`]; a head that is too large is refused before it is complete.
//! - `HEAD-4` A line ends with CR LF and in no other way, and no field goes on in the next line.
//!
//! **Source**: RFC 9112, sections 2.2, 3, 4 and 5.

use std::error::Error;
use std::fmt;

use super::fields::Fields;

/// Fields for which there is room on the stack; more of them cost an allocation. Taste: browsers send a dozen.
const FEW_FIELDS: usize = 16;

/// How large a head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// All of it, in bytes. For a response, interim heads before it are counted in.
    pub head_bytes: usize,
    /// Its fields.
    pub fields: usize,
    /// The first line of a request, in bytes without the line's end. RFC 9112 asks for 8,000 at least.
    pub line_bytes: usize,
}

impl Default for HeadLimits {
    fn default() -> Self {
        Self { head_bytes: 64 * 1024, fields: 100, line_bytes: 8 * 1024 }
    }
}

/// What is wrong with a head, be it a request's or a response's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// The first bytes are not those of HTTP.
    NotHttp,
    /// The first line does not have the three pieces that it should.
    FirstLine,
    /// The first line is longer than the limit.
    LineTooLong,
    /// The head is larger than the limit.
    TooLarge,
    /// There are more fields than the limit.
    TooManyFields,
    /// A line ends with LF alone.
    BareLineFeed,
    /// A line begins with a blank: a field folded over two lines, or an attempt at one.
    Fold,
    /// A field has no name, no colon, a blank before the colon, or a byte in its name that may not stand there.
    FieldName,
    /// A field's value has a control character: NUL, a CR without LF, and others.
    FieldValue,
}

/// How far the search for a head's end has come.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Bytes searched so far (`HEAD-2`).
    searched: usize,
    /// Where the line begins that has not ended yet.
    line_start: usize,
    /// Lines that have ended.
    lines: usize,
    /// Where the first line's text ends, once there is one.
    first_line: usize,
}

/// A complete head, not parsed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// The length of the first line, without its end.
    pub(super) first_line: usize,
    /// The number of lines between the first and the empty one.
    pub(super) fields: usize,
    /// The length of all of it.
    pub(super) bytes: usize,
}

impl Scan {
    /// Searches on; `bytes` is all that has come of this head so far, and maybe more behind it.
    ///
    /// `None` means that the head is not complete. After an extent the scan is ready for another head.
    pub(super) fn search(
        &mut self,
        bytes: &[u8],
        limits: &HeadLimits,
    ) -> Result<Option<Extent>, HeadError> {
        let window = &bytes[..bytes.len().min(limits.head_bytes)];
        while let Some(length) = find_line_feed(&window[self.searched..]) {
            let line_feed = self.searched + length;
            self.searched = line_feed + 1;
            if self.end_line(&window[self.line_start..line_feed], limits)? {
                let extent = Extent {
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
        // In this order, and each as soon as no continuation could be right (`HEAD-1`, `HEAD-3`).
        if self.lines == 0 && window.len() >= limits.line_bytes.saturating_add(2) {
            Err(HeadError::LineTooLong)
        } else if window.len() >= limits.head_bytes {
            Err(HeadError::TooLarge)
        } else {
            Ok(None)
        }
    }

    /// Judges a line that comes without its LF; tells whether it is the empty one that ends the head.
    fn end_line(&mut self, line: &[u8], limits: &HeadLimits) -> Result<bool, HeadError> {
        let is_first = self.lines == 0;
        // Before the line's end is looked at: cut within this line, the length is all that could be told.
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

/// Returns where the first line feed stands.
///
/// In blocks first: a whole block is compared in one instruction, where a search that may stop at each byte is done
/// byte by byte.
fn find_line_feed(bytes: &[u8]) -> Option<usize> {
    /// Bytes compared at once: a register of every processor that this runs on.
    const BLOCK: usize = 16;
    // Counted, and not asked for with `any`, which would stop at the first and so look at one after another.
    let has_none =
        |block: &&[u8; BLOCK]| block.iter().map(|&b| u8::from(b == b'\n')).sum::<u8>() == 0;
    let skipped = bytes.as_chunks().0.iter().take_while(has_none).count() * BLOCK;
    Some(skipped + bytes[skipped..].iter().position(|&byte| byte == b'\n')?)
}

/// Parses the fields of a complete head into `fields`, which takes over the head's bytes too.
pub(super) fn read_fields(
    head: &[u8],
    extent: &Extent,
    fields: &mut Fields,
) -> Result<(), HeadError> {
    let lines = &head[extent.first_line + 2..extent.bytes];
    let mut few = [httparse::EMPTY_HEADER; FEW_FIELDS];
    let mut many = Vec::new();
    let room = if extent.fields <= FEW_FIELDS {
        &mut few[..]
    } else {
        many.resize(extent.fields, httparse::EMPTY_HEADER);
        &mut many[..]
    };
    match httparse::parse_headers(lines, room) {
        Ok(httparse::Status::Complete((length, found))) if length == lines.len() => {
            fields.take(&head[..extent.bytes], found);
            Ok(())
        }
        // Not possible: there is room for each line, and the scan has seen that the last one is the empty one.
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooManyFields),
        Err(httparse::Error::HeaderValue) => Err(HeadError::FieldValue),
        Ok(_) | Err(_) => Err(HeadError::FieldName),
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "the first bytes are not HTTP/1",
            Self::FirstLine => "malformed first line",
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
