//! One message of the wire: two numbers, or the word that ends the connection.
//!
//! Where a message ends is the session's business; this file never sees a line ending, save as white space.
//! What it accepts:
//!
//! ```text
//!   message    = [ws] ( number separator number | "close" ) [ws]
//!   separator  = ws | [ws] "," [ws]
//!   number     = [sign] ( digits [ "." [digits] ] | "." digits ) [ ("e" | "E") [sign] digits ]
//! ```
//!
//! **Invariants**
//! - `MESSAGE-1` Whatever the bytes are, the answer to a bad message is one line of printable ASCII, and it
//!   shows at most [`SHOWN_BYTES`] bytes of what came. A client cannot make the server write control
//!   characters into somebody's terminal, or lines that look like other replies.
//! - `MESSAGE-2` Reading is linear in the message, whatever is wrong with it.
//!
//! **Source**: the grammar of numbers is that of Python's `decimal`, less underscores, `nan` and `inf`.

use std::fmt;

use super::number::{Decimal, MAX_EXPONENT, NumberError};

/// How much of an offending text is quoted back, in bytes of that text. Taste: enough to recognise one's own
/// message, and little beside a message of a megabyte.
const SHOWN_BYTES: usize = 40;

/// What a client may say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Two numbers, to be answered with their sum or product.
    Numbers(Decimal, Decimal),
    /// `close`: the client wants the connection to end.
    Close,
}

/// What is wrong with a message; displayed, it is the text of the reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MessageError<'a> {
    /// Nothing, or nothing but white space.
    Empty,
    /// Not two pieces with one separator between them.
    Shape(&'a [u8]),
    /// This piece is not a number, or too large a one.
    Number(&'a [u8], NumberError),
}

impl Message {
    /// Reads a message, without its line ending.
    ///
    /// # Errors
    /// The first thing that is wrong with it; the connection is still usable.
    pub(super) fn parse(line: &[u8]) -> Result<Self, MessageError<'_>> {
        let line = line.trim_ascii();
        match line {
            b"" => return Err(MessageError::Empty),
            b"close" => return Ok(Self::Close),
            // `close now` is not `close`, but two pieces of which the first is no number.
            _ => {}
        }
        let (first, second) = split(line).ok_or(MessageError::Shape(line))?;
        let number = |text| Decimal::parse(text).map_err(|error| MessageError::Number(text, error));
        Ok(Self::Numbers(number(first)?, number(second)?))
    }
}

/// Splits a trimmed line into its two pieces; `None` when it has fewer, or more, or the commas are wrong.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = line.split_at(line.iter().copied().position(is_separator)?);
    let rest = rest.trim_ascii_start();
    let second = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
    // A third piece, or a second comma, shows as a separator within what should be the second piece.
    let whole =
        !first.is_empty() && !second.is_empty() && !second.iter().copied().any(is_separator);
    whole.then_some((first, second))
}

/// Tells whether a byte parts two numbers.
fn is_separator(byte: u8) -> bool {
    byte == b',' || byte.is_ascii_whitespace()
}

impl fmt::Display for MessageError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => f.write_str("empty message, expected two numbers"),
            Self::Shape(text) => {
                write!(
                    f,
                    "expected two numbers parted by white space or one comma, came {}",
                    Quoted(text)
                )
            }
            Self::Number(text, NumberError::Malformed) => {
                write!(f, "not a number: {}", Quoted(text))
            }
            Self::Number(text, NumberError::Exponent) => {
                write!(f, "exponent beyond {MAX_EXPONENT} in {}", Quoted(text))
            }
        }
    }
}

/// Displays bytes between quotes, escaped, and cut short (`MESSAGE-1`).
struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(SHOWN_BYTES)];
        let more = if shown.len() < self.0.len() { "..." } else { "" };
        write!(f, "\"{}{more}\"", shown.escape_ascii())
    }
}
