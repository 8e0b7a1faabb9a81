//! Writing JSON: objects, lists, texts and numbers, and no more.
//!
//! **Invariants**
//! - `JSON-1` What is written is valid: texts are escaped, and a number that JSON does not know is `null`.
//!
//! **Left out**: reading; indentation, which `jq` does better.
//!
//! **Source**: RFC 8259, sections 4 to 7.

use std::fmt::{self, Display, Formatter, Write};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// A number without a fraction.
    Whole(u64),
    /// A number with one.
    Real(f64),
    /// True or false.
    Bool(bool),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object; its names in their order.
    Object(Vec<(&'static str, Json)>),
    /// Nothing.
    Null,
}

impl Json {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number that may not be known.
    pub fn real(number: Option<f64>) -> Self {
        number.map_or(Self::Null, Self::Real)
    }
}

impl Display for Json {
    /// Writes the value in one line.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(out, "{number}"),
            Self::Real(number) if number.is_finite() => write!(out, "{number}"),
            Self::Real(_) | Self::Null => out.write_str("null"),
            Self::Bool(truth) => write!(out, "{truth}"),
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

/// Writes a text in quotes; quote, backslash and control characters may not stand there as they are.
fn write_text(out: &mut Formatter<'_>, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(out, "\\{character}")?,
            '\0'..='\x1f' => write!(out, "\\u{:04x}", u32::from(character))?,
            _ => out.write_char(character)?,
        }
    }
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_escaped_that_must_be() {
        let json = Json::Object(vec![
            ("text", Json::text("a \"b\" \\ \n")),
            ("list", Json::List(vec![Json::Whole(1), Json::Real(0.5), Json::Real(f64::NAN)])),
        ]);
        let expected = r#"{"text":"a \"b\" \\ \u000a","list":[1,0.5,null]}"#;
        assert_eq!(json.to_string(), expected, "JSON-1");
    }
}
