//! Assertions that say what was expected, what came, which promise that breaks, and where to read about it.

use std::fmt::Debug;

use crate::promises::sentence;

/// Fails with all that a student needs.
#[track_caller]
fn broken(promise: &str, what: &str, expected: &str, came: &str) -> ! {
    let more = sentence(promise);
    panic!("{promise} is broken: {what}: expected {expected}, came {came}{more}");
}

/// A long text as what stands around the first difference.
fn around(text: &str, first: usize) -> String {
    if text.chars().count() <= 160 {
        return text.to_owned();
    }
    let (before, length) = (first.saturating_sub(20), 60);
    let part: String = text.chars().skip(before).take(length).collect();
    let head = if before > 0 { "…" } else { "" };
    let tail = if text.chars().count() > before + length { "…" } else { "" };
    format!("{head}{part}{tail}")
}

/// Checks that two values are the same. Of long ones it tells what stands around the first difference.
#[track_caller]
pub fn same<T: PartialEq + Debug>(promise: &str, what: &str, expected: T, came: T) {
    if expected != came {
        let (expected, came) = (format!("{expected:?}"), format!("{came:?}"));
        let first = expected.chars().zip(came.chars()).take_while(|(one, other)| one == other);
        let first = first.count();
        broken(promise, what, &around(&expected, first), &around(&came, first));
    }
}

/// Checks that a value has a property, which `expected` puts in words.
#[track_caller]
pub fn holds<T: Debug>(
    promise: &str,
    what: &str,
    expected: &str,
    came: T,
    property: impl FnOnce(&T) -> bool,
) {
    if !property(&came) {
        broken(promise, what, expected, &format!("{came:?}"));
    }
}

/// Checks that a text has a part.
#[track_caller]
pub fn says(promise: &str, what: &str, part: &str, text: &str) {
    if !text.contains(part) {
        broken(promise, what, &format!("a text with {part:?}"), &format!("{text:?}"));
    }
}
