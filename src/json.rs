//! JSON, read strictly and written correctly.
//!
//! A number is kept as the text that it came as. Programs that read it as `f64` change it: 9007199254740993 becomes
//! 9007199254740992, and 0.10 becomes 0.1.
//!
//! A text that two programs read differently is a security hole between them. So the reader accepts what the standard's
//! grammar allows, and nothing else: no comments, no trailing commas.
//!
//! **Left out**: reading into types of the program, indentation, values that come in pieces.
//!
//! **Invariants**
//! - `JSON-1` Every value can be written as valid JSON, and reading that gives the same value.
//! - `JSON-2` An object keeps its names in order, also a name that came twice; [`Json::get`] returns the last of these,
//!   as most programs do.
//! - `JSON-NUMBER-1` A number's text has the form that JSON requires.
//! - `JSON-READ-1` Accepted text has the standard's grammar and is UTF-8, without a byte order mark.
//! - `JSON-READ-2` A lone surrogate is an error.
//! - `JSON-READ-3` Lists and objects are nested at most [`MOST_DEPTH`] deep, so that no input overflows the stack.
//! - `JSON-WRITE-1` A value is written in one line: quotes, backslashes and control characters are escaped, so a text
//!   can neither end itself nor begin a line in a log.
//!
//! **Source**: RFC 8259.

use std::error::Error;
use std::fmt::{self, Display, Formatter, Write as _};
use std::str;

/// How deep values may be nested. The reader recurses; a stack of 2 MiB holds this depth many times.
pub const MOST_DEPTH: usize = 128;

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

    /// Makes a number without a fraction.
    pub fn whole(number: u64) -> Self {
        Self::Number(Number(number.to_string()))
    }

    /// Makes a number that may have a fraction; null for `None` and for what JSON cannot write, such as an infinity.
    pub fn real(number: impl Into<Option<f64>>) -> Self {
        let finite = number.into().filter(|number| number.is_finite());
        finite.map_or(Self::Null, |number| Self::Number(Number(number.to_string())))
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
    for char in text.chars() {
        match char {
            '"' | '\\' => write!(out, "\\{char}")?,
            '\n' => out.write_str("\\n")?,
            '\0'..='\x1f' | '\x7f' => write!(out, "\\u{:04x}", u32::from(char))?,
            _ => out.write_char(char)?,
        }
    }
    out.write_char('"')
}

/// An exact number. Numbers are equal if their texts are: 1.0 and 1 are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(String);

impl Number {
    /// Reads a number that is the whole text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::first_of(text).filter(|number| number.0.len() == text.len())
    }

    /// Reads the longest number at the beginning: `1.` has none, rather than the number 1 before a point.
    fn first_of(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('-').unwrap_or(text).as_bytes();
        rest = match rest {
            // To the grammar `01` is two numbers, to a person a malformed one.
            [b'0', b'0'..=b'9', ..] => return None,
            [b'0', rest @ ..] => rest,
            _ => skip_digits(rest)?,
        };
        if let [b'.', fraction @ ..] = rest {
            rest = skip_digits(fraction)?;
        }
        if let [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] = rest {
            rest = skip_digits(exponent)?;
        }
        Some(Self(text[..text.len() - rest.len()].to_owned()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the nearest value; infinity when it is too large for any.
    pub fn to_f64(&self) -> f64 {
        // Rust reads every form that JSON has (`JSON-NUMBER-1`).
        self.0.parse().unwrap_or(f64::NAN)
    }
}

/// Skips digits, one at least.
fn skip_digits(text: &[u8]) -> Option<&[u8]> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then(|| &text[count..])
}

/// What is wrong with a text that should be JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The fault, in words.
    pub fault: &'static str,
    /// The first byte that cannot be right.
    pub at: usize,
}

impl Display for JsonError {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "JSON, byte {}: {}", self.at, self.fault)
    }
}

impl Error for JsonError {}

/// A text that is being read.
struct Reader<'a> {
    /// All of it.
    text: &'a str,
    /// The index of the next byte.
    at: usize,
    /// Lists and objects that are open.
    depth: usize,
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
            Some(b'"') => Ok(Json::Text(self.text()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => self.items(b']', Self::value).map(Json::List),
            Some(b'{') => self.items(b'}', Self::member).map(Json::Object),
            _ => self.word(),
        }
    }

    /// Reads a word that stands for a value.
    fn word(&mut self) -> Result<Json, JsonError> {
        let words =
            [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
        for (word, value) in words {
            if self.text[self.at..].starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fail("expected a value")
    }

    /// Reads a number.
    fn number(&mut self) -> Result<Json, JsonError> {
        let Some(number) = Number::first_of(&self.text[self.at..]) else {
            return self.fail("malformed number");
        };
        self.at += number.as_str().len();
        Ok(Json::Number(number))
    }

    /// Reads a member of an object: its name and its value.
    fn member(&mut self) -> Result<(String, Json), JsonError> {
        self.skip_blanks();
        if self.peek() != Some(b'"') {
            return self.fail("expected a name in quotes");
        }
        let name = self.text()?;
        self.skip_blanks();
        if !self.eat(b':') {
            return self.fail("expected a colon");
        }
        Ok((name, self.value()?))
    }

    /// Reads an opening bracket or brace, items with commas between them, and the closing one (`JSON-READ-3`).
    fn items<T>(
        &mut self,
        closing: u8,
        item: fn(&mut Self) -> Result<T, JsonError>,
    ) -> Result<Vec<T>, JsonError> {
        if self.depth == MOST_DEPTH {
            return self.fail("nested too deep");
        }
        self.depth += 1;
        self.at += 1;
        self.skip_blanks();
        let mut items = Vec::new();
        while !self.eat(closing) {
            if !items.is_empty() && !self.eat(b',') {
                return self.fail("expected a comma or the end of the list or object");
            }
            items.push(item(self)?);
            self.skip_blanks();
        }
        self.depth -= 1;
        Ok(items)
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
