//! Percent escapes, `%D0%96` for bytes that a URL cannot contain, and queries: `city=Moscow&city=New+York`.
//!
//! **Invariants**
//! - `PERCENT-1` A `%` without two hex digits behind it is an error, and so is text that is not UTF-8 afterwards.
//! - `PERCENT-2` `decode(encode(text))` is `text`, for any text.
//! - `QUERY-1` Names in a query may be repeated; all values are kept, in order.
//! - `QUERY-2` A bad escape makes the whole query an error: a server answers with 400.
//!
//! **Left out**: `;` between pairs, which was once allowed.
//!
//! **Source**: RFC 3986, section 2.1; the form `application/x-www-form-urlencoded` of the URL standard (WHATWG),
//! section 5.1, which ignores bad escapes.

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

/// Decodes the escapes of a text; everything else stays as it is.
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

/// Escapes all bytes except letters, digits and `-._~`, so that the text may stand anywhere in a URL.
///
/// # Examples
/// ```
/// use handloom::http::percent::{decode, encode};
/// assert_eq!(encode("New York & Ćma"), "New%20York%20%26%20%C4%86ma");
/// assert_eq!(decode("New%20York").unwrap(), "New York");
/// ```
pub fn encode(text: &str) -> String {
    escape(text.as_bytes(), |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// Escapes every byte that is not `plain`; plain bytes are ASCII.
pub fn escape(bytes: &[u8], plain: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("holds because writing to a String cannot fail");
        }
    }
    out
}

/// The pairs of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Names and values, decoded, in order.
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads a query, without its `?`. A pair without `=` has an empty value; empty pairs are skipped.
    ///
    /// # Errors
    /// [`EscapeError`] (`QUERY-2`).
    ///
    /// # Examples
    /// ```
    /// use handloom::http::Query;
    /// let query = Query::parse("q=a+b%26c&q=d").unwrap();
    /// assert_eq!(query.get("q"), Some("a b&c"));
    /// assert_eq!(query.get_all("q").count(), 2);
    /// ```
    pub fn parse(text: &str) -> Result<Self, EscapeError> {
        // A plus means a blank, and a literal plus is escaped: so this comes before decoding.
        let decode = |text: &str| decode(&text.replace('+', " "));
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(pair);
        Ok(Self { pairs: pairs.collect::<Result<_, _>>()? })
    }

    /// Returns the first value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Returns all values of a name, in order (`QUERY-1`).
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.pairs().filter(move |(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Returns all pairs, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
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
