//! The name that was probably meant.
//!
//! A misspelt option costs a look into the manual; the nearest name that exists saves it. A name that is not near
//! to any gets no suggestion: a wrong one costs more than none.
//!
//! **Source**: V. I. Levenshtein's distance, by the table with two rows of Wagner and Fischer.

/// Finds the name nearest to `given`, if one is near: at most a third of its letters differ, or it begins so.
pub(crate) fn nearest<'a>(
    given: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = |name: &&str| {
        let allowed = name.chars().count().max(given.chars().count()).div_ceil(3);
        distance(given, name) <= allowed || (given.len() > 1 && name.starts_with(given))
    };
    names.into_iter().filter(near).min_by_key(|name| distance(given, name))
}

/// Counts the letters to put in, take out or exchange to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    // The row above: what it takes to make the first letters of `other` from those of `one` so far.
    let mut above: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.chars().enumerate() {
        // One letter of `one` and none of `other`: all of them have to be taken out.
        let mut current = vec![row + 1];
        for (column, &wanted) in other.iter().enumerate() {
            let exchange = above[column] + usize::from(letter != wanted);
            let put_in = current[column] + 1;
            let take_out = above[column + 1] + 1;
            current.push(exchange.min(put_in).min(take_out));
        }
        above = current;
    }
    above[other.len()]
}
