//! A number of JSON, kept as the text that it came as.
//!
//! JSON puts no limit on numbers, and a program that reads them as `f64` changes them: 9007199254740993 comes out
//! as 9007199254740992, and 0.10 as 0.1. Whoever only passes a number on should not have touched it.
//!
//! **Invariants**
//! - `JSON-NUMBER-1` The text has the form that JSON asks for: no plus sign, no needless zero in front, digits on
//!   both sides of a point.
//!
//! **Source**: RFC 8259, section 6.

/// A number, exact.
///
/// Equal are numbers of the same text: 1.0 and 1 are two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// The number as it was written (`JSON-NUMBER-1`).
    text: String,
}

impl Number {
    /// Reads a number that is the whole text.
    pub fn parse(text: &str) -> Option<Self> {
        let length = length_of_number(text.as_bytes())?;
        (length == text.len()).then(|| Self { text: text.to_owned() })
    }

    /// Makes the shortest number that reads back as this one; `None` for infinities and what is no number.
    pub fn from_f64(number: f64) -> Option<Self> {
        number.is_finite().then(|| Self { text: number.to_string() })
    }

    /// Takes over a text that the reader has measured.
    pub(super) fn from_measured(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the value, if it is written without sign, point and exponent, and fits.
    pub fn to_u64(&self) -> Option<u64> {
        self.text.parse().ok()
    }

    /// Returns the nearest value; infinity when it is too large for any.
    pub fn to_f64(&self) -> f64 {
        // The forms that Rust reads are more than those of JSON, so this cannot fail (`JSON-NUMBER-1`).
        self.text.parse().unwrap_or(f64::NAN)
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self { text: number.to_string() }
    }
}

/// Returns how many bytes at the front of the text are a number, or `None` when it does not begin with one.
///
/// Takes as much as could be one, so `1.` is no number and not the number 1 with a point behind it.
pub(super) fn length_of_number(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let rest = match rest {
        // A zero in front stands alone: what follows is the reader's complaint.
        [b'0', rest @ ..] => rest,
        _ => skip_digits(rest)?,
    };
    let rest = match rest {
        [b'.', rest @ ..] => skip_digits(rest)?,
        _ => rest,
    };
    let rest = match rest {
        [b'e' | b'E', b'+' | b'-', rest @ ..] | [b'e' | b'E', rest @ ..] => skip_digits(rest)?,
        _ => rest,
    };
    Some(text.len() - rest.len())
}

/// Skips digits, one at least.
fn skip_digits(text: &[u8]) -> Option<&[u8]> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then(|| &text[count..])
}
