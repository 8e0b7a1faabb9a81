//! Source files taken apart: their tokens, and the files of the crate that they import.
//!
//! A path is followed through the re-exports of each `mod.rs` to the file that defines the name, because a reader has
//! to open that file. **Left out**: what a macro expands to, and names that come through a glob.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

/// The crate's name, by which the program in `main.rs` knows the library.
const CRATE: &str = "handloom";

/// A path in the crate, such as `rt`, `task`, `TaskId`.
pub(crate) type Name = Vec<String>;

/// A file under `src/`.
pub(crate) struct Source {
    /// Its path below `src/`, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
    /// Its tokens, without comments; a literal is `""`. None of a file that is not Rust.
    pub(crate) tokens: Vec<String>,
}

impl Source {
    /// Takes a file's text apart.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let mut tokens = Vec::new();
        if path.strip_suffix(".rs").is_some() {
            let stream: TokenStream =
                text.parse().unwrap_or_else(|fault| panic!("{path}: {fault}"));
            flatten(stream, &mut tokens);
        }
        Self { path: path.to_owned(), text: text.to_owned(), tokens }
    }

    /// The module that the file is: `rt/task.rs` is `rt::task`, `rt/mod.rs` is `rt`, `lib.rs` is the root. The
    /// program is a crate of its own; it counts as a part of `cli`.
    pub(crate) fn module(&self) -> Name {
        match self.path.trim_end_matches(".rs") {
            "lib" => Vec::new(),
            "main" => vec!["cli".to_owned()],
            path => path.trim_end_matches("/mod").split('/').map(str::to_owned).collect(),
        }
    }

    /// The top-level module that the file belongs to; empty for `lib.rs`.
    pub(crate) fn top(&self) -> String {
        self.module().first().cloned().unwrap_or_default()
    }

    /// All lines, comments and tests included.
    pub(crate) fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// Whether the file is the module `module` or lies in it.
    pub(crate) fn is_in(&self, module: &str) -> bool {
        self.path.strip_prefix(module).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
    }

    /// Whether `words` stand in the file one after another.
    pub(crate) fn holds(&self, words: &[&str]) -> bool {
        self.tokens.windows(words.len()).any(|window| window == words)
    }

    /// Whether it is a `mod.rs` or `lib.rs`.
    pub(crate) fn is_mod_file(&self) -> bool {
        self.path == "lib.rs" || self.path.ends_with("/mod.rs")
    }

    /// Every path in the file that begins at the crate's root or goes up from a module, made absolute. Inline tests
    /// do not count.
    pub(crate) fn imports(&self) -> Vec<Name> {
        let tokens = &self.tokens;
        let mut module = self.module();
        // For each open brace whether it is a module's, whose name is then the last of `module`.
        let mut braces = Vec::new();
        let mut found = Vec::new();
        for at in 0..tokens.len() {
            let before = at.checked_sub(1).map_or("", |before| &tokens[before]);
            let goes_on = tokens.get(at + 1).is_some_and(|next| next == "::");
            match tokens[at].as_str() {
                "{" => {
                    let is_module = at >= 2 && tokens[at - 2] == "mod";
                    if is_module {
                        module.push(before.to_owned());
                    }
                    braces.push(is_module);
                }
                "}" if braces.pop() == Some(true) => drop(module.pop()),
                CRATE if goes_on && self.path == "main.rs" => {
                    branches(tokens, at + 2, &[], &mut found);
                }
                "crate" if goes_on => drop(branches(tokens, at + 2, &[], &mut found)),
                "super" if goes_on && before != "::" => {
                    let ups = tokens[at..].chunks(2).take_while(|pair| pair[0] == "super").count();
                    let base = &module[..module.len().saturating_sub(ups)];
                    branches(tokens, at + 2 * ups, base, &mut found);
                }
                _ => {}
            }
        }
        found
    }

    /// What a `mod.rs` re-exports: the new name, and the path that it stands for.
    fn re_exports(&self) -> Vec<(Name, Name)> {
        let module = self.module();
        let mut found = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            if token != "use" {
                continue;
            }
            let mut paths = Vec::new();
            if self.tokens[at + 1] == "crate" {
                branches(&self.tokens, at + 3, &[], &mut paths);
            } else {
                branches(&self.tokens, at + 1, &module, &mut paths);
            }
            for path in paths {
                let name = path.last().cloned().unwrap_or_default();
                found.push(([module.clone(), vec![name]].concat(), path));
            }
        }
        found
    }
}

/// Appends the tokens of a stream: `::` in one piece, a literal as `""`, doc comments left out.
fn flatten(stream: TokenStream, tokens: &mut Vec<String>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    proc_macro2::Delimiter::Parenthesis => ("(", ")"),
                    proc_macro2::Delimiter::Brace => ("{", "}"),
                    proc_macro2::Delimiter::Bracket => ("[", "]"),
                    proc_macro2::Delimiter::None => ("", ""),
                };
                tokens.push(open.to_owned());
                flatten(group.stream(), tokens);
                tokens.push(close.to_owned());
            }
            TokenTree::Ident(ident) => tokens.push(ident.to_string()),
            TokenTree::Literal(_) => tokens.push("\"\"".to_owned()),
            TokenTree::Punct(punct) => {
                let is_second = punct.as_char() == ':' && tokens.last().is_some_and(|t| t == ":");
                if is_second {
                    tokens.pop();
                    tokens.push("::".to_owned());
                } else {
                    tokens.push(punct.to_string());
                }
            }
        }
    }
}

/// Follows a path, or a tree of paths in braces, from token `at`; returns the index after it.
fn branches(tokens: &[String], mut at: usize, base: &[String], found: &mut Vec<Name>) -> usize {
    let mut path = base.to_vec();
    while let Some(token) = tokens.get(at) {
        at += 1;
        if token == "{" {
            while tokens.get(at).is_some_and(|token| token != "}") {
                at = branches(tokens, at, &path, found);
                at += usize::from(tokens.get(at).is_some_and(|token| token == ","));
            }
            return at + 1;
        }
        if token != "self" {
            path.push(token.clone());
        }
        match tokens.get(at).map(String::as_str) {
            Some("::") => at += 1,
            Some("as") => {
                at += 2;
                break;
            }
            _ => break,
        }
    }
    found.push(path);
    at
}

/// Every file under `src/`, in order of path.
pub(crate) fn crate_files() -> Vec<Source> {
    fn visit(directory: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                visit(&path, &format!("{name}/"), found);
            } else {
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    assert!(!found.is_empty(), "expected source files under src/, found none");
    found.iter().map(|(path, text)| Source::new(path, text)).collect()
}

/// Which file imports which: from each file, the files that define what it names. A `mod.rs` has no arrows: that it
/// lists its files is no import.
pub(crate) fn arrows(files: &[Source]) -> BTreeMap<String, BTreeSet<String>> {
    let homes: BTreeMap<Name, &str> =
        files.iter().map(|source| (source.module(), source.path.as_str())).collect();
    let renamed: BTreeMap<Name, Name> =
        files.iter().filter(|file| file.is_mod_file()).flat_map(Source::re_exports).collect();
    let mut arrows = BTreeMap::new();
    for source in files.iter().filter(|source| !source.is_mod_file() && source.path != "main.rs") {
        let to: BTreeSet<String> = source
            .imports()
            .into_iter()
            .filter_map(|name| home_of(name, &homes, &renamed))
            .filter(|to| *to != source.path)
            .collect();
        arrows.insert(source.path.clone(), to);
    }
    arrows
}

/// The file that defines a name; none if that is a `mod.rs`, which defines nothing.
fn home_of(
    name: Name,
    homes: &BTreeMap<Name, &str>,
    renamed: &BTreeMap<Name, Name>,
) -> Option<String> {
    let mut name = name;
    // As many steps as there are re-exports of re-exports, and an end for those that go in a circle.
    for _ in 0..8 {
        let step = (1..=name.len()).find_map(|length| {
            let target = renamed.get(&name[..length])?;
            (*target != name[..length]).then(|| [target.clone(), name[length..].to_vec()].concat())
        });
        let Some(next) = step else { break };
        name = next;
    }
    let path = (1..=name.len()).rev().find_map(|length| homes.get(&name[..length]))?;
    (!path.ends_with("mod.rs")).then(|| (*path).to_owned())
}

/// Groups of files that import each other in a circle.
pub(crate) fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> Vec<BTreeSet<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> = arrows
        .keys()
        .map(|from| {
            let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
            while let Some(at) = left.pop() {
                left.extend(arrows.get(at).into_iter().flatten().filter(|to| seen.insert(*to)));
            }
            (from, seen)
        })
        .collect();
    let circle_of = |file: &String| -> BTreeSet<String> {
        let both = |other: &&&String| reach.get(**other).is_some_and(|seen| seen.contains(file));
        reach[file].iter().filter(both).map(|other| (*other).clone()).collect()
    };
    let all: BTreeSet<BTreeSet<String>> = arrows.keys().map(circle_of).collect();
    all.into_iter().filter(|circle| circle.len() > 1).collect()
}
