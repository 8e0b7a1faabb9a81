//! The house's rules, read from its source: which room may import which (DESIGN section 1), and of
//! the style guide whatever a machine can judge (STYLE sections 1, 2, 4 and 8).
//!
//! Each rule is a function from a source file to its complaints, and is tried on a bad example
//! before it is trusted with the house. The reading is done on tokens, with comments and strings
//! taken out, so neither a path in a doc comment nor a brace in a string misleads it.
//!
//! **Left out**: what a macro makes up, and a path that begins with a name imported earlier; its
//! import has been judged where it stands.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a source file that cannot be read fails the test; a report is printed"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, iter};

/// The floors of DESIGN section 1, from the ground up, with `report` beside `http`: what is measured is shown by
/// rooms of three floors, and they show it alike. A room imports from lower floors and from
/// itself.
const FLOORS: [&[&str]; 8] = [
    &["os"],
    &["http", "json", "jobs", "report"],
    &["rt", "generator", "threads", "processes"],
    &["aio"],
    &["web", "timeline"],
    &["calc", "fetch", "factorial", "watch", "weather"],
    &["labs", "compare"],
    &["cli"],
];

/// The crate's name, by which the program in `main.rs` knows the library.
const CRATE: &str = "handloom";

/// The files on a turn's path (STYLE section 2).
const LOOP_PATH: [&str; 5] = ["event_loop", "run_queue", "task", "reactor", "timers"];

/// All lines of the loop path. This is the size it has reached, so that it does not grow unseen; it is not
/// the size that was aimed at, which is 500, with 300 of code, and 1,300 for all of `rt/`. That aim is missed
/// (`notes/decisions.md`). Lower these figures when something goes; before you raise one, look for what can.
const LOOP_PATH_LINES: usize = 1_020;

/// Its lines of code: neither blank nor comment.
const LOOP_PATH_CODE_LINES: usize = 660;

/// All lines of `rt/`.
const RT_LINES: usize = 2_800;

/// Files of `rt/` that may hold `unsafe` (STYLE section 8).
const RT_UNSAFE_FILES: usize = 1;

/// The share of comment lines that STYLE section 4 asks for, in percent; reported, not enforced.
const COMMENT_PERCENT: std::ops::RangeInclusive<usize> = 30..=45;

/// A file under `src/`.
struct Source {
    /// Its path below `src/`, with `/`.
    path: String,
    /// Its text.
    text: String,
    /// Its tokens, without comments and strings.
    tokens: Vec<String>,
}

impl Source {
    /// Takes a file's text apart.
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), tokens: tokens(text) }
    }

    /// The module the file is: `rt/task.rs` is `rt::task`, `rt/mod.rs` is `rt`, `lib.rs` is the
    /// root. The program is a crate of its own; it counts as part of the room `cli`.
    fn module(&self) -> Vec<String> {
        let path = self.path.trim_end_matches(".rs");
        match path {
            "lib" => Vec::new(),
            "main" => vec!["cli".to_owned()],
            _ => path.trim_end_matches("/mod").split('/').map(str::to_owned).collect(),
        }
    }

    /// Lines that are code, comment, blank, in that order; inline tests are not counted.
    fn line_counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for line in self.text.lines().map(str::trim).take_while(|line| *line != "#[cfg(test)]") {
            counts[if line.is_empty() { 2 } else { usize::from(line.starts_with("//")) }] += 1;
        }
        counts
    }

    /// All lines but those of inline tests.
    fn lines(&self) -> usize {
        self.line_counts().iter().sum()
    }

    /// Whether the file lies in `room`.
    fn is_in(&self, room: &str) -> bool {
        self.path.strip_prefix(room).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
    }
}

/// Every Rust file under `src/`, in order of path.
fn house() -> Vec<Source> {
    fn visit(directory: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                visit(&path, &format!("{name}/"), found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    assert!(!found.is_empty(), "expected source files under src/, found none");
    found.iter().map(|(path, text)| Source::new(path, text)).collect()
}

// ----------------------------------------------------------------------------------------------
// tokens

/// Splits Rust into words, `::` and single other characters. Comments vanish, a literal becomes
/// `""`.
fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first.is_whitespace() {
            (None, first.len_utf8())
        } else if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            (None, block_comment_length(rest))
        } else if let Some(length) = literal_length(rest) {
            (Some("\"\""), length)
        } else if rest.starts_with("::") {
            (Some("::"), 2)
        } else {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let length = word.max(first.len_utf8());
            (Some(&rest[..length]), length)
        };
        found.extend(token.map(str::to_owned));
        rest = &rest[length..];
    }
    found
}

/// The length of the comment that opens here; such comments nest.
fn block_comment_length(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        let rest = &text.as_bytes()[at..];
        match rest {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            [] => return at,
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
}

/// The length of the string or character literal that opens here, if one does; a lifetime is none.
fn literal_length(text: &str) -> Option<usize> {
    let prefix = text.find(|c| !matches!(c, 'b' | 'c' | 'r'))?.min(2);
    let (prefix, body) = text.split_at(prefix);
    let hashes = body.len() - body.trim_start_matches('#').len();
    if prefix.ends_with('r') && body[hashes..].starts_with('"') {
        let end = format!("\"{}", "#".repeat(hashes));
        let close = body[hashes + 1..].find(&end)?;
        return Some(prefix.len() + hashes + 1 + close + end.len());
    }
    if body.starts_with('"') {
        return Some(prefix.len() + quoted_length(body, '"')?);
    }
    let mut inside = body.strip_prefix('\'')?.chars();
    let (first, second) = (inside.next()?, inside.next()?);
    (first == '\\' || second == '\'')
        .then(|| quoted_length(body, '\'').map(|length| prefix.len() + length))?
}

/// The length of what stands between two unescaped `quote`s, with them.
fn quoted_length(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

// ---------------------------------------------------------------------------------------------
// imports

/// Every path in the file that begins at the crate's root or goes up from a module, made absolute.
fn imports(source: &Source) -> Vec<Vec<String>> {
    let tokens = &source.tokens;
    let mut module = source.module();
    // For each open brace whether it is a module's, whose name is then the last of `module`.
    let mut braces = Vec::new();
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let before = at.checked_sub(1).map_or("", |before| &tokens[before]);
        let path_goes_on = tokens.get(at + 1).is_some_and(|next| next == "::");
        match tokens[at].as_str() {
            "{" => {
                let is_module = at >= 2 && tokens[at - 2] == "mod";
                if is_module {
                    module.push(before.to_owned());
                }
                braces.push(is_module);
            }
            "}" if braces.pop() == Some(true) => drop(module.pop()),
            CRATE if path_goes_on && source.path == "main.rs" => {
                branches(tokens, at + 2, &[], &mut found);
            }
            "crate" if path_goes_on => drop(branches(tokens, at + 2, &[], &mut found)),
            "super" if path_goes_on && before != "::" => {
                let ups = tokens[at..].chunks(2).take_while(|pair| pair[0] == "super").count();
                let base = &module[..module.len().saturating_sub(ups)];
                branches(tokens, at + 2 * ups, base, &mut found);
            }
            _ => {}
        }
    }
    found
}

/// Follows a path, or a tree of paths in braces, from token `at`; returns the index after it.
fn branches(
    tokens: &[String],
    mut at: usize,
    base: &[String],
    found: &mut Vec<Vec<String>>,
) -> usize {
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
        path.push(token.clone());
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

/// The floor of a room; none if the table does not know it.
fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// LAYERS: no import goes up, none sideways, and every room stands in the table.
fn judge_imports(source: &Source) -> Vec<String> {
    let module = source.module();
    let Some(home) = module.first() else { return Vec::new() };
    let Some(own_floor) = floor(home) else {
        return vec![format!(
            "{}: the room `{home}` has no floor in DESIGN section 1",
            source.path
        )];
    };
    let mut complaints = Vec::new();
    for path in imports(source) {
        let room = path.first().map_or("", String::as_str);
        let fault = match floor(room) {
            _ if room == home => continue,
            Some(other) if other < own_floor => continue,
            Some(other) if other == own_floor => "sideways",
            Some(_) => "upward",
            None => "from no room of the table",
        };
        complaints.push(format!("{}: imports {fault}: `crate::{}`", source.path, path.join("::")));
    }
    complaints
}

// ----------------------------------------------------------------------------------------- other
// rules

/// Whether `words` stand in the file one after another.
fn holds(source: &Source, words: &[&str]) -> bool {
    source.tokens.windows(words.len()).any(|window| window == words)
}

/// STYLE 1: byte-slice rooms never see a socket, timers never read the clock, one thread-local, no
/// `static mut`.
fn judge_reach(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut forbid = |words: &[&str], why: &str| {
        if holds(source, words) {
            complaints.push(format!("{}: `{}`, but {why}", source.path, words.concat()));
        }
    };
    if source.is_in("http") || source.is_in("calc/protocol") {
        let why = "a protocol works on byte slices and never sees a socket";
        for words in
            [&["std", "::", "net"][..], &["mio", "::"], &["std", "::", "os"], &["TcpStream"]]
        {
            forbid(words, why);
        }
    }
    if source.path == "rt/timers.rs" {
        forbid(&["now", "(", ")"], "timers never read the clock: `now` is an argument");
    }
    if source.path != "rt/context.rs" {
        forbid(&["thread_local", "!"], "the one thread-local is in rt/context");
    }
    forbid(&["static", "mut"], "a global that anyone may write has no rule at all");
    complaints
}

/// STYLE 1: a `mod.rs` holds docs, `mod` lines and re-exports only.
fn judge_mod_file(source: &Source) -> Vec<String> {
    if source.path != "lib.rs" && !source.path.ends_with("/mod.rs") {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    let mut tokens = source.tokens.iter().map(String::as_str).peekable();
    while let Some(token) = tokens.next() {
        match token {
            "pub" => {}
            "#" => skip_group(&mut tokens, "[", "]"),
            "(" => drop(tokens.by_ref().find(|token| *token == ")")),
            "mod" | "use" => {
                let statement: Vec<_> = tokens.by_ref().take_while(|token| *token != ";").collect();
                if token == "mod" && statement.len() != 1 {
                    complaints
                        .push(format!("{}: a module with a body: `{}`", source.path, statement[0]));
                }
            }
            _ => {
                let rest: Vec<_> = iter::once(token).chain(tokens.by_ref().take(3)).collect();
                complaints.push(format!(
                    "{}: holds more than `mod` and `use`: `{}`",
                    source.path,
                    rest.join(" ")
                ));
                return complaints;
            }
        }
    }
    complaints
}

/// Skips an attribute's brackets, with what is nested in them.
fn skip_group<'a>(tokens: &mut impl Iterator<Item = &'a str>, open: &str, close: &str) {
    let mut depth = 0;
    for token in tokens {
        depth += i32::from(token == open) - i32::from(token == close);
        // An inner attribute has a `!` before its bracket.
        if depth == 0 && token != "!" {
            return;
        }
    }
}

/// STYLE 8: `unsafe` only in `os/`, and in at most one file of `rt/`.
fn judge_unsafe(house: &[Source]) -> Vec<String> {
    let with_unsafe =
        || house.iter().filter(|source| holds(source, &["unsafe"]) && !source.is_in("os"));
    let (in_rt, elsewhere): (Vec<_>, Vec<_>) = with_unsafe().partition(|source| source.is_in("rt"));
    let mut complaints: Vec<_> =
        elsewhere.iter().map(|source| format!("{}: `unsafe` outside os/", source.path)).collect();
    if in_rt.len() > RT_UNSAFE_FILES {
        let files: Vec<_> = in_rt.iter().map(|source| source.path.as_str()).collect();
        complaints.push(format!(
            "rt/: `unsafe` in more than {RT_UNSAFE_FILES} file: {}",
            files.join(", ")
        ));
    }
    complaints
}

/// STYLE 2: the budgets of the loop path and of `rt/`.
fn judge_budgets(house: &[Source]) -> Vec<String> {
    let is_on_path =
        |source: &&Source| LOOP_PATH.iter().any(|name| source.path == format!("rt/{name}.rs"));
    let path_lines: usize = house.iter().filter(is_on_path).map(Source::lines).sum();
    let path_code: usize =
        house.iter().filter(is_on_path).map(|source| source.line_counts()[0]).sum();
    let rt_lines: usize = house.iter().filter(|source| source.is_in("rt")).map(Source::lines).sum();
    [
        ("the loop path", path_lines, LOOP_PATH_LINES),
        ("the code of the loop path", path_code, LOOP_PATH_CODE_LINES),
        ("rt/", rt_lines, RT_LINES),
    ]
    .into_iter()
    .filter(|(_, lines, budget)| lines > budget)
    .map(|(what, lines, budget)| {
        format!("{what}: {lines} lines, budget {budget}; look for what can go")
    })
    .collect()
}

/// Fails with all complaints at once.
fn expect_none(complaints: &[String], rule: &str) {
    assert!(
        complaints.is_empty(),
        "expected no breach of {rule}, came:\n  {}",
        complaints.join("\n  ")
    );
}

/// All complaints of a rule for single files.
fn judge_house(rule: fn(&Source) -> Vec<String>) -> Vec<String> {
    house().iter().flat_map(rule).collect()
}

// ------------------------------------------------------------------------------------ the house
// judged

#[test]
fn no_room_imports_upward_or_sideways() {
    expect_none(&judge_house(judge_imports), "DESIGN section 1");
}

#[test]
fn protocols_see_no_socket_and_timers_no_clock() {
    expect_none(&judge_house(judge_reach), "STYLE section 1");
}

#[test]
fn mod_files_hold_docs_mods_and_re_exports_only() {
    expect_none(&judge_house(judge_mod_file), "STYLE section 1");
}

#[test]
fn unsafe_stays_in_os_and_one_file_of_rt() {
    expect_none(&judge_unsafe(&house()), "STYLE section 8");
}

#[test]
fn the_event_loop_has_not_grown_unseen() {
    expect_none(&judge_budgets(&house()), "STYLE section 2");
}

/// A report, not a rule: `cargo test --test layers comment -- --nocapture`.
#[test]
fn comment_share_is_reported() {
    let mut report = String::from(" code comment blank  share\n");
    for source in house() {
        let [code, comment, blank] = source.line_counts();
        let percent = 100 * comment / source.lines().max(1);
        let mark = if COMMENT_PERCENT.contains(&percent) { ' ' } else { '!' };
        writeln!(report, "{code:5} {comment:7} {blank:5} {percent:4} %{mark} {}", source.path)
            .unwrap();
    }
    println!("{report}");
}

// ------------------------------------------------------------------------------------- the rules
// judged

/// The complaints of one rule about one made-up file.
fn judge(rule: fn(&Source) -> Vec<String>, path: &str, text: &str) -> Vec<String> {
    rule(&Source::new(path, text))
}

/// Fails unless the rule finds exactly one fault, and names it by `part`.
fn expect_one(complaints: &[String], part: &str) {
    assert!(
        complaints.len() == 1 && complaints[0].contains(part),
        "expected one complaint about `{part}`, came: {complaints:?}; the rule would miss a breach",
    );
}

#[test]
fn an_upward_import_is_caught() {
    expect_one(
        &judge(judge_imports, "rt/task.rs", "use crate::aio::sleep;"),
        "upward: `crate::aio::sleep`",
    );
}

#[test]
fn a_sideways_import_is_caught() {
    expect_one(&judge(judge_imports, "rt/mod.rs", "use crate::threads::Pool;"), "sideways");
}

#[test]
fn an_inline_path_is_caught() {
    let text = "fn f() -> crate::calc::Op { crate::os::check(0) }";
    expect_one(&judge(judge_imports, "aio/net.rs", text), "upward: `crate::calc::Op`");
}

#[test]
fn a_branch_of_a_nested_import_is_caught() {
    let text = "use crate::{os::{self, poll as ask}, rt, web::{server::Site, Client as C}};";
    let complaints = judge(judge_imports, "aio/net.rs", text);
    assert_eq!(complaints.len(), 2, "expected both paths into web/, came: {complaints:?}");
}

#[test]
fn super_is_resolved_from_the_module_that_says_it() {
    // From `rt::task`, two steps up is the root; from `rt::task::tests`, it is `rt`.
    expect_one(
        &judge(judge_imports, "rt/task.rs", "use super::super::aio::sleep;"),
        "upward: `crate::aio::sleep`",
    );
    let text = "fn f() { if a { b } } mod tests { use super::super::aio; fn g() {} } use super::super::web;";
    expect_one(&judge(judge_imports, "rt/task.rs", text), "upward: `crate::web`");
}

#[test]
fn a_room_without_a_floor_is_caught() {
    expect_one(&judge(judge_imports, "util/mod.rs", ""), "no floor");
    expect_one(&judge(judge_imports, "cli/mod.rs", "use crate::util::x;"), "from no room");
}

#[test]
fn the_program_is_judged_by_the_name_of_the_crate() {
    let complaints =
        judge(judge_imports, "main.rs", "use handloom::cli; fn main() { handloom::engine::run() }");
    expect_one(&complaints, "`crate::engine::run`");
}

#[test]
fn comments_strings_and_lifetimes_are_not_imports() {
    let text = r##"
        // use crate::aio; /* and
        /* nested /* crate::aio::x */ crate::aio::x */
        //! See [`crate::aio`].
        const A: &str = "crate::aio::x \" crate::aio::x";
        const B: &[u8] = br#"crate::aio::"x"#;
        fn f<'a>(c: char) -> bool { c == '"' || c == '\'' || c == '{' }
        pub(crate) use crate::os::check;
    "##;
    expect_none(&judge(judge_imports, "rt/task.rs", text), "reading past comments and strings");
    expect_one(&judge(judge_imports, "rt/task.rs", &format!("{text} use crate::aio;")), "upward");
}

#[test]
fn a_socket_in_a_protocol_is_caught() {
    expect_one(
        &judge(judge_reach, "calc/protocol/session.rs", "use std::net::IpAddr;"),
        "std::net",
    );
    expect_one(&judge(judge_reach, "http/head.rs", "use mio::Poll;"), "mio::");
}

#[test]
fn a_clock_in_the_timers_is_caught() {
    expect_one(&judge(judge_reach, "rt/timers.rs", "let t = Instant::now();"), "now()");
}

#[test]
fn a_second_global_is_caught() {
    expect_one(
        &judge(judge_reach, "aio/sleep.rs", "thread_local! { static A: u8 = 0; }"),
        "thread_local!",
    );
    expect_one(&judge(judge_reach, "os/signal.rs", "static mut A: u8 = 0;"), "staticmut");
}

#[test]
fn code_in_a_mod_file_is_caught() {
    let fair = "//! Docs.\n#![expect(unsafe_code, reason = \"[x]\")]\nmod a;\npub(crate) mod b;\npub use a::{A, B};\n";
    expect_none(&judge(judge_mod_file, "os/mod.rs", fair), "reading a fair mod file");
    expect_one(&judge(judge_mod_file, "os/mod.rs", &format!("{fair} fn f() {{}}")), "fn f");
    expect_one(
        &judge(judge_mod_file, "os/mod.rs", "mod tests { fn f() {} } mod a;"),
        "with a body",
    );
}

#[test]
fn a_stray_unsafe_is_caught() {
    let source = |path| Source::new(path, "fn f() { unsafe { g() } }");
    expect_none(
        &judge_unsafe(&[source("os/fork.rs"), source("rt/task.rs")]),
        "allowing os and one of rt",
    );
    expect_one(&judge_unsafe(&[source("aio/net.rs")]), "aio/net.rs");
    expect_one(&judge_unsafe(&[source("rt/task.rs"), source("rt/join.rs")]), "more than 1");
}

#[test]
fn an_overlong_loop_is_caught() {
    let code = |path, lines| Source::new(path, &"f();\n".repeat(lines));
    expect_one(
        &judge_budgets(&[code("rt/task.rs", LOOP_PATH_CODE_LINES + 1)]),
        "the code of the loop path",
    );
    let comments = Source::new("rt/timers.rs", &"// why\n".repeat(LOOP_PATH_LINES + 1));
    expect_one(&judge_budgets(&[comments]), &format!("the loop path: {}", LOOP_PATH_LINES + 1));
    expect_one(
        &judge_budgets(&[code("rt/join.rs", RT_LINES + 1)]),
        &format!("rt/: {}", RT_LINES + 1),
    );
}
