//! The name that was probably meant. A name that is not near to any gets no suggestion: a wrong one costs the user more
//! than none.

/// Finds a name that `given` begins, or that differs from it by one slip of the finger.
pub(crate) fn nearest<'a>(
    given: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = |name: &&str| name.starts_with(given) || is_one_slip(given, name);
    names.into_iter().find(|name| given.len() > 1 && near(name))
}

/// Tells whether one letter was inserted, left out or replaced, or two neighbours were swapped.
fn is_one_slip(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let head = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[head..], &other[head..]);
    let tail = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    match (&one[..one.len() - tail], &other[..other.len() - tail]) {
        ([a, b], [c, d]) => a == d && b == c,
        (one, other) => one.len() < 2 && other.len() < 2,
    }
}
