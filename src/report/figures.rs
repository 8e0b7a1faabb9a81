//! Numbers as a human reads them: in groups, with a unit that suits, without digits that mean nothing.
//!
//! **Invariants**
//! - `FIGURES-1` No more digits are shown than a second run would repeat, save for a ratio: that is what runs are
//!   compared by.
//! - `FIGURES-2` What was not measured is a dash, never nought.

use std::fmt;
use std::time::Duration;

/// A ratio that shows three digits behind the point, so that 0.3 % can be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio(pub f64);

impl fmt::Display for Ratio {
    /// Writes it, in as many columns as are asked for.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&format!("{:.3}", self.0))
    }
}

/// What stands for a figure that is not known.
const UNKNOWN: &str = "-";

/// A figure that may not be known, as `show` writes it (`FIGURES-2`).
pub fn known<T>(figure: Option<T>, show: impl FnOnce(T) -> String) -> String {
    figure.map_or_else(|| UNKNOWN.to_owned(), show)
}

/// A span in the unit that suits it, with three digits or a few more.
pub fn span(span: Duration) -> String {
    let micros = span.as_secs_f64() * 1e6;
    match micros {
        0.0..1e3 => format!("{micros:.1} µs"),
        1e3..1e6 => format!("{:.2} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

/// A speed as a whole number in groups of three.
pub fn per_second(speed: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rounded speed")]
    grouped(speed.round() as u64)
}

/// A number in groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        // Counted from the end, and never in front of the first.
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
