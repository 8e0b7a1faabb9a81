//! Text for a terminal of 80 columns.

use std::io::{Write, stdout};

/// The columns of a terminal.
const COLUMNS: usize = 80;

/// Prints lines, those that are too long in parts, each part indented as its line.
///
/// A closed stdout is not an error: `… | head` has read what it wanted.
pub(crate) fn text(text: &str) {
    for line in text.lines() {
        with_sign("", line);
    }
}

/// Prints a line, and before each of its parts what stands before lines of a difference.
pub(crate) fn with_sign(sign: &str, line: &str) {
    let mut out = stdout().lock();
    for part in wrapped(line, COLUMNS - sign.len()) {
        if writeln!(out, "{}", format!("{sign}{part}").trim_end()).is_err() {
            return;
        }
    }
}

/// Parts a line at blanks, so that no part is longer than `columns`, if it has blanks.
fn wrapped(line: &str, columns: usize) -> Vec<String> {
    let mut indent: String = line.chars().take_while(|c| *c == ' ').take(20).collect();
    if line.trim_start().starts_with("// ") {
        indent.push_str("// ");
    }
    let (mut parts, mut rest) = (Vec::new(), line.to_owned());
    while rest.chars().count() > columns {
        let limit = rest.char_indices().nth(columns + 1).map_or(rest.len(), |(at, _)| at);
        let blank = rest[..limit].rfind(' ').filter(|at| !rest[..*at].trim().is_empty());
        let at = blank
            .unwrap_or_else(|| rest.char_indices().nth(columns).map_or(rest.len(), |(at, _)| at));
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
