//! Blocks of code: quoted ones equal their source, all others are compiled or run.

use std::env;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::same_lines::MARK;
use super::{expect_none, pages, root};

/// What the comment above a block names.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Source<'a> {
    /// An item: a file, and how the item there begins.
    Item(&'a str, &'a str),
    /// A whole file.
    File(&'a str),
    /// The lines in which the second file differs from the first.
    Diff(&'a str, &'a str),
}

impl<'a> Source<'a> {
    /// What a comment names; `None` for any other line.
    fn of(line: &'a str) -> Option<Self> {
        let (kind, named) = line.strip_prefix("<!-- ")?.strip_suffix(" -->")?.split_once(": ")?;
        match kind {
            "source" => named.split_once('#').map(|(file, begins)| Source::Item(file, begins)),
            "file" => Some(Source::File(named)),
            "diff" => named.split_once(' ').map(|(left, right)| Source::Diff(left, right)),
            _ => None,
        }
    }

    /// What belongs into the block.
    fn text(self) -> Result<String, String> {
        match self {
            Source::Item(file, begins) => item(file, begins),
            Source::File(file) => {
                fs::read_to_string(root(file)).map_err(|error| format!("{file}: {error}"))
            }
            Source::Diff(left, right) => difference(left, right),
        }
    }
}

/// What diff(1) prints of two files, each changed place between two lines of `...`.
fn difference(left: &str, right: &str) -> Result<String, String> {
    let program = Command::new("diff").args(["-U0", left, right]).current_dir(root("")).output();
    let printed = program.map_err(|error| format!("diff: {error}"))?.stdout;
    let printed = String::from_utf8_lossy(&printed);
    let changes =
        printed.lines().skip(2).map(|line| if line.starts_with("@@") { "@@" } else { line });
    let changes: Vec<_> = changes.skip(1).collect();
    if changes.is_empty() {
        Err(format!("{left} and {right} do not differ"))
    } else {
        Ok(changes.join("\n") + "\n")
    }
}

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
struct Block<'a> {
    /// What stands behind the opening fence.
    language: &'a str,
    /// What the comment above it names, if there is one.
    source: Option<Source<'a>>,
    /// Its lines, without the fences, and without the blanks that indent the whole block in a list.
    text: String,
    /// The line of its opening fence, counted from 1.
    line: usize,
}

/// Every fenced block of a page.
fn blocks(page: &str) -> Vec<Block<'_>> {
    let (mut found, mut source) = (Vec::new(), None);
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.starts_with(MARK) || line.starts_with("<!-- figures: ") {
            continue;
        }
        if line.starts_with("<!-- ") {
            source = Source::of(line);
            assert!(source.is_some(), "expected <!-- source: FILE#ITEM -->, came {line:?}");
            continue;
        }
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let indent = line.len() - line.trim_start().len();
            let inside = lines.by_ref().map(|(_, line)| line);
            let text = inside.take_while(|line| !line.trim_start().starts_with("```"));
            let text = text.map(|line| line.get(indent..).unwrap_or_default().to_owned() + "\n");
            found.push(Block { language, source, text: text.collect(), line: number + 1 });
        }
        source = None;
    }
    found
}

/// The item of a file that begins with these words, moved to the left edge: from the line that begins so (a `pub`
/// does not count) to the closing brace, bracket or parenthesis in the same column.
fn item(file: &str, begins: &str) -> Result<String, String> {
    let text = fs::read_to_string(root(file)).map_err(|error| format!("{file}: {error}"))?;
    let is_first = |line: &&str| {
        let line = line.trim_start();
        let bare = line.strip_prefix("pub").map_or(line, |rest| {
            rest.strip_prefix("(super)").or(rest.strip_prefix("(crate)")).unwrap_or(rest)
        });
        bare.trim_start().starts_with(begins)
    };
    match text.lines().filter(is_first).count() {
        1 => {}
        count => return Err(format!("{file}: {count} lines begin with {begins:?}, expected one")),
    }
    let from = text.lines().skip_while(|line| !is_first(line));
    let first = from.clone().next().unwrap_or_default();
    let indent = first.len() - first.trim_start().len();
    let mut found = String::new();
    for (number, line) in from.enumerate() {
        found += line.get(indent..).unwrap_or_default();
        found.push('\n');
        let is_at_edge = line.len() > indent && !line[indent..].starts_with(' ');
        let closes = |line: &str| line.starts_with(['}', ']', ')']) && !line.ends_with('{');
        if is_at_edge && (closes(&line[indent..]) || (number == 0 && line.ends_with([';', '}']))) {
            return Ok(found);
        }
    }
    Err(format!("{file}: what begins with {begins:?} has no end"))
}

/// The page with the source's text in every quoted block.
fn written_anew(page: &str) -> Result<String, String> {
    let mut lines: Vec<_> = page.lines().map(|line| line.to_owned() + "\n").collect();
    // From the end, so that the numbers of the lines above stay true.
    for block in blocks(page).iter().rev() {
        if let Some(source) = block.source {
            let length = block.text.lines().count();
            lines.splice(block.line..block.line + length, [source.text()?]);
        }
    }
    Ok(lines.concat())
}

#[test]
fn every_quoted_block_equals_its_source() {
    let is_writing = env::var_os("NOTES").is_some_and(|order| order == "write");
    let mut complaints = Vec::new();
    for (name, page) in pages() {
        if is_writing {
            match written_anew(&page) {
                Ok(anew) if anew != page => {
                    fs::write(root("notes").join(&name), anew).unwrap();
                    eprintln!("{name} was written anew");
                }
                Ok(_) => {}
                Err(error) => complaints.push(format!("{name}: {error}")),
            }
            continue;
        }
        for Block { source, text, line, .. } in blocks(&page) {
            let Some(source) = source else { continue };
            match source.text() {
                Ok(wanted) if wanted == text => {}
                Ok(wanted) => complaints.push(format!(
                    "{name}:{line} is not {source:?} any more; this belongs there \
                     (or run NOTES=write cargo test --test notes):\n{wanted}"
                )),
                Err(error) => complaints.push(format!("{name}:{line}: {error}")),
            }
        }
    }
    expect_none(&complaints, "every quoted block to be its source's text");
}

#[test]
fn every_block_of_rust_is_quoted_or_compiled() {
    let compiled = fs::read_to_string(root("notes/doctests.rs")).unwrap();
    let mut complaints = Vec::new();
    for (name, page) in pages() {
        for Block { language, source, line, .. } in blocks(&page) {
            if !language.starts_with("rust") {
                continue;
            }
            let is_compiled = compiled.contains(&format!("include_str!(\"{name}\")"));
            let fault = match (source.is_some(), language) {
                (true, "rust,ignore") => continue,
                (true, _) => "is quoted, so its fence is rust,ignore",
                (false, "rust") if is_compiled => continue,
                (false, "rust") => "stands on a page that notes/doctests.rs lacks",
                (false, _) => "has no source above it, so its fence is rust",
            };
            complaints.push(format!("{name}:{line} {fault}"));
        }
    }
    expect_none(&complaints, "Rust that somebody compiles");
}

/// Python reads them, where there is a Python.
#[test]
fn every_block_of_python_is_python() {
    let mut complaints = Vec::new();
    for (name, page) in pages() {
        for block in blocks(&page).iter().filter(|block| block.language == "python") {
            let check = "import ast, sys; ast.parse(sys.stdin.read())";
            let python = Command::new("python3")
                .args(["-c", check])
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn();
            let Ok(mut python) = python else { return };
            python.stdin.take().unwrap().write_all(block.text.as_bytes()).unwrap();
            let end = python.wait_with_output().unwrap();
            if !end.status.success() {
                let error = String::from_utf8_lossy(&end.stderr);
                complaints.push(format!("{name}:{}: {}", block.line, error.trim()));
            }
        }
    }
    expect_none(&complaints, "Python that can be parsed");
}

#[test]
fn blocks_and_items_are_found() {
    let page = "a\n<!-- source: a.rs#fn b -->\n```rust,ignore\nfn b() {}\n```\n\n```text\nc\n```\n";
    let found = blocks(page);
    assert_eq!(found.len(), 2, "expected two blocks, came {found:?}");
    assert_eq!(found[0].source, Some(Source::Item("a.rs", "fn b")));
    assert_eq!((found[0].text.as_str(), found[0].line), ("fn b() {}\n", 3));
    assert_eq!((found[1].source, found[1].language), (None, "text"));

    let method = item("src/rt/slab.rs", "fn put(").unwrap();
    assert!(method.starts_with("pub(crate) fn put("), "expected a method, came {method:?}");
    assert!(method.ends_with("\n}\n"), "expected it up to its brace at the edge, came {method:?}");
    let twice = item("src/rt/slab.rs", "fn ").unwrap_err();
    assert!(twice.contains("expected one"), "expected a complaint, came {twice:?}");
}
