//! Tables that put the lines of two programs side by side: each cell of code stands in its program.

use std::collections::BTreeSet;
use std::fs;

use super::{chapters, expect_none, pages, root};

/// What stands above such a table, and then the folder of the programs.
pub(super) const MARK: &str = "<!-- lines: ";

/// The file of each column, from the left.
const FILES: [&str; 2] = ["python.py", "handloom.rs"];

/// A table: the line of its mark counted from 1, the folder of its programs, and its rows without the head.
type Table<'a> = (usize, &'a str, Vec<Vec<String>>);

/// The cells of a row. A bar behind a backslash belongs to a cell.
fn cells(row: &str) -> Vec<String> {
    let row = row.replace("\\|", "\u{0}");
    let row = row.trim().trim_start_matches('|').trim_end_matches('|');
    row.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}

/// Every table under a mark.
fn tables(page: &str) -> Vec<Table<'_>> {
    let lines: Vec<_> = page.lines().collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(folder) = line.strip_prefix(MARK).and_then(|rest| rest.strip_suffix(" -->"))
        else {
            continue;
        };
        let rows = lines[number + 1..].iter().take_while(|line| line.starts_with('|'));
        found.push((number + 1, folder, rows.skip(2).map(|row| cells(row)).collect()));
    }
    found
}

/// The code of a cell, if it is code: one span between backticks.
fn code(cell: &str) -> Option<&str> {
    let inside = cell.strip_prefix('`')?.strip_suffix('`')?;
    (!inside.contains('`')).then_some(inside)
}

#[test]
fn every_line_of_a_table_stands_in_its_program() {
    let mut complaints = Vec::new();
    for (name, page) in pages() {
        for (number, folder, rows) in tables(&page) {
            if rows.len() < 3 {
                complaints.push(format!("{name}:{number} has {} rows, expected 3", rows.len()));
            }
            for row in rows {
                for (cell, file) in row.iter().zip(FILES) {
                    let text = fs::read_to_string(root(folder).join(file)).unwrap();
                    if code(cell).is_some_and(|code| !text.contains(code)) {
                        complaints.push(format!("{name}:{number}: {folder}/{file} lacks {cell}"));
                    }
                }
                if row.len() != FILES.len() + 1 || !row[..2].iter().any(|cell| code(cell).is_some())
                {
                    complaints.push(format!("{name}:{number}: no line of code in {row:?}"));
                }
            }
        }
    }
    expect_none(&complaints, "lines of the programs in the tables");
}

/// Where a chapter shows its program, its table is about that one or on the next page.
#[test]
fn every_chapter_s_programs_are_compared() {
    let pages = chapters();
    let compared: BTreeSet<_> =
        pages.values().flat_map(|page| tables(page)).map(|(_, folder, _)| folder).collect();
    let mut complaints = Vec::new();
    for (name, page) in &pages {
        let files = page.split("<!-- file: ").skip(1).filter_map(|rest| rest.split_once(" -->"));
        let folders = files.filter_map(|(file, _)| file.rsplit_once('/'));
        if !folders.map(|(folder, _)| folder).any(|folder| compared.contains(folder)) {
            complaints.push(name.clone());
        }
    }
    expect_none(&complaints, "a table of the lines of Python and Handloom for each chapter");
}

#[test]
fn rows_and_cells_are_found() {
    let page =
        "a\n<!-- lines: x/y -->\n| P | H | d |\n| --- | --- | --- |\n| `a` | `\\|b\\| c` | d |\n";
    let rows = vec![vec!["`a`".to_owned(), "`|b| c`".to_owned(), "d".to_owned()]];
    assert_eq!(tables(page), [(2, "x/y", rows)]);
    assert_eq!(code("`a`"), Some("a"));
    assert_eq!((code("a"), code("`a` and `b`")), (None, None));
}
