//! Reading JSON, and nothing that only looks like it.
//!
//! Readers that are kind to comments, trailing commas or lone surrogates read each a language of their own; a
//! text that two of them understand differently is a gap between the two. So the standard's grammar is the rule,
//! and what it leaves open is decided once, here.
//!
//! **Invariants**
//! - `JSON-READ-1` What is read has the standard's grammar and is UTF-8, without a mark at its beginning.
//! - `JSON-READ-2` A text has no lone surrogate: half a character is an error, since no text could hold it.
//! - `JSON-READ-3` Lists and objects are nested at most [`MOST_DEPTH`] deep, so that no input overflows the stack.
//! - `JSON-READ-4` Reading is linear in the text.
//!
//! **Source**: RFC 8259, sections 2 to 9.

use std::error::Error;
use std::fmt;
use std::str;

use super::number::{Number, length_of_number};
use super::value::Json;

/// How deep values may be nested. Taste: nobody writes deeper by hand, and a thread's stack holds it many times.
pub const MOST_DEPTH: usize = 128;

/// What is wrong with a text that should be JSON, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong.
    pub fault: Fault,
    /// The first byte that cannot be right.
    pub at: usize,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A value should stand here.
    Value,
    /// A number is malformed.
    Number,
    /// A text does not end, or has a control character.
    Text,
    /// An escape within a text is malformed, or half of a character.
    Escape,
    /// A name in quotes should stand here.
    Name,
    /// A colon should stand here.
    Colon,
    /// A comma, or the end of the list or object, should stand here.
    Comma,
    /// The value is complete, but the text goes on.
    More,
    /// The bytes are not UTF-8.
    Utf8,
    /// Too deep (`JSON-READ-3`).
    Depth,
}

/// What goes over a text from its beginning to its end.
struct Reader<'a> {
    /// The text.
    text: &'a str,
    /// The next byte.
    at: usize,
    /// Lists and objects that are open.
    depth: usize,
}

impl Json {
    /// Reads a value that is the whole text, but for white space around it.
    ///
    /// # Errors
    /// [`JsonError`]: the first thing that is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, JsonError> {
        let text = str::from_utf8(text)
            .map_err(|error| JsonError { fault: Fault::Utf8, at: error.valid_up_to() })?;
        let mut reader = Reader { text, at: 0, depth: 0 };
        let value = reader.value()?;
        reader.skip_blanks();
        if reader.at == text.len() { Ok(value) } else { reader.fail(Fault::More) }
    }
}

impl Reader<'_> {
    /// Complains about the present place.
    fn fail<T>(&self, fault: Fault) -> Result<T, JsonError> {
        Err(JsonError { fault, at: self.at })
    }

    /// Returns the next byte, if there is one.
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes over a byte, if it is this one, and tells whether it was.
    fn eat(&mut self, byte: u8) -> bool {
        let is_here = self.peek() == Some(byte);
        self.at += usize::from(is_here);
        is_here
    }

    /// Goes over white space; JSON knows four characters of it.
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
            _ => self.fail(Fault::Value),
        }
    }

    /// Reads a word that stands for a value.
    fn word(&mut self, word: &str, value: Json) -> Result<Json, JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return self.fail(Fault::Value);
        }
        self.at += word.len();
        Ok(value)
    }

    /// Reads a number.
    fn number(&mut self) -> Result<Json, JsonError> {
        let rest = &self.text[self.at..];
        let Some(length) = length_of_number(rest.as_bytes()) else {
            return self.fail(Fault::Number);
        };
        // `01`: two numbers for the grammar, and for the eye a malformed one.
        if rest[length..].starts_with(|c: char| c.is_ascii_digit()) {
            return self.fail(Fault::Number);
        }
        self.at += length;
        Ok(Json::Number(Number::from_measured(&rest[..length])))
    }

    /// Reads what stands between brackets.
    fn list(&mut self) -> Result<Json, JsonError> {
        self.open()?;
        let mut items = Vec::new();
        if !self.closes(b']') {
            loop {
                items.push(self.value()?);
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(Json::List(items))
    }

    /// Reads what stands between braces.
    fn object(&mut self) -> Result<Json, JsonError> {
        self.open()?;
        let mut members = Vec::new();
        if !self.closes(b'}') {
            loop {
                self.skip_blanks();
                if self.peek() != Some(b'"') {
                    return self.fail(Fault::Name);
                }
                let name = self.text()?;
                self.skip_blanks();
                if !self.eat(b':') {
                    return self.fail(Fault::Colon);
                }
                members.push((name, self.value()?));
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(Json::Object(members))
    }

    /// Goes over an opening bracket or brace (`JSON-READ-3`).
    fn open(&mut self) -> Result<(), JsonError> {
        if self.depth == MOST_DEPTH {
            return self.fail(Fault::Depth);
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Goes over the closing one, if it comes next.
    fn closes(&mut self, closing: u8) -> bool {
        self.skip_blanks();
        self.eat(closing)
    }

    /// Goes over a comma or the closing one; tells whether it was the comma.
    fn goes_on(&mut self, closing: u8) -> Result<bool, JsonError> {
        if self.closes(closing) {
            Ok(false)
        } else if self.eat(b',') {
            Ok(true)
        } else {
            self.fail(Fault::Comma)
        }
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
                _ => return self.fail(Fault::Text),
            }
        }
    }

    /// Reads an escape, which begins here.
    fn escape(&mut self) -> Result<char, JsonError> {
        let here = JsonError { fault: Fault::Escape, at: self.at };
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

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.fault {
            Fault::Value => "expected a value",
            Fault::Number => "malformed number",
            Fault::Text => "a text without an end, or with a control character",
            Fault::Escape => "malformed escape",
            Fault::Name => "expected a name in quotes",
            Fault::Colon => "expected a colon",
            Fault::Comma => "expected a comma or the end of the list or object",
            Fault::More => "something after the value",
            Fault::Utf8 => "not UTF-8",
            Fault::Depth => "nested too deep",
        };
        write!(f, "JSON, byte {}: {what}", self.at)
    }
}

impl Error for JsonError {}
