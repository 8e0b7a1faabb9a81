//! The fields of a head, such as `Content-Length: 5`, and the bytes that names and values may have.
//!
//! Order and repeated names have a meaning, so this is no map. One vector holds all the text and another says where each
//! field begins and ends. Both keep their memory for the next head.
//!
//! **Invariants**
//! - `FIELDS-1` Every name is a token, and no value has a control character except the tab: a field that is written
//!   is read as that one field. So a value from outside cannot add a field or end the head.
//! - `FIELDS-2` Names are compared without regard to case, and kept as they came.
//!
//! **Source**: RFC 9110, section 5.

use std::error::Error;
use std::fmt;
use std::ops::Range;

/// A list of fields.
#[derive(Clone, Default)]
pub struct Fields {
    /// A whole head when it was read; names and values when they were pushed.
    text: Vec<u8>,
    /// Where each field stands in `text`, in order.
    spans: Vec<FieldSpan>,
}

/// Where a field stands in the text. Four bytes each: the limit on heads is far below 4 GiB.
#[derive(Clone, Copy)]
struct FieldSpan {
    /// Where the name begins.
    name: u32,
    /// Where the name ends.
    name_end: u32,
    /// Where the value begins.
    value: u32,
    /// Where the value ends.
    value_end: u32,
}

/// Why a field is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// The name is empty, or has a byte that is not allowed in a name.
    Name,
    /// The value has a control character, such as a line break.
    Value,
}

impl Fields {
    /// Makes an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a field. Blanks around the value are removed, as a reader would do.
    ///
    /// # Errors
    /// [`FieldError`], when it could not be written as one field (`FIELDS-1`); the list is unchanged.
    ///
    /// # Examples
    /// ```
    /// use handloom::http::{FieldError, Fields};
    /// let mut fields = Fields::new();
    /// fields.push("Accept", "text/html").unwrap();
    /// assert_eq!(fields.get("accept"), Some(&b"text/html"[..]));
    /// assert_eq!(fields.push("X", "a\r\nSet-Cookie: b"), Err(FieldError::Value));
    /// ```
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), FieldError> {
        let value = trim_blanks(value.as_ref());
        if !is_token(name.as_bytes()) {
            return Err(FieldError::Name);
        }
        if !value.iter().copied().all(is_value_byte) {
            return Err(FieldError::Value);
        }
        let start = self.text.len();
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(value);
        let middle = start + name.len();
        self.spans.push(FieldSpan::new(start..middle, middle..self.text.len()));
        Ok(())
    }

    /// Returns the value of the first field with this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Returns the values of all fields with this name, in order.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Returns the members of a list with commas, over all fields with this name. Members may be empty.
    ///
    /// Quoted strings are not recognised: no field that is read as a list here has them.
    pub fn members<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).flat_map(|value| value.split(|&byte| byte == b',').map(trim_blanks))
    }

    /// Returns names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.spans.iter().map(|span| {
            let [name, value] = span.ranges();
            (&self.text[name], &self.text[value])
        })
    }

    /// Returns the number of fields.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Tells whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Removes all fields with this name.
    pub fn remove(&mut self, name: &str) {
        let Self { text, spans } = self;
        spans.retain(|span| !text[span.ranges()[0].clone()].eq_ignore_ascii_case(name.as_bytes()));
    }

    /// Replaces the list with a parsed head; both slices of each of `fields` lie within `head`.
    pub(super) fn replace(&mut self, head: &[u8], fields: &[httparse::Header<'_>]) {
        self.text.clear();
        self.spans.clear();
        self.text.extend_from_slice(head);
        self.spans.extend(fields.iter().map(|field| {
            FieldSpan::new(within(head, field.name.as_bytes()), within(head, field.value))
        }));
    }

    /// Returns the head that was parsed.
    pub(super) fn whole_head(&self) -> &[u8] {
        &self.text
    }

    /// Returns where a value of this list stands in the head.
    pub(super) fn range_of(&self, value: &[u8]) -> Range<usize> {
        within(&self.text, value)
    }
}

impl FieldSpan {
    /// Makes a span of two ranges.
    fn new(name: Range<usize>, value: Range<usize>) -> Self {
        let small = |at: usize| {
            u32::try_from(at).expect("holds because limits on heads are far below 4 GiB")
        };
        Self {
            name: small(name.start),
            name_end: small(name.end),
            value: small(value.start),
            value_end: small(value.end),
        }
    }

    /// Returns the ranges of name and value.
    fn ranges(self) -> [Range<usize>; 2] {
        [(self.name, self.name_end), (self.value, self.value_end)]
            .map(|(start, end)| start as usize..end as usize)
    }
}

/// Returns the range of `part`, which is a slice of `whole`.
pub(super) fn within(whole: &[u8], part: &[u8]) -> Range<usize> {
    // An empty slice may point anywhere, even outside `whole`.
    if part.is_empty() {
        return 0..0;
    }
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

/// Tells whether a byte is allowed in a token, such as a method or the name of a field.
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Tells whether a text is a token.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// Tells whether a byte is allowed in a field's value or a reason phrase: visible, blank, tab, or beyond ASCII.
///
/// A line break would begin another field, and a NUL ends the text for some programs only.
pub(super) fn is_value_byte(byte: u8) -> bool {
    !byte.is_ascii_control() || byte == b'\t'
}

/// Removes blanks and tabs from both ends, and no other white space.
fn trim_blanks(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &[u8]| text.escape_ascii().to_string();
        f.debug_map().entries(self.iter().map(|(name, value)| (shown(name), shown(value)))).finish()
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the name of a field is empty or has a byte that no name may have",
            Self::Value => "the value of a field has a control character",
        })
    }
}

impl Error for FieldError {}
