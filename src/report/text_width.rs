//! How wide a text is on a terminal, and how it is broken into lines that fit. Chinese characters and most emoji take
//! two columns, combining accents none.
//!
//! **Source**: Unicode Standard Annex 11 (East Asian Width), in ranges coarse enough for a table.

use std::env;
use std::io;
use std::ops::RangeInclusive;

use crate::os::terminal_columns;

/// Text in longer lines is hard to read, and in shorter lines no table fits.
const TEXT_COLUMNS: RangeInclusive<usize> = 40..=100;

/// The first and the last characters of ranges that take no column: combining marks, joiners, variation selectors.
const ZERO: [u32; 18] = [
    0x0300, 0x036F, 0x0483, 0x0489, 0x0591, 0x05BD, 0x064B, 0x065F, 0x200B, 0x200F, 0x20D0, 0x20FF,
    0xFE00, 0xFE0F, 0xFE20, 0xFE2F, 0xFEFF, 0xFEFF,
];
/// The same of ranges that take two columns.
const WIDE: [u32; 24] = [
    0x1100, 0x115F, 0x231A, 0x231B, 0x23E9, 0x23EC, 0x2E80, 0x303E, 0x3041, 0xA4CF, 0xA960, 0xA97C,
    0xAC00, 0xD7A3, 0xF900, 0xFAFF, 0xFE30, 0xFE6F, 0xFF01, 0xFF60, 0x1F300, 0x1FAFF, 0x20000,
    0x3FFFD,
];

/// The columns that a text takes on a terminal. Control characters count as none.
///
/// # Examples
/// ```
/// use handloom::report::text_width;
///
/// assert_eq!(text_width("5 µs"), 4);
/// assert_eq!(text_width("北京"), 4);
/// ```
pub fn text_width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// The columns of one character.
fn char_width(char: char) -> usize {
    let within = |ranges: &[u32]| {
        ranges.as_chunks().0.iter().any(|[first, last]| (*first..=*last).contains(&u32::from(char)))
    };
    match char {
        ' '..='~' => 1,
        _ if char.is_control() || within(&ZERO) => 0,
        _ if within(&WIDE) => 2,
        _ => 1,
    }
}

/// Into how many columns text on stdout is wrapped: `COLUMNS` of the environment, or the terminal's width, or 80.
pub fn output_columns() -> usize {
    let given = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let columns = given.or_else(|| terminal_columns(io::stdout())).unwrap_or(80);
    columns.clamp(*TEXT_COLUMNS.start(), *TEXT_COLUMNS.end())
}

/// Breaks a text between words so that its lines fit into `columns`; a word that is wider stands alone.
///
/// Each line of the text is broken for itself. What follows is indented as the line is, and behind its bullet.
///
/// # Examples
/// ```
/// use handloom::report::wrapped;
///
/// assert_eq!(wrapped("- one two three", 9), "- one two\n  three");
/// ```
pub fn wrapped(text: &str, columns: usize) -> String {
    text.split('\n').map(|line| wrapped_line(line, columns)).collect::<Vec<_>>().join("\n")
}

/// One line of [`wrapped`].
fn wrapped_line(line: &str, columns: usize) -> String {
    if text_width(line) <= columns {
        return line.to_owned();
    }
    let words = line.trim_start_matches(' ');
    let bullet = if words.starts_with("- ") { "- " } else { "" };
    let indent = line.len() - words.len();
    let first = &line[..indent + bullet.len()];
    let further = " ".repeat(first.len());
    let (mut lines, mut width) = (first.to_owned(), first.len());
    for (place, word) in words[bullet.len()..].split(' ').enumerate() {
        let needed = text_width(word) + 1;
        if place > 0 && width + needed > columns {
            lines.extend(["\n", &further, word]);
            width = further.len() + needed - 1;
        } else {
            let blank = if place == 0 { "" } else { " " };
            lines.extend([blank, word]);
            width += blank.len() + needed - 1;
        }
    }
    lines
}
