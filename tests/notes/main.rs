//! The course's pages: what they quote stands in the source, what they show compiles, what they name exists, and each
//! exercise has a judge that tells a right answer from a wrong one.
//!
//! A block of Rust in `notes/` is one of two kinds. It is *quoted*, fenced `rust,ignore` under a comment such as
//! `<!-- source: src/aio/sleep.rs#impl Future for Sleep -->`, and then equals that item of that file, which is compiled
//! and tested where it stands. Or it is a program of its own, fenced `rust`, and `notes/doctests.rs` has it run as a
//! test of documentation. Two more comments stand above blocks: `<!-- file: PATH -->`, a whole file, and
//! `<!-- diff: PATH PATH -->`, the lines in which two files differ, as diff(1) prints them. A table under
//! `<!-- lines: FOLDER -->` puts lines of `python.py` and `handloom.rs` of that folder side by side; one under
//! `<!-- figures: PICTURE -->` has the figures of that picture.
//!
//! `NOTES=write cargo test --test notes` puts the present text into every such block.
//!
//! **Left out**: addresses in the web, which a test without a network cannot try; and whether a sentence is true.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a page that cannot be read fails the test; what was written anew is told"
)]

mod blocks;
mod chapters;
mod exercises;
mod labels;
mod links;
#[path = "../support/many_at_a_time.rs"]
mod many_at_a_time;
mod one_request;
mod programs;
mod questions;
mod readme;
mod same_lines;
mod strips;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns a path below the project's root.
fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every page by its path under `notes/`, such as `01-processes.md`; those for maintainers begin with `internals/`.
fn pages() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for folder in ["", "internals/"] {
        for entry in fs::read_dir(root("notes").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{folder}{}", path.file_name().unwrap().to_str().unwrap());
            if path.extension().is_some_and(|ending| ending == "md") {
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(found.contains_key("SUMMARY.md"), "expected the book's contents, came {found:?}");
    found
}

/// The chapters: pages whose name begins with a number.
fn chapters() -> BTreeMap<String, String> {
    let mut found = pages();
    found.retain(|name, _| name.starts_with(|c: char| c.is_ascii_digit()));
    found
}

/// The text of all Rust files under these folders, joined.
fn rust_under(folders: &[&str]) -> String {
    let mut text = String::new();
    let mut left: Vec<_> = folders.iter().map(|folder| root(folder)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            text += &fs::read_to_string(&path).unwrap();
        }
    }
    text
}

/// What stands between backticks on one line of running text, blocks of code left out.
fn spans(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in outside_blocks(text) {
        found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    found
}

/// The lines that stand in no fenced block.
fn outside_blocks(text: &str) -> Vec<&str> {
    let mut is_inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_inside = !is_inside;
        } else if !is_inside {
            found.push(line);
        }
    }
    found
}

/// Fails with all complaints at once.
fn expect_none(complaints: &[String], rule: &str) {
    assert!(complaints.is_empty(), "expected {rule}, came:\n  {}", complaints.join("\n  "));
}
