//! The labels of promises, such as `TASK-1`: each is stated in one file, and every label that is cited exists.
//!
//! A label is stated by an item of a list in the `//!` docs of a file under `src/`, as its first word, in
//! backticks. It is cited anywhere else: in comments, in the messages of assertions, in `notes/`. All labels with one
//! beginning are stated in one file, so the index, `notes/internals/labels.md`, has a line for each beginning. A label
//! keeps its number for life: where one was dropped, a gap is left.
//!
//! **Left out**: `benches/`, whose programs have labels of their own and are read by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What looks like a label and is none.
const OTHER_WORDS: [&str; 2] = ["FIN-WAIT-1", "UTF-8"];

/// A label taken apart: what it begins with, and its number.
type Label = (String, u32);

/// Every file of a folder with one of these endings, by its path from the project's root.
fn files(folder: &str, endings: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            found.extend(files(&name, endings));
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
    found
}

/// The label that a word is, if it is one: capitals parted by `-`, and a number at the end.
fn label(word: &str) -> Option<Label> {
    let (beginning, number) = word.rsplit_once('-')?;
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    let is_label = beginning.split('-').all(is_part) && !OTHER_WORDS.contains(&word);
    is_label.then(|| number.parse().ok().map(|number| (beginning.to_owned(), number)))?
}

/// Every label in a text, wherever it stands.
fn cited(text: &str) -> BTreeSet<Label> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))
        .filter_map(label)
        .collect()
}

/// The label that a line of docs states, if it states one.
fn stated(line: &str) -> Option<Label> {
    let (word, _) = line.strip_prefix("//! - `")?.split_once('`')?;
    label(word)
}

/// Every label stated under `src/`, with the files that state it.
fn statements() -> BTreeMap<Label, Vec<String>> {
    let mut found = BTreeMap::<_, Vec<_>>::new();
    for (file, text) in files("src", &[".rs"]) {
        for label in text.lines().filter_map(stated) {
            found.entry(label).or_default().push(file.clone());
        }
    }
    assert!(found.contains_key(&("TASK".to_owned(), 1)), "expected TASK-1, came {found:?}");
    found
}

/// Where the index is kept.
const INDEX: &str = "notes/internals/labels.md";

/// The page of the index: for each beginning its numbers and its file.
fn index() -> String {
    let mut rows = BTreeMap::<_, (Vec<String>, String)>::new();
    for ((beginning, number), files) in statements() {
        let row = rows.entry(beginning).or_insert_with(|| (Vec::new(), files[0].clone()));
        row.0.push(number.to_string());
    }
    let mut page = String::from(
        "# Index of labels\n\nA label names a promise; the file states it, comments and tests cite it. This page is \
         written by\n`cargo test --test notes labels::`.\n\n| label | numbers | stated in |\n| --- | --- | --- |\n",
    );
    for (beginning, (numbers, file)) in rows {
        let row =
            format!("| `{beginning}` | {} | [`{file}`](../../{file}) |\n", numbers.join(", "));
        page.push_str(&row);
    }
    page
}

#[test]
fn words_are_told_from_labels() {
    for (text, wanted) in [("(`AB-1`)", 1), ("A-B-2: c", 1), ("UTF-8, a-1, A-, -1, A-1x, 3-1", 0)] {
        assert_eq!(cited(text).len(), wanted, "labels in {text:?}");
    }
    for (line, states) in [
        ("//! - `AB-1` It holds.", true),
        ("//! - `AB-1`: it holds.", true),
        ("//! - It holds (`AB-1`).", false),
        ("/// - `AB-1` It holds.", false),
    ] {
        assert_eq!(stated(line).is_some(), states, "whether this states a label: {line:?}");
    }
}

#[test]
fn each_label_is_stated_once() {
    let twice: Vec<_> = statements().into_iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "expected one statement of each label, came {twice:?}");
}

#[test]
fn labels_with_one_beginning_are_stated_in_one_file() {
    let mut homes = BTreeMap::<_, BTreeSet<_>>::new();
    for ((beginning, _), files) in statements() {
        homes.entry(beginning).or_default().extend(files);
    }
    let parted: Vec<_> = homes.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(parted.is_empty(), "expected one file for each beginning, came {parted:?}");
}

#[test]
fn every_label_that_is_cited_exists() {
    let statements = statements();
    let mut wrong = Vec::new();
    for (folder, endings) in [("src", [".rs"]), ("tests", [".rs"]), ("notes", [".md"])] {
        for (file, text) in files(folder, &endings) {
            // This file has labels to try itself out.
            if file == "tests/notes/labels.rs" {
                continue;
            }
            let unknown = cited(&text).into_iter().filter(|label| !statements.contains_key(label));
            wrong.extend(unknown.map(|(word, number)| format!("{file}: {word}-{number}")));
        }
    }
    assert!(wrong.is_empty(), "cited, but stated nowhere in the docs of src/: {wrong:#?}");
}

#[test]
fn the_index_lists_every_label() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(INDEX);
    let wanted = index();
    if fs::read_to_string(&path).unwrap_or_default() != wanted {
        fs::write(&path, wanted).unwrap();
        panic!("{INDEX} was not up to date and has been written anew: commit it");
    }
}
