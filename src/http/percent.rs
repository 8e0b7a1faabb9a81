//! Percent escapes: `%D0%96` for bytes that may not stand in a URL as they are.
//!
//! **Invariants**
//! - `PERCENT-1` A `%` that is not followed by two hex digits is an error, and so is text that is not UTF-8
//!   afterwards. A guess would differ from the guess of the next program.
//! - `PERCENT-2` `decode(encode(text))` is `text`, whatever the text.
//!
//! **Source**: RFC 3986, section 2.1.

use std::error::Error;
use std::fmt;
use std::fmt::Write as _;

/// Why a text cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EscapeError {
    /// A `%` without two hex digits behind it.
    Escape,
    /// The bytes are not UTF-8.
    Utf8,
}

/// Decodes the escapes of a text; what is not an escape stays as it is.
///
/// # Errors
/// [`EscapeError`] (`PERCENT-1`).
pub fn decode(text: &str) -> Result<String, EscapeError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' {
            let (digits, tail) = tail.split_at_checked(2).ok_or(EscapeError::Escape)?;
            rest = tail;
            bytes.push(digit(digits[0])? << 4 | digit(digits[1])?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| EscapeError::Utf8)
}

/// Returns the value of a hex digit.
fn digit(byte: u8) -> Result<u8, EscapeError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(EscapeError::Escape),
    }
}

/// Escapes all but letters, digits and `-._~`, so that the text may stand anywhere in a URL.
///
/// # Examples
/// ```
/// use handloom::http::percent::{decode, encode};
/// assert_eq!(encode("New York & Ćma"), "New%20York%20%26%20%C4%86ma");
/// assert_eq!(decode("New%20York").unwrap(), "New York");
/// ```
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            push_escaped(&mut out, byte);
        }
    }
    out
}

/// Appends a byte as an escape.
pub(super) fn push_escaped(out: &mut String, byte: u8) {
    write!(out, "%{byte:02X}").expect("holds because writing to a String cannot fail");
}

impl fmt::Display for EscapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Escape => "a % without two hex digits",
            Self::Utf8 => "escapes that are not UTF-8",
        })
    }
}

impl Error for EscapeError {}
