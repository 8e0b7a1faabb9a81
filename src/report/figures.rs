//! Numbers as people read them: in groups, with a unit that suits, without digits that mean nothing.

use std::time::Duration;

/// A figure as `show` writes it, or a dash if it is not known.
pub fn known<T>(figure: Option<T>, show: impl FnOnce(T) -> String) -> String {
    figure.map_or_else(|| "-".to_owned(), show)
}

/// A span in the unit that suits it, with three digits.
pub fn span(span: Duration) -> String {
    seconds(span.as_secs_f64())
}

/// The same of seconds, which may be fractions of a nanosecond.
pub fn seconds(seconds: f64) -> String {
    let (figure, unit) = match seconds {
        ..9.995e-7 => (seconds * 1e9, "ns"),
        ..9.995e-4 => (seconds * 1e6, "µs"),
        ..0.9995 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    let decimals = match figure {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{figure:.decimals$} {unit}")
}

/// A speed as a whole number in groups of three digits.
pub fn per_second(speed: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rounded speed")]
    grouped(speed.round() as u64)
}

/// A number in groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
