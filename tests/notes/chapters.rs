//! Chapters: each has its parts, its labs and its place in the contents.

use handloom::labs::LABS;

use super::links::targets;
use super::{chapters, expect_none, pages};

/// What every chapter has, in this order.
const PARTS: [&str; 8] = [
    "## In Python",
    "## In Handloom",
    "## Side by side",
    "## Run",
    "## Notice",
    "## Exercises",
    "## Questions",
    "## Sources",
];

/// The page before which no page may show an `async` program in Rust, because it is the first to explain a future.
const FUTURES: &str = "10-futures.md";

/// The first heading of a page.
fn title(page: &str) -> &str {
    page.lines().next().unwrap_or_default().trim_start_matches("# ")
}

/// Whether the book has a page: not the contents, and not what only maintainers need.
fn is_of_the_book(name: &str) -> bool {
    name != "SUMMARY.md" && !name.starts_with("internals/")
}

#[test]
fn every_page_stands_in_the_contents_once() {
    let pages = pages();
    let listed = targets(&pages["SUMMARY.md"]);
    let mut complaints = Vec::new();
    for name in pages.keys().filter(|name| is_of_the_book(name)) {
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
        let sources = page.split_once("\n## Sources\n").map_or("", |(_, sources)| sources);
        if !sources.contains("](https://") {
            complaints.push(format!("{name} has no source in the web"));
        }
        if !page.contains("```text") && !page.contains("](pictures/") {
            complaints.push(format!("{name} has no drawing"));
        }
    }
    expect_none(&complaints, &format!("a drawing and {PARTS:?} in every chapter"));
}

#[test]
fn no_chapter_awaits_before_a_future_is_explained() {
    let mut complaints = Vec::new();
    for (name, page) in chapters().range(..FUTURES.to_owned()) {
        let mut is_rust = false;
        for (number, line) in page.lines().enumerate() {
            if line.starts_with("```") {
                is_rust = line.starts_with("```rust");
            } else if is_rust && (line.contains(".await") || line.contains("async ")) {
                complaints.push(format!("{name}:{}: {line}", number + 1));
            }
        }
    }
    expect_none(&complaints, &format!("no `async` in Rust before {FUTURES}"));
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
