//! Reading a body, framed by its length, by chunks, or by the end of the connection.
//!
//! The caller gets slices of its own buffer, so nothing is copied. The bytes behind the body are the next message.
//!
//! A chunked body has a length before each chunk, an empty chunk at its end, then trailers. [`ChunkDecoder`] keeps
//! only a few numbers:
//!
//! | state | waits for | then |
//! | --- | --- | --- |
//! | `Size` | hex digits of a length | blank: `Blank`, `;`: `Extension`, CR: `SizeEnd` |
//! | `Blank` | blanks before an extension | `;`: `Extension` |
//! | `Extension` | the bytes of an extension, ignored | CR: `SizeEnd` |
//! | `SizeEnd` | LF | `Data`, or after the empty chunk `LineStart` |
//! | `Data` | as many bytes as the length says | `DataReturn` |
//! | `DataReturn`, `DataEnd` | CR, LF | `Size` |
//! | `LineStart` | a trailer, or CR | `Name`, `LastEnd` |
//! | `Name`, `Value`, `ValueEnd` | name and colon, value and CR, LF | `LineStart` |
//! | `LastEnd` | LF | `Done` |
//!
//! **Invariants**
//! - `BODY-1` However the bytes are cut, the body and the verdict are the same.
//! - `BODY-2` No piece goes beyond the limit; a declared length that does is refused at once.
//! - `BODY-3` After the end no byte is taken.
//! - `CHUNKED-2` Memory is constant: extensions and trailers are checked and forgotten. A body may have at most
//!   [`MOST_EXTRA_BYTES`] of both, so a peer cannot send forever without sending data.
//! - `CHUNKED-3` A chunk's length is 1 to 16 hex digits, so it fits a `u64`; no sign, no blank before it, no `0x`.
//!
//! A line ends with CR LF and in no other way, and no control character stands in an extension or a trailer.
//!
//! **Left out**: the meaning of trailers, which are easily mistaken for fields of the head; the grammar within an
//! extension, which cannot contain a line's end.
//!
//! **Source**: RFC 9112, sections 6 and 7.1.

use std::error::Error;
use std::fmt;

use super::fields::{is_token_byte, is_value_byte};
use super::framing::Framing;
use super::start_line::Status;

/// Bytes of extensions and trailers that a body may have in all: more than any honest sender needs.
pub const MOST_EXTRA_BYTES: u32 = 16 * 1024;

/// Hex digits of the largest length that fits 64 bits.
const MOST_DIGITS: u8 = 16;

/// A body that is being read.
///
/// # Examples
/// ```
/// use handloom::http::{Body, Framing, Piece};
/// let mut body = Body::new(Framing::Chunked, u64::MAX).unwrap();
/// let mut input = &b"3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK"[..];
/// assert_eq!(body.next(&mut input), Ok(Piece::Data(b"abc")));
/// assert_eq!(body.next(&mut input), Ok(Piece::End));
/// assert_eq!(input, b"HTTP/1.1 200 OK");
/// ```
#[derive(Clone, Debug)]
pub struct Body {
    /// How the end is found.
    kind: BodyKind,
    /// Bytes of data that may still come within the limit.
    allowed: u64,
}

/// How the end of a body is found, and what is left until then.
#[derive(Clone, Debug)]
enum BodyKind {
    /// This many bytes are to come; 0: the body is complete.
    Length(u64),
    /// Chunks are to come.
    Chunked(ChunkDecoder),
    /// Everything is data until the connection ends.
    Close,
    /// The connection has ended, and so has the body.
    Closed,
}

/// What the next bytes of the input are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes of the body; never empty.
    Data(&'a [u8]),
    /// The input is used up; read more.
    More,
    /// The body is complete; the rest of the input does not belong to it.
    End,
}

/// What is wrong with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than the limit.
    TooLarge,
    /// The connection ended before the body did.
    Truncated,
    /// The line of a chunk's length is malformed, or has more than 16 digits.
    ChunkSize,
    /// A control character in an extension, or blanks without one.
    ChunkExtension,
    /// The data of a chunk is not followed by CR LF.
    ChunkEnd,
    /// A trailer is malformed.
    Trailer,
    /// Extensions and trailers are longer than the limit.
    TooMuchExtra,
}

impl Body {
    /// Begins a body of at most `limit` bytes; [`u64::MAX`] for no limit.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`], when the declared length is beyond the limit (`BODY-2`).
    pub fn new(framing: Framing, limit: u64) -> Result<Self, BodyError> {
        let kind = match framing {
            Framing::None => BodyKind::Length(0),
            Framing::Length(length) if length > limit => return Err(BodyError::TooLarge),
            Framing::Length(length) => BodyKind::Length(length),
            Framing::Chunked => BodyKind::Chunked(ChunkDecoder::new()),
            Framing::Close => BodyKind::Close,
        };
        Ok(Self { kind, allowed: limit })
    }

    /// Takes the next piece off the front of `input`, the bytes that have come and were not taken yet.
    ///
    /// Call it until it returns `More` or `End`.
    ///
    /// # Errors
    /// [`BodyError`]: neither the connection nor this body can be used any more.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Piece<'a>, BodyError> {
        let data = match &mut self.kind {
            BodyKind::Chunked(decoder) => decoder.take(input)?,
            BodyKind::Length(left) => {
                let data = take_at_most(input, *left);
                *left -= data.len() as u64;
                data
            }
            BodyKind::Close => std::mem::take(input),
            BodyKind::Closed => &[],
        };
        if data.is_empty() {
            return Ok(if self.is_complete() { Piece::End } else { Piece::More });
        }
        // BODY-2
        self.allowed = self.allowed.checked_sub(data.len() as u64).ok_or(BodyError::TooLarge)?;
        Ok(Piece::Data(data))
    }

    /// Tells whether the last byte of the body has been taken.
    pub fn is_complete(&self) -> bool {
        match &self.kind {
            BodyKind::Length(left) => *left == 0,
            BodyKind::Chunked(decoder) => decoder.is_done(),
            BodyKind::Close => false,
            BodyKind::Closed => true,
        }
    }

    /// Records the end of the connection, after all bytes that came have been taken.
    ///
    /// # Errors
    /// [`BodyError::Truncated`], unless the body is complete or ends with the connection.
    pub fn end(&mut self) -> Result<(), BodyError> {
        if matches!(self.kind, BodyKind::Close) {
            self.kind = BodyKind::Closed;
        }
        if self.is_complete() { Ok(()) } else { Err(BodyError::Truncated) }
    }
}

/// Takes at most `most` bytes off the front of `input`.
fn take_at_most<'a>(input: &mut &'a [u8], most: u64) -> &'a [u8] {
    let length = usize::try_from(most).map_or(input.len(), |most| most.min(input.len()));
    let (data, rest) = input.split_at(length);
    *input = rest;
    data
}

/// Where in the grammar the next byte stands; the module's table lists the transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChunkState {
    /// In the digits of a length.
    Size,
    /// In the blanks after them.
    Blank,
    /// In an extension.
    Extension,
    /// Before the LF that ends the line of a length.
    SizeEnd,
    /// In the data.
    Data,
    /// Before the CR after the data.
    DataReturn,
    /// Before the LF after the data.
    DataEnd,
    /// At the beginning of a trailer, or of the last line.
    LineStart,
    /// In the name of a trailer.
    Name,
    /// In its value.
    Value,
    /// Before the LF that ends it.
    ValueEnd,
    /// Before the last LF of the body.
    LastEnd,
    /// The body is complete.
    Done,
}

/// A decoder of one chunked body.
#[derive(Clone, Debug)]
struct ChunkDecoder {
    /// The length of the chunk as read so far; in `Data`, its bytes still to come.
    left: u64,
    /// Bytes of extensions and trailers so far (`CHUNKED-2`).
    extra: u32,
    /// Digits of the length so far (`CHUNKED-3`).
    digits: u8,
    /// What the next byte belongs to.
    state: ChunkState,
}

impl ChunkDecoder {
    /// Makes a decoder that waits for the first chunk.
    fn new() -> Self {
        Self { left: 0, extra: 0, digits: 0, state: ChunkState::Size }
    }

    /// Takes bytes off the front of `input` until there is data, the body is complete, or the input is used up;
    /// returns the data, which may be empty.
    fn take<'a>(&mut self, input: &mut &'a [u8]) -> Result<&'a [u8], BodyError> {
        while self.state != ChunkState::Data {
            if self.state == ChunkState::Done {
                return Ok(&[]);
            }
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(&[]);
            };
            *input = rest;
            self.state = self.after(byte)?;
        }
        let data = take_at_most(input, self.left);
        self.left -= data.len() as u64;
        if self.left == 0 {
            self.state = ChunkState::DataReturn;
        }
        Ok(data)
    }

    /// Tells whether the last chunk and the trailers have been read.
    fn is_done(&self) -> bool {
        self.state == ChunkState::Done
    }

    /// Returns the state after a byte that is not data.
    fn after(&mut self, byte: u8) -> Result<ChunkState, BodyError> {
        match self.state {
            ChunkState::Size => self.after_size_byte(byte),
            ChunkState::Blank | ChunkState::Extension => self.after_extension_byte(byte),
            ChunkState::SizeEnd if byte == b'\n' => Ok(self.after_size_line()),
            ChunkState::DataReturn if byte == b'\r' => Ok(ChunkState::DataEnd),
            ChunkState::DataEnd if byte == b'\n' => Ok(ChunkState::Size),
            ChunkState::LineStart
            | ChunkState::Name
            | ChunkState::Value
            | ChunkState::ValueEnd
            | ChunkState::LastEnd => self.after_trailer_byte(byte),
            ChunkState::SizeEnd => Err(BodyError::ChunkSize),
            // `Data` and `Done` do not come here.
            _ => Err(BodyError::ChunkEnd),
        }
    }

    /// Reads a byte where the digits of a length stand.
    fn after_size_byte(&mut self, byte: u8) -> Result<ChunkState, BodyError> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            // CHUNKED-3: a length needs at least one digit.
            _ if self.digits == 0 => return Err(BodyError::ChunkSize),
            b'\r' => return Ok(ChunkState::SizeEnd),
            b' ' | b'\t' | b';' => return self.after_extension_byte(byte),
            _ => return Err(BodyError::ChunkSize),
        };
        if self.digits == MOST_DIGITS {
            return Err(BodyError::ChunkSize);
        }
        self.digits += 1;
        self.left = self.left << 4 | u64::from(digit);
        Ok(ChunkState::Size)
    }

    /// Reads a byte between the digits and the end of their line.
    fn after_extension_byte(&mut self, byte: u8) -> Result<ChunkState, BodyError> {
        self.count_extra()?;
        match byte {
            b'\r' if self.state == ChunkState::Extension => Ok(ChunkState::SizeEnd),
            b' ' | b'\t' if self.state != ChunkState::Extension => Ok(ChunkState::Blank),
            b';' if self.state != ChunkState::Extension => Ok(ChunkState::Extension),
            _ if self.state == ChunkState::Extension && is_value_byte(byte) => {
                Ok(ChunkState::Extension)
            }
            _ => Err(BodyError::ChunkExtension),
        }
    }

    /// Chooses what follows the line of a length.
    fn after_size_line(&mut self) -> ChunkState {
        self.digits = 0;
        if self.left == 0 { ChunkState::LineStart } else { ChunkState::Data }
    }

    /// Reads a byte after the last chunk.
    fn after_trailer_byte(&mut self, byte: u8) -> Result<ChunkState, BodyError> {
        self.count_extra()?;
        match (self.state, byte) {
            (ChunkState::LineStart, b'\r') => Ok(ChunkState::LastEnd),
            (ChunkState::LastEnd, b'\n') => Ok(ChunkState::Done),
            (ChunkState::LineStart | ChunkState::Name, _) if is_token_byte(byte) => {
                Ok(ChunkState::Name)
            }
            (ChunkState::Name, b':') => Ok(ChunkState::Value),
            (ChunkState::Value, b'\r') => Ok(ChunkState::ValueEnd),
            (ChunkState::Value, _) if is_value_byte(byte) => Ok(ChunkState::Value),
            (ChunkState::ValueEnd, b'\n') => Ok(ChunkState::LineStart),
            _ => Err(BodyError::Trailer),
        }
    }

    /// Counts a byte that is neither data nor framing (`CHUNKED-2`).
    fn count_extra(&mut self) -> Result<(), BodyError> {
        self.extra += 1;
        if self.extra > MOST_EXTRA_BYTES { Err(BodyError::TooMuchExtra) } else { Ok(()) }
    }
}

impl BodyError {
    /// Returns the status of a server's answer.
    pub fn status(self) -> Status {
        if self == Self::TooLarge { Status::CONTENT_TOO_LARGE } else { Status::BAD_REQUEST }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "body larger than the limit",
            Self::Truncated => "the connection ended within the body",
            Self::ChunkSize => "malformed length of a chunk",
            Self::ChunkExtension => "malformed extension of a chunk",
            Self::ChunkEnd => "a chunk does not end where its length says",
            Self::Trailer => "malformed trailer",
            Self::TooMuchExtra => "too many bytes of chunk extensions and trailers",
        })
    }
}

impl Error for BodyError {}
