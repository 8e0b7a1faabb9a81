//! Chapters: each has its parts, its labs and its place in the contents.

use handloom::labs::LABS;

use super::links::targets;
use super::{chapters, expect_none, pages};

/// What every chapter has, in this order.
const PARTS: [&str; 7] = [
    "## In Python",
    "## Here",
    "## With tokio",
    "## Run",
    "## Notice",
    "## Exercises",
    "## Questions",
];

/// The first heading of a page.
fn title(page: &str) -> &str {
    page.lines().next().unwrap_or_default().trim_start_matches("# ")
}

#[test]
fn every_page_stands_in_the_contents_once() {
    let pages = pages();
    let listed = targets(&pages["SUMMARY.md"]);
    let mut complaints = Vec::new();
    for name in pages.keys().filter(|name| *name != "SUMMARY.md") {
        let count = listed.iter().filter(|target| *target == name).count();
        if count != 1 {
            complaints.push(format!("{name} stands there {count} times"));
        }
    }
    let in_order: Vec<_> = listed.iter().filter(|name| chapters().contains_key(*name)).collect();
    if !in_order.is_sorted() {
        complaints.push(format!("the chapters stand in the order {in_order:?}"));
    }
    expect_none(&complaints, "every page of notes/ once in SUMMARY.md");
}

#[test]
fn every_chapter_has_its_parts_in_order() {
    let mut complaints = Vec::new();
    for (name, page) in chapters() {
        let headings: Vec<_> = page.lines().filter(|line| PARTS.contains(line)).collect();
        if headings != PARTS {
            complaints.push(format!("{name} has {headings:?}"));
        }
        if !page.contains("```text") && !page.contains("<svg") {
            complaints.push(format!("{name} has no drawing"));
        }
    }
    expect_none(&complaints, &format!("a drawing and {PARTS:?} in every chapter"));
}

#[test]
fn every_lab_is_named_in_its_chapter() {
    let chapters = chapters();
    let mut complaints = Vec::new();
    for lab in LABS {
        let Some(page) = chapters.values().find(|page| title(page) == lab.chapter) else {
            complaints
                .push(format!("no chapter is called {:?}, that of {}", lab.chapter, lab.name));
            continue;
        };
        let command = format!("handloom lab {}", lab.name);
        let is_whole = |rest: &str| !rest.starts_with(|c: char| c == '-' || c.is_alphanumeric());
        if !page.split(&command).skip(1).any(is_whole) {
            complaints.push(format!("{:?} does not name `{command}`", lab.chapter));
        }
    }
    expect_none(&complaints, "each lab of src/labs/table.rs in the chapter that it names");
}
