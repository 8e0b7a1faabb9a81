//! Text for a terminal of 80 columns.

use std::io::{Write, stdout};

/// The columns of a terminal.
const COLUMNS: usize = 80;

/// Prints lines, those that are too long in parts, each part indented as its line.
///
/// A closed stdout is not an error: `… | head` has read what it wanted.
pub(crate) fn text(text: &str) {
    let mut out = stdout().lock();
    for line in text.lines() {
        for part in wrapped(line) {
            if writeln!(out, "{part}").is_err() {
                return;
            }
        }
    }
}

/// Parts a line at blanks, so that no part is longer than a terminal is wide, if it has blanks.
fn wrapped(line: &str) -> Vec<String> {
    let indent: String = line.chars().take_while(|c| *c == ' ').take(20).collect();
    let (mut parts, mut rest) = (Vec::new(), line.to_owned());
    while rest.chars().count() > COLUMNS {
        let limit = rest.char_indices().nth(COLUMNS + 1).map_or(rest.len(), |(at, _)| at);
        let blank = rest[..limit].rfind(' ').filter(|at| !rest[..*at].trim().is_empty());
        let at = blank
            .unwrap_or_else(|| rest.char_indices().nth(COLUMNS).map_or(rest.len(), |(at, _)| at));
        let next = format!("{indent}{}", rest[at..].trim_start());
        parts.push(rest[..at].trim_end().to_owned());
        if next.len() >= rest.len() {
            rest = next;
            break;
        }
        rest = next;
    }
    parts.push(rest);
    parts
}
