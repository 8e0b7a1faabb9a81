//! Reading a chunked body: each chunk with its length before it, an empty one at the end, then trailers.
//!
//! A server that makes a page as it goes does not know its length. With chunks it says the end without closing
//! the connection. The decoder takes bytes cut anywhere and lends out the data in them, where they lie: nothing is
//! copied and nothing kept but a few numbers.
//!
//! | state | waits for | then |
//! | --- | --- | --- |
//! | `Size` | hex digits of a length | blank: `Blank`, `;`: `Extension`, CR: `SizeEnd` |
//! | `Blank` | blanks before an extension | `;`: `Extension` |
//! | `Extension` | what nobody here understands | CR: `SizeEnd` |
//! | `SizeEnd` | LF | `Data`, or after the empty chunk `LineStart` |
//! | `Data` | as many bytes as the length says | `DataReturn` |
//! | `DataReturn`, `DataEnd` | CR, LF | `Size` |
//! | `LineStart` | a trailer, or CR | `Name`, `LastEnd` |
//! | `Name`, `Value`, `ValueEnd` | name and colon, value and CR, LF | `LineStart` |
//! | `LastEnd` | LF | `Done` |
//!
//! **Invariants**
//! - `CHUNKED-1` However the bytes are cut, the data and the verdict are the same.
//! - `CHUNKED-2` Memory is constant: extensions and trailers are looked at and forgotten. Of both together a body
//!   may have [`MOST_EXTRA_BYTES`], so that a peer cannot send for ever without sending anything.
//! - `CHUNKED-3` A length is 1 to 16 hex digits, so it fits a `u64`; no sign, no blank before it, no `0x`.
//! - `CHUNKED-4` A line ends with CR LF and in no other way; no control character stands in extension or trailer.
//!
//! **Left out**: the trailers' meaning. Fields that come after the body are easily mistaken for fields of the
//! head, and nothing here needs them. And the grammar within an extension, which cannot contain a line's end.
//!
//! **Source**: RFC 9112, section 7.1.

use super::body::{BodyError, take_at_most};
use super::token::{is_token_byte, is_value_byte};

/// Bytes of extensions and trailers that a body may have in all. Taste: more than any honest sender needs.
pub const MOST_EXTRA_BYTES: u32 = 16 * 1024;

/// Digits of the largest length that fits 64 bits.
const MOST_DIGITS: u8 = 16;

/// Where in the grammar the next byte stands; the module's table has the transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
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
    /// At the beginning of a trailer, or of the line that ends it all.
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
pub(super) struct ChunkDecoder {
    /// The length of the chunk as read so far; in `Data`, what is still to come of it.
    left: u64,
    /// Bytes of extensions and trailers so far (`CHUNKED-2`).
    extra: u32,
    /// Digits of the length so far (`CHUNKED-3`).
    digits: u8,
    /// What the next byte is taken for.
    state: State,
}

impl ChunkDecoder {
    /// Makes a decoder that waits for the first chunk.
    pub(super) fn new() -> Self {
        Self { left: 0, extra: 0, digits: 0, state: State::Size }
    }

    /// Takes data or what stands around it off the front of `input`; returns the data, which may be none.
    ///
    /// Returns when there is data, when the body is complete, and when the input is used up.
    pub(super) fn take<'a>(&mut self, input: &mut &'a [u8]) -> Result<&'a [u8], BodyError> {
        while self.state != State::Data {
            if self.state == State::Done {
                return Ok(&[]);
            }
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(&[]);
            };
            *input = rest;
            self.state = self.after(byte)?;
        }
        let data = take_at_most(input, self.left);
        self.skip(data.len() as u64);
        Ok(data)
    }

    /// Tells whether the last chunk and the trailers have been read.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Returns how many bytes from here on are data for certain.
    pub(super) fn certain(&self) -> u64 {
        if self.state == State::Data { self.left } else { 0 }
    }

    /// Takes note that data was taken past the decoder; no more than is certain.
    pub(super) fn skip(&mut self, bytes: u64) {
        self.left -= bytes;
        if self.left == 0 {
            self.state = State::DataReturn;
        }
    }

    /// Returns the state after a byte that is not data.
    fn after(&mut self, byte: u8) -> Result<State, BodyError> {
        match self.state {
            State::Size => self.after_size_byte(byte),
            State::Blank | State::Extension => self.after_extension_byte(byte),
            State::SizeEnd if byte == b'\n' => Ok(self.after_size_line()),
            State::DataReturn if byte == b'\r' => Ok(State::DataEnd),
            State::DataEnd if byte == b'\n' => Ok(State::Size),
            State::LineStart | State::Name | State::Value | State::ValueEnd | State::LastEnd => {
                self.after_trailer_byte(byte)
            }
            State::SizeEnd => Err(BodyError::ChunkSize),
            // `Data` and `Done` never come here.
            _ => Err(BodyError::ChunkEnd),
        }
    }

    /// Reads a byte where the digits of a length stand.
    fn after_size_byte(&mut self, byte: u8) -> Result<State, BodyError> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            // CHUNKED-3: something must have come before what may follow a length.
            _ if self.digits == 0 => return Err(BodyError::ChunkSize),
            b'\r' => return Ok(State::SizeEnd),
            b' ' | b'\t' | b';' => return self.after_extension_byte(byte),
            _ => return Err(BodyError::ChunkSize),
        };
        if self.digits == MOST_DIGITS {
            return Err(BodyError::ChunkSize);
        }
        self.digits += 1;
        self.left = self.left << 4 | u64::from(digit);
        Ok(State::Size)
    }

    /// Reads a byte between the digits and the end of their line.
    fn after_extension_byte(&mut self, byte: u8) -> Result<State, BodyError> {
        self.count_extra()?;
        match byte {
            b'\r' if self.state == State::Extension => Ok(State::SizeEnd),
            b' ' | b'\t' if self.state != State::Extension => Ok(State::Blank),
            b';' if self.state != State::Extension => Ok(State::Extension),
            _ if self.state == State::Extension && is_value_byte(byte) => Ok(State::Extension),
            _ => Err(BodyError::ChunkExtension),
        }
    }

    /// Chooses what follows the line of a length, and makes ready for the next length.
    fn after_size_line(&mut self) -> State {
        self.digits = 0;
        if self.left == 0 { State::LineStart } else { State::Data }
    }

    /// Reads a byte after the last chunk.
    fn after_trailer_byte(&mut self, byte: u8) -> Result<State, BodyError> {
        self.count_extra()?;
        match (self.state, byte) {
            (State::LineStart, b'\r') => Ok(State::LastEnd),
            (State::LastEnd, b'\n') => Ok(State::Done),
            (State::LineStart | State::Name, _) if is_token_byte(byte) => Ok(State::Name),
            (State::Name, b':') => Ok(State::Value),
            (State::Value, b'\r') => Ok(State::ValueEnd),
            (State::Value, _) if is_value_byte(byte) => Ok(State::Value),
            (State::ValueEnd, b'\n') => Ok(State::LineStart),
            _ => Err(BodyError::Trailer),
        }
    }

    /// Counts a byte that is neither data nor needed to frame it (`CHUNKED-2`).
    fn count_extra(&mut self) -> Result<(), BodyError> {
        self.extra += 1;
        if self.extra > MOST_EXTRA_BYTES { Err(BodyError::TooMuchExtra) } else { Ok(()) }
    }
}
