//! Assertions that say what was expected, what came, which promise that breaks, and where to read about it.

use std::fmt::Debug;

use crate::promises::sentence;

/// Fails with all that a student needs.
#[track_caller]
fn broken(promise: &str, what: &str, expected: &str, came: &str) -> ! {
    let more = sentence(promise);
    panic!("{promise} is broken: {what}: expected {expected}, came {came}{more}");
}

/// Checks that two values are the same.
#[track_caller]
pub fn same<T: PartialEq + Debug>(promise: &str, what: &str, expected: T, came: T) {
    if expected != came {
        broken(promise, what, &format!("{expected:?}"), &format!("{came:?}"));
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
