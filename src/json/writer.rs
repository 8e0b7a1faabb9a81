//! Writing JSON.
//!
//! **Invariants**
//! - `JSON-WRITE-1` What is written is valid JSON (`JSON-1`) in one line: quote, backslash and control characters
//!   are escaped, so a text cannot end itself, nor begin a line in a log.

use std::fmt::{self, Display, Formatter, Write};

use super::number::Number;
use super::value::Json;

impl Display for Json {
    /// Writes the value in one line, without blanks.
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(truth) => write!(out, "{truth}"),
            Self::Number(number) => number.fmt(out),
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

impl Display for Number {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
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
