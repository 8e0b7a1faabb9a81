//! A number of JSON, kept as the text that it came as.
//!
//! A program that reads numbers as `f64` changes them: 9007199254740993 becomes 9007199254740992, and 0.10 becomes 0.1.
//!
//! **Invariants**
//! - `JSON-NUMBER-1` The text has the form that JSON requires.
//!
//! **Source**: RFC 8259, section 6.

/// An exact number. Numbers are equal if their texts are: 1.0 and 1 are not.
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

    /// The shortest number that reads back as this one; `None` for infinities and NaN.
    pub fn from_f64(number: f64) -> Option<Self> {
        number.is_finite().then(|| Self { text: number.to_string() })
    }

    /// The number whose text the reader has measured.
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

/// The length of the number at the beginning of the text, if there is one.
///
/// It is the longest possible: `1.` is no number, rather than the number 1 before a point.
pub(super) fn length_of_number(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let rest = match rest {
        // No digit may follow a leading zero: the reader refuses it.
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
