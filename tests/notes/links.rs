//! Links and names: where they lead there is something.

use std::collections::BTreeSet;
use std::fs;

use handloom::labs::LABS;

use super::{expect_none, outside_blocks, pages, root, rust_under, spans};

/// A name in backticks with so many parts is a sentence, and so that of a test.
const PARTS_OF_A_SENTENCE: usize = 4;

/// Everything that a page links to: `[text](target)`, the text over one line or more.
pub(super) fn targets(page: &str) -> Vec<String> {
    let text = outside_blocks(page).join("\n");
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

/// The anchors of a page: `<a id="…">`, and those that a forge makes of headings.
pub(super) fn anchors(page: &str) -> BTreeSet<String> {
    let ids = page.split("<a id=\"").skip(1).filter_map(|rest| rest.split_once('"'));
    let mut found: BTreeSet<_> = ids.map(|(id, _)| id.to_owned()).collect();
    for line in outside_blocks(page) {
        if line.starts_with('#') {
            let heading = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            let is_kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_');
            found.insert(heading.chars().filter(is_kept).collect());
        }
    }
    found
}

/// What is wrong with a link, if anything is.
fn fault(name: &str, page: &str, target: &str) -> Option<String> {
    if target.starts_with("https://") {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = if path.is_empty() { name.to_owned() } else { format!("{folder}/{path}") };
    let path = path.trim_start_matches('/');
    let Ok(text) = fs::read(root("notes").join(path)) else {
        let is_folder = root("notes").join(path).is_dir();
        return (!is_folder).then(|| format!("{name}: there is no {target}"));
    };
    let other = if path == name { page.into() } else { String::from_utf8_lossy(&text) };
    let is_there = anchor.is_empty() || anchors(&other).contains(anchor);
    (!is_there).then(|| format!("{name}: {path} has no #{anchor}"))
}

#[test]
fn every_link_leads_to_a_file_and_every_anchor_to_a_place() {
    let mut complaints = Vec::new();
    for (name, page) in pages() {
        complaints.extend(targets(&page).iter().filter_map(|target| fault(&name, &page, target)));
    }
    expect_none(&complaints, "links that lead somewhere");
}

#[test]
fn every_file_and_test_that_is_named_exists() {
    let source = rust_under(&["src", "tests", "benches", "notes"]);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words: BTreeSet<_> = source.split(|c| !is_word(c)).collect();
    let mut complaints = Vec::new();
    for (name, page) in pages() {
        for span in spans(&page) {
            let is_path = ["src/", "tests/", "notes/", "benches/"]
                .iter()
                .any(|folder| span.starts_with(folder) && !span.contains([' ', '*', '…', '<']));
            if is_path && !root(&span).exists() {
                complaints.push(format!("{name}: there is no {span}"));
            }
            let last = span.rsplit("::").next().unwrap_or_default();
            let is_sentence = last.split('_').count() >= PARTS_OF_A_SENTENCE
                && span.chars().all(|c| is_word(c) || c == ':')
                && last.chars().any(|c| c.is_ascii_lowercase());
            if is_sentence && !words.contains(last) {
                complaints.push(format!("{name}: no test and no function is called {last}"));
            }
        }
    }
    expect_none(&complaints, "names of files and tests that exist");
}

#[test]
fn every_lab_that_is_named_exists() {
    let mut complaints = Vec::new();
    for (name, page) in pages() {
        for rest in page.split("handloom lab ").skip(1) {
            let lab = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next();
            let lab = lab.unwrap_or_default();
            if !LABS.iter().any(|known| known.name == lab) {
                complaints.push(format!("{name}: there is no lab {lab:?}"));
            }
        }
    }
    expect_none(&complaints, "labs that exist");
}

#[test]
fn links_and_anchors_are_found() {
    assert_eq!(targets("[a](b.md) [c\nd](e#f)\n```\n[no](x)\n```\n"), ["b.md", "e#f"]);
    let found = anchors("# What it *is*, `here`\n<a id=\"q1\"></a>\n```\n# no\n```\n");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["q1", "what-it-is-here"]);
    assert!(fault("a.md", "", "nowhere.md").is_some(), "a link to nothing would pass");
}
