//! Numbers and tables as plain text: units, groups of digits, columns, and lines that fit a terminal. Chinese characters
//! and most emoji take two columns of a terminal, combining accents none.
//!
//! **Invariants**
//! - `COLUMNS-1` A column is as wide as its widest cell on a terminal; names stand at the left, numbers at the right, so
//!   that their last digits line up. No line ends with a blank.
//!
//! **Source**: Unicode Standard Annex 11 (East Asian Width), in ranges coarse enough for a table.

use std::env;
use std::io;
use std::iter;
use std::ops::RangeInclusive;
use std::time::Duration;

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
    if number < 1_000 {
        return number.to_string();
    }
    format!("{},{:03}", grouped(number / 1_000), number % 1_000)
}

/// Writes the headings and the rows below them; the first column holds names, the others numbers.
///
/// A row may be shorter than the headings: the rest of it is blank.
pub fn columns(headings: &[&str], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> = headings.iter().copied().map(str::to_owned).collect();
    let lines = || iter::once(&headings).chain(rows);
    let mut widths = vec![0; headings.len()];
    for line in lines() {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = text_width(cell).max(*width);
        }
    }
    let mut text = String::new();
    for line in lines() {
        let cells = line.iter().zip(&widths).enumerate().map(|(place, (cell, &width))| {
            let blanks = " ".repeat(width - text_width(cell));
            if place == 0 { format!("{cell}{blanks}") } else { format!("  {blanks}{cell}") }
        });
        text.extend([cells.collect::<String>().trim_end(), "\n"]);
    }
    text
}

/// The columns that a text takes on a terminal. Control characters count as none.
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
    let given = env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
    // A shell on a terminal that does not know its size exports 0.
    let given = given.filter(|columns| *columns > 0);
    let columns = given.or_else(|| terminal_columns(io::stdout())).unwrap_or(80);
    columns.clamp(*TEXT_COLUMNS.start(), *TEXT_COLUMNS.end())
}

/// Breaks a text between words so that its lines fit into `columns`; a word that is wider stands alone.
///
/// Each line of the text is broken by itself. Its further lines are indented as it is, and behind its bullet. A percent
/// sign stays with its number, and a no-break blank becomes a plain one.
///
/// # Examples
/// ```
/// use handloom::report::wrapped;
///
/// assert_eq!(wrapped("- one two three", 9), "- one two\n  three");
/// ```
pub fn wrapped(text: &str, columns: usize) -> String {
    let text = text.replace(" %", "\u{A0}%");
    let lines = text.split('\n').map(|line| wrapped_line(line, columns));
    lines.collect::<Vec<_>>().join("\n").replace('\u{A0}', " ")
}

/// One line of [`wrapped`].
fn wrapped_line(line: &str, columns: usize) -> String {
    if text_width(line) <= columns {
        return line.to_owned();
    }
    let words = line.trim_start_matches(' ');
    let words = words.strip_prefix("- ").unwrap_or(words);
    let (first, words) = line.split_at(line.len() - words.len());
    let further = format!("\n{}", " ".repeat(first.len()));
    let (mut lines, mut width) = (first.to_owned(), first.len());
    for (place, word) in words.split(' ').enumerate() {
        let needed = text_width(word);
        if place > 0 && width + 1 + needed > columns {
            lines.push_str(&further);
            width = first.len();
        } else if place > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += needed;
    }
    lines
}
