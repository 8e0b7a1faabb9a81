//! A JSON value, and how it is written.
//!
//! **Invariants**
//! - `JSON-1` Every value can be written as valid JSON, and reading that gives the same value.
//! - `JSON-2` An object keeps its names in order, also a name that came twice; [`Json::get`] returns the last of these,
//!   as most programs do.
//! - `JSON-WRITE-1` A value is written in one line: quotes, backslashes and control characters are escaped, so a text
//!   can neither end itself nor begin a line in a log.

use std::fmt::{self, Display, Formatter, Write as _};

use super::number::Number;

/// A JSON value; displayed, it is its text in one line.
///
/// # Examples
/// ```
/// use handloom::json::Json;
/// let json = Json::parse(br#"{"city": "Moscow", "weather": ["Clouds", 0.10]}"#).unwrap();
/// assert_eq!(json.get("city").and_then(Json::as_text), Some("Moscow"));
/// assert_eq!(json.to_string(), r#"{"city":"Moscow","weather":["Clouds",0.10]}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Json {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object: names and values (`JSON-2`).
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Makes a number without a fraction.
    pub fn whole(number: u64) -> Self {
        Self::Number(number.into())
    }

    /// Makes a number that may have a fraction; null for `None` and for what JSON cannot write, such as an infinity.
    pub fn real(number: impl Into<Option<f64>>) -> Self {
        number.into().and_then(Number::from_f64).map_or(Self::Null, Self::Number)
    }

    /// Makes a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Makes an object, with its names in this order.
    pub fn object<N: Into<String>>(members: impl IntoIterator<Item = (N, Self)>) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// Returns the member of an object with this name; nothing from anything else.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        // JSON-2
        members.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Returns the text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the number, if this is one.
    pub fn as_number(&self) -> Option<&Number> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    /// Returns the values of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }
}

impl Display for Json {
    /// Writes the value in one line, without blanks.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(truth) => write!(out, "{truth}"),
            Self::Number(number) => out.write_str(number.as_str()),
            Self::Text(text) => write_text(out, text),
            Self::List(values) => {
                out.write_char('[')?;
                for (place, value) in values.iter().enumerate() {
                    write!(out, "{}{value}", if place > 0 { "," } else { "" })?;
                }
                out.write_char(']')
            }
            Self::Object(members) => {
                out.write_char('{')?;
                for (place, (name, value)) in members.iter().enumerate() {
                    out.write_str(if place > 0 { "," } else { "" })?;
                    write_text(out, name)?;
                    write!(out, ":{value}")?;
                }
                out.write_char('}')
            }
        }
    }
}

/// Writes a text in quotes (`JSON-WRITE-1`).
fn write_text(out: &mut Formatter<'_>, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    // What needs no escape goes out in one piece.
    while let Some(at) = rest.find(|c| matches!(c, '"' | '\\' | '\0'..='\x1f' | '\x7f')) {
        let (plain, tail) = rest.split_at(at);
        out.write_str(plain)?;
        let escaped = tail.as_bytes()[0];
        match escaped {
            b'"' | b'\\' => write!(out, "\\{}", char::from(escaped))?,
            b'\n' => out.write_str("\\n")?,
            _ => write!(out, "\\u{escaped:04x}")?,
        }
        rest = &tail[1..];
    }
    out.write_str(rest)?;
    out.write_char('"')
}
