//! The fields of a head, such as `Content-Length: 5`: a list in order, asked by name.
//!
//! A map would lose the order and the repeated names, both of which have a meaning. A text for each name and
//! value would be ten allocations for five fields. Here all texts stand in one piece of memory, as they came, and
//! a second one says where each begins and ends; both are used again for the next head.
//!
//! **Invariants**
//! - `FIELDS-1` Every name is a token, and no value has a control character but the tab: a field that is written
//!   is read as that one field. So a value that a stranger chose cannot add fields, or end the head.
//! - `FIELDS-2` Names are compared without regard to case, and kept as they came.
//! - `FIELDS-3` `text` only grows while a place points into it; `clear` empties both.
//!
//! **Left out**: removing and replacing, which nobody here needs.
//!
//! **Source**: RFC 9110, section 5.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use super::token::{is_token, is_value_byte, members, trim_blanks};

/// A list of fields.
#[derive(Clone, Default)]
pub struct Fields {
    /// The bytes that places point into: a whole head when it was read, names and values when they were pushed.
    text: Vec<u8>,
    /// Where each field stands, in order.
    places: Vec<Place>,
}

/// Where a field stands in the text. Four bytes each: a head of more than 4 GiB is refused long before.
#[derive(Clone, Copy)]
struct Place {
    /// Where the name begins.
    name: u32,
    /// Where it ends.
    name_end: u32,
    /// Where the value begins.
    value: u32,
    /// Where it ends.
    value_end: u32,
}

/// Why a field is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// The name is empty, or has a byte that no name may have.
    Name,
    /// The value has a control character, such as a line break.
    Value,
}

impl Fields {
    /// Makes an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a field; blanks around the value are taken off, as whoever reads it would.
    ///
    /// # Errors
    /// [`FieldError`], when it could not be written as one field (`FIELDS-1`); the list is as before.
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
        self.places.push(Place::new(start..middle, middle..self.text.len()));
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

    /// Returns the members of a field that is a list, over all fields with this name. Empty members too.
    pub fn members<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).flat_map(members)
    }

    /// Returns names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.places.iter().map(|place| {
            let [name, value] = place.ranges();
            (&self.text[name], &self.text[value])
        })
    }

    /// Returns how many fields there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Removes all fields; the memory is kept for the next ones.
    pub fn clear(&mut self) {
        self.text.clear();
        self.places.clear();
    }

    /// Takes over a whole head, and the fields that were found in it; both `fields` slices lie within `head`.
    pub(super) fn take(&mut self, head: &[u8], fields: &[httparse::Header<'_>]) {
        self.clear();
        self.text.extend_from_slice(head);
        self.places.extend(fields.iter().map(|field| {
            Place::new(within(head, field.name.as_bytes()), within(head, field.value))
        }));
    }

    /// Returns a piece of the head that was taken over, such as its target.
    pub(super) fn piece(&self, place: Range<usize>) -> &[u8] {
        &self.text[place]
    }

    /// Returns where a value of this list stands in the head.
    pub(super) fn place_of(&self, value: &[u8]) -> Range<usize> {
        within(&self.text, value)
    }
}

impl Place {
    /// Makes a place of two ranges.
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

/// Returns where `part`, which is a slice of `whole`, stands in it.
pub(super) fn within(whole: &[u8], part: &[u8]) -> Range<usize> {
    // An empty value may have been made of nothing, and then has an address of its own.
    if part.is_empty() {
        return 0..0;
    }
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

impl fmt::Debug for Fields {
    /// Shows the fields, and not the memory they stand in.
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
