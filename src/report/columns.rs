//! Cells as columns of plain text.
//!
//! **Invariants**
//! - `COLUMNS-1` A column is as wide as its widest cell on a terminal; names stand at the left, numbers at the right, so
//!   that their last digits line up. No line ends with a blank.

use super::text_width;

/// The blanks between two columns.
const GAP: &str = "  ";

/// Writes the headings and the rows below them; the first column holds names, the others numbers.
///
/// A row may be shorter than the headings: the rest of it is blank.
pub fn columns(headings: &[&str], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> = headings.iter().copied().map(str::to_owned).collect();
    let lines = || std::iter::once(&headings).chain(rows);
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
            if place == 0 { format!("{cell}{blanks}") } else { format!("{GAP}{blanks}{cell}") }
        });
        text.push_str(cells.collect::<String>().trim_end());
        text.push('\n');
    }
    text
}
