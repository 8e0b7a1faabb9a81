//! Reading a body of any framing, without keeping any of it.
//!
//! The owner of a connection reads bytes into its own buffer and asks here which of them are the body. What comes
//! back is a slice of that same buffer, to be written to a file or appended to a text: one copy, made by whoever
//! wants it. What follows the body is left in the input; it is the next message.
//!
//! **Invariants**
//! - `BODY-1` However the bytes are cut, the body and the verdict are the same.
//! - `BODY-2` No piece is handed out that goes beyond the limit; a length that does is refused at once.
//! - `BODY-3` After the end no byte is taken.
//!
//! **Source**: RFC 9112, section 6.

use std::error::Error;
use std::fmt;

use super::chunked::ChunkDecoder;
use super::framing::Framing;
use super::status::Status;

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
    kind: Kind,
    /// Bytes of data that may still come before the limit is passed.
    allowed: u64,
}

/// How the end of a body is found, and how far the search is.
#[derive(Clone, Debug)]
enum Kind {
    /// This many bytes are to come; none: the end.
    Length(u64),
    /// Chunks are to come.
    Chunked(ChunkDecoder),
    /// Everything is data until the connection ends.
    Close,
    /// The connection has ended, and that was right.
    Closed,
}

/// What the front of the input was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes of the body; never none.
    Data(&'a [u8]),
    /// Nothing yet: the input is used up.
    More,
    /// The body is complete; what is left of the input does not belong to it.
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
    /// Extensions and trailers go on and on.
    TooMuchExtra,
}

impl Body {
    /// Begins a body of which at most `limit` bytes are wanted; [`u64::MAX`] for no limit.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`], when its declared length is already beyond the limit (`BODY-2`).
    pub fn new(framing: Framing, limit: u64) -> Result<Self, BodyError> {
        let kind = match framing {
            Framing::None => Kind::Length(0),
            Framing::Length(length) if length > limit => return Err(BodyError::TooLarge),
            Framing::Length(length) => Kind::Length(length),
            Framing::Chunked => Kind::Chunked(ChunkDecoder::new()),
            Framing::Close => Kind::Close,
        };
        Ok(Self { kind, allowed: limit })
    }

    /// Takes the next piece off the front of `input`, which is whatever has come and was not taken yet.
    ///
    /// Call it until it says `More` or `End`.
    ///
    /// # Errors
    /// [`BodyError`]: the connection cannot be used any further, nor can this.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Piece<'a>, BodyError> {
        let data = match &mut self.kind {
            Kind::Chunked(decoder) => decoder.take(input)?,
            Kind::Length(left) => {
                let data = take_at_most(input, *left);
                *left -= data.len() as u64;
                data
            }
            Kind::Close => std::mem::take(input),
            Kind::Closed => &[],
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
            Kind::Length(left) => *left == 0,
            Kind::Chunked(decoder) => decoder.is_done(),
            Kind::Close => false,
            Kind::Closed => true,
        }
    }

    /// Takes note that the connection has ended, after all that came has been taken.
    ///
    /// # Errors
    /// [`BodyError::Truncated`], unless the body is complete, or is one that ends so.
    pub fn end(&mut self) -> Result<(), BodyError> {
        if matches!(self.kind, Kind::Close) {
            self.kind = Kind::Closed;
        }
        if self.is_complete() { Ok(()) } else { Err(BodyError::Truncated) }
    }

    /// Returns how many of the bytes to come are data for certain, and allowed: so many may be read straight to
    /// where they are wanted, if [`skip`](Self::skip) is told.
    pub fn certain(&self) -> u64 {
        let certain = match &self.kind {
            Kind::Length(left) => *left,
            Kind::Chunked(decoder) => decoder.certain(),
            Kind::Close => u64::MAX,
            Kind::Closed => 0,
        };
        certain.min(self.allowed)
    }

    /// Takes note that so many bytes of data were read past this.
    ///
    /// # Panics
    /// When they were more than are [`certain`](Self::certain).
    pub fn skip(&mut self, bytes: u64) {
        assert!(bytes <= self.certain(), "{bytes} bytes skipped, certain were {}", self.certain());
        self.allowed -= bytes;
        match &mut self.kind {
            Kind::Length(left) => *left -= bytes,
            // A skip of nothing may come between chunks, where there is no data to take it from.
            Kind::Chunked(decoder) if bytes > 0 => decoder.skip(bytes),
            _ => {}
        }
    }
}

/// Takes bytes off the front of `input`: as many as there are, but at most `most`.
pub(super) fn take_at_most<'a>(input: &mut &'a [u8], most: u64) -> &'a [u8] {
    let length = usize::try_from(most).map_or(input.len(), |most| most.min(input.len()));
    let (data, rest) = input.split_at(length);
    *input = rest;
    data
}

impl BodyError {
    /// Returns the status that a server answers with.
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
