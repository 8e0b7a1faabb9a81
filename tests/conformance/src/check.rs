//! Assertions that say what was expected, what came, and which promise that breaks.

use std::fmt::Debug;

/// Checks that two values are the same.
#[track_caller]
pub fn same<T: PartialEq + Debug>(promise: &str, what: &str, expected: T, came: T) {
    assert!(expected == came, "{promise} is broken: {what}: expected {expected:?}, came {came:?}");
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
    let kept = property(&came);
    assert!(kept, "{promise} is broken: {what}: expected {expected}, came {came:?}");
}

/// Checks that a text has a part.
#[track_caller]
pub fn says(promise: &str, what: &str, part: &str, text: &str) {
    assert!(
        text.contains(part),
        "{promise} is broken: {what}: expected a text with {part:?}, came {text:?}"
    );
}
