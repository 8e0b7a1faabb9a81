//! A strict reader of JSON.
//!
//! Readers that accept comments or trailing commas each read a language of their own. A text that two of them read
//! differently is a security hole between the two, so this one accepts what the standard's grammar allows.
//!
//! **Invariants**
//! - `JSON-READ-1` Accepted text has the standard's grammar and is UTF-8, without a byte order mark.
//! - `JSON-READ-2` A lone surrogate is an error.
//! - `JSON-READ-3` Lists and objects are nested at most [`MOST_DEPTH`] deep, so that no input overflows the stack.
//!
//! **Source**: RFC 8259, sections 2 to 9.

use std::error::Error;
use std::fmt;
use std::str;

use super::number::{Number, length_of_number};
use super::value::Json;

/// How deep values may be nested. The reader recurses; a stack of 2 MiB holds this depth many times.
pub const MOST_DEPTH: usize = 128;

/// What is wrong with a text that should be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The fault, in words.
    pub fault: &'static str,
    /// The first byte that cannot be right.
    pub at: usize,
}

impl fmt::Display for JsonError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "JSON, byte {}: {}", self.at, self.fault)
    }
}

impl Error for JsonError {}

/// A position in a text that is being read.
struct Reader<'a> {
    /// The text.
    text: &'a str,
    /// The next byte.
    at: usize,
    /// Lists and objects that are open.
    depth: usize,
}

impl Json {
    /// Reads a value that is the whole text, except for white space around it.
    ///
    /// # Errors
    /// [`JsonError`]: the first thing that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, JsonError> {
        let text = str::from_utf8(text)
            .map_err(|error| JsonError { fault: "not UTF-8", at: error.valid_up_to() })?;
        let mut reader = Reader { text, at: 0, depth: 0 };
        let value = reader.value()?;
        reader.skip_blanks();
        if reader.at == text.len() { Ok(value) } else { reader.fail("something after the value") }
    }
}

impl Reader<'_> {
    /// An error at the present byte.
    fn fail<T>(&self, fault: &'static str) -> Result<T, JsonError> {
        Err(JsonError { fault, at: self.at })
    }

    /// Returns the next byte, if there is one.
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips this byte if it comes next, and returns whether it did.
    fn eat(&mut self, byte: u8) -> bool {
        let is_here = self.peek() == Some(byte);
        self.at += usize::from(is_here);
        is_here
    }

    /// Skips the four characters that are white space in JSON.
    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Reads a value, with white space before it.
    fn value(&mut self) -> Result<Json, JsonError> {
        self.skip_blanks();
        match self.peek() {
            Some(b'n') => self.word("null", Json::Null),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'"') => Ok(Json::Text(self.text()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => self.list(),
            Some(b'{') => self.object(),
            _ => self.fail("expected a value"),
        }
    }

    /// Reads a word that stands for a value.
    fn word(&mut self, word: &str, value: Json) -> Result<Json, JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return self.fail("expected a value");
        }
        self.at += word.len();
        Ok(value)
    }

    /// Reads a number.
    fn number(&mut self) -> Result<Json, JsonError> {
        let rest = &self.text[self.at..];
        let Some(length) = length_of_number(rest.as_bytes()) else {
            return self.fail("malformed number");
        };
        // `01` is two numbers to the grammar, but a malformed one to its reader.
        if rest[length..].starts_with(|c: char| c.is_ascii_digit()) {
            return self.fail("malformed number");
        }
        self.at += length;
        Ok(Json::Number(Number::from_measured(&rest[..length])))
    }

    /// Reads what stands between brackets.
    fn list(&mut self) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        self.each(b']', |reader| {
            items.push(reader.value()?);
            Ok(())
        })?;
        Ok(Json::List(items))
    }

    /// Reads what stands between braces.
    fn object(&mut self) -> Result<Json, JsonError> {
        let mut members = Vec::new();
        self.each(b'}', |reader| {
            reader.skip_blanks();
            if reader.peek() != Some(b'"') {
                return reader.fail("expected a name in quotes");
            }
            let name = reader.text()?;
            reader.skip_blanks();
            if !reader.eat(b':') {
                return reader.fail("expected a colon");
            }
            members.push((name, reader.value()?));
            Ok(())
        })?;
        Ok(Json::Object(members))
    }

    /// Reads an opening bracket or brace, items with commas between them, and the closing one (`JSON-READ-3`).
    fn each(
        &mut self,
        closing: u8,
        mut item: impl FnMut(&mut Self) -> Result<(), JsonError>,
    ) -> Result<(), JsonError> {
        if self.depth == MOST_DEPTH {
            return self.fail("nested too deep");
        }
        self.depth += 1;
        self.at += 1;
        self.skip_blanks();
        let mut is_first = true;
        while !self.eat(closing) {
            if !is_first && !self.eat(b',') {
                return self.fail("expected a comma or the end of the list or object");
            }
            item(self)?;
            self.skip_blanks();
            is_first = false;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads a text in quotes.
    fn text(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
            let plain = rest.bytes().position(|byte| is_special(&byte)).unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return self.fail("a text without an end, or with a control character"),
            }
        }
    }

    /// Reads an escape, which begins here.
    fn escape(&mut self) -> Result<char, JsonError> {
        let here = JsonError { fault: "malformed escape", at: self.at };
        let character = match self.text.as_bytes().get(self.at + 1) {
            Some(b'u') => return self.unicode_escape().ok_or(here),
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
            Some(b'b') => '\x08',
            Some(b'f') => '\x0c',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            _ => return Err(here),
        };
        self.at += 2;
        Ok(character)
    }

    /// Reads `\u` and four digits, and when they are the first half of a character the second half too.
    fn unicode_escape(&mut self) -> Option<char> {
        let first = self.unit()?;
        if !(0xd800..0xdc00).contains(&first) {
            // JSON-READ-2: a second half without a first is no character.
            return char::from_u32(first);
        }
        let second = self.unit().filter(|unit| (0xdc00..0xe000).contains(unit))?;
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    }

    /// Reads `\u` and four hex digits; `from_str_radix` alone would take a plus sign among them.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 6)?.strip_prefix("\\u")?;
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.at += 6;
        u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    }
}
