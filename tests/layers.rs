//! The structure of `src/` as data: layers, spine, budgets; and tests that hold the source against it.
//!
//! Each rule is a function from source files to complaints, and is tried on a bad example before it judges the crate.
//! A budget is lowered when something goes; it is never raised to fit what came.

#![expect(clippy::unwrap_used, reason = "a source file that cannot be read fails the test")]

#[path = "layers/source.rs"]
mod source;

use std::iter;

use source::{Source, arrows, circles, crate_files};

/// The layers, from the lowest up. A module imports only from lower layers and from itself.
const LAYERS: [&[&str]; 8] = [
    &["os"],
    &["http", "json", "jobs", "report"],
    &["rt", "generator", "first_loop", "threads", "processes"],
    &["aio"],
    &["web"],
    &["calc", "fetch", "factorial", "watch", "weather"],
    &["labs", "compare", "timeline"],
    &["cli"],
];

/// A step of the spine: its files in reading order, and how many lines they may have together.
type Step = (&'static str, &'static [&'static str], usize);

/// The spine: what a student reads, in order. A file imports spine files above it, files that are not in the spine
/// (works, to which it hands over), and `os`.
const SPINE: [Step; 9] = [
    ("1 bytes in, replies out", &["calc/number.rs", "calc/session.rs"], 700),
    ("2 one conversation", &["calc/conversation.rs"], 260),
    (
        "3 servers that block",
        &[
            "calc/blocking.rs",
            "calc/sequential.rs",
            "calc/threads.rs",
            "calc/pool.rs",
            "calc/prefork.rs",
        ],
        350,
    ),
    ("4 callbacks", &["calc/callback_loop.rs", "calc/callbacks.rs"], 320),
    (
        "5 generators",
        &["generator/coroutine.rs", "generator/event_loop.rs", "calc/generators.rs"],
        480,
    ),
    ("6 a loop in one file", &["first_loop.rs"], 350),
    (
        "7 the event loop",
        &[
            "rt/id.rs",
            "rt/slab.rs",
            "rt/timers.rs",
            "rt/reactor.rs",
            "rt/task.rs",
            "rt/join.rs",
            "rt/core.rs",
            "rt/context.rs",
            "rt/event_loop.rs",
        ],
        1_300,
    ),
    (
        "8 what a task awaits",
        &[
            "aio/source.rs",
            "aio/tcp_stream.rs",
            "aio/tcp_listener.rs",
            "aio/sleep.rs",
            "aio/timeout.rs",
            "aio/waiters.rs",
            "aio/event.rs",
            "aio/gather.rs",
            "aio/run_blocking.rs",
        ],
        1_350,
    ),
    ("9 the calculator on the loop", &["calc/asynchronous.rs"], 200),
];

/// How many lines the modules may have.
const BUDGETS: &[(&[&str], usize)] = &[
    (&["os"], 1_900),
    (&["http"], 2_700),
    (&["json", "report"], 950),
    (&["jobs"], 800),
    (&["generator"], 330),
    (&["first_loop"], 350),
    (&["rt"], 2_050),
    (&["rt/works"], 750),
    (&["threads"], 2_300),
    (&["processes"], 2_100),
    (&["processes/pool"], 1_700),
    (&["aio"], 3_300),
    (&["web"], 3_300),
    (&["calc"], 2_400),
    (&["factorial"], 1_800),
    (&["fetch"], 1_300),
    (&["watch"], 850),
    (&["weather"], 1_150),
    (&["labs"], 4_900),
    (&["compare"], 1_500),
    (&["timeline"], 1_200),
    (&["cli"], 2_900),
    (&["lib"], 100),
];

/// How many lines and files `src/` may have.
const ALL_LINES: usize = 38_000;
const ALL_FILES: usize = 290;

/// How many files of `rt/` may import each other in a circle: what a waker ties together. No other module has a
/// circle.
const RT_CIRCLE: usize = 4;

/// Where a thread-local may stand: the loop that runs on this thread, in each of the two loops.
const THREAD_LOCALS: [&str; 2] = ["rt/context.rs", "first_loop.rs"];

/// Modules that work on bytes and never see a socket.
const NO_SOCKET: [&str; 5] = ["http", "json", "calc/number", "calc/session", "calc/conversation"];

/// Files that may use `unsafe` besides those of `os/`: at most one, in `rt/`.
const RT_UNSAFE_FILES: usize = 1;

/// Budgets that are not reached yet: the beginning of the complaint, the lines that it has now, which may not grow, and
/// where they are. The list is to be empty.
const EXCUSED: &[(&str, usize, &str)] = &[];

/// The layer of a top-level module, counted from 0.
fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// No import goes up, none sideways, and every module has a layer.
fn judge_layers(files: &[Source]) -> Vec<String> {
    files.iter().flat_map(judge_layers_of).collect()
}

/// The same for one file.
fn judge_layers_of(source: &Source) -> Vec<String> {
    let own = source.top();
    if own.is_empty() {
        return Vec::new();
    }
    let Some(own_layer) = layer(&own) else {
        return vec![format!("{}: the module `{own}` has no layer", source.path)];
    };
    let mut complaints = Vec::new();
    for path in source.imports() {
        let module = path.first().map_or("", String::as_str);
        let fault = match layer(module) {
            _ if module == own => continue,
            Some(other) if other < own_layer => continue,
            Some(other) if other == own_layer => "sideways",
            Some(_) => "upward",
            None => "from no module of the table",
        };
        complaints.push(format!("{}: imports {fault}: `crate::{}`", source.path, path.join("::")));
    }
    complaints
}

/// Files of one module import each other without circles.
fn judge_circles(files: &[Source]) -> Vec<String> {
    circles(&arrows(files))
        .into_iter()
        .filter(|circle| {
            circle.len() > RT_CIRCLE || !circle.iter().all(|file| file.starts_with("rt/"))
        })
        .map(|circle| {
            let names: Vec<_> = circle.iter().map(String::as_str).collect();
            format!("circle of {}: {}", names.len(), names.join(" "))
        })
        .collect()
}

/// A file of the spine imports no file that comes later in the spine; every file of the spine exists.
fn judge_spine(files: &[Source]) -> Vec<String> {
    let order: Vec<&str> = SPINE.iter().flat_map(|(_, names, _)| *names).copied().collect();
    let arrows = arrows(files);
    // The files that a waker ties together import each other; `judge_circles` sees to their number.
    let tied = |one: &str, other: &str| {
        let circles = circles(&arrows);
        circles.iter().any(|circle| circle.contains(one) && circle.contains(other))
    };
    let mut complaints = Vec::new();
    for (at, name) in order.iter().enumerate() {
        let Some(imported) = arrows.get(*name) else {
            complaints.push(format!("spine: there is no {name}"));
            continue;
        };
        let later = order[at + 1..].iter().filter(|later| {
            imported.contains(**later) && !(name.starts_with("rt/") && tied(name, later))
        });
        complaints.extend(later.map(|later| format!("spine: {name} imports {later}")));
    }
    complaints
}

/// The budgets of steps, of modules, and of all.
fn judge_budgets(files: &[Source]) -> Vec<String> {
    let lines_in = |wanted: &dyn Fn(&Source) -> bool| -> usize {
        files.iter().filter(|file| wanted(file)).map(Source::lines).sum()
    };
    let mut sizes = Vec::new();
    for (step, names, budget) in SPINE {
        let lines = lines_in(&|file| names.contains(&file.path.as_str()));
        sizes.push((format!("step {step}"), lines, budget));
    }
    for (modules, budget) in BUDGETS {
        let lines = lines_in(&|file| modules.iter().any(|module| file.is_in(module)));
        sizes.push((modules.join(", "), lines, *budget));
    }
    sizes.push(("src".to_owned(), lines_in(&|_| true), ALL_LINES));
    let mut complaints: Vec<_> = sizes
        .into_iter()
        .filter(|(_, lines, budget)| lines > budget)
        .map(|(what, lines, budget)| format!("budget of {what}: {lines} lines, allowed {budget}"))
        .collect();
    if files.len() > ALL_FILES {
        let count = files.len();
        complaints.push(format!("budget of the files of src: {count}, allowed {ALL_FILES}"));
    }
    complaints
}

/// Protocols never see a socket, timers never read the clock, one thread-local in a loop, no `static mut`.
fn judge_reach(files: &[Source]) -> Vec<String> {
    files.iter().flat_map(judge_reach_of).collect()
}

/// The same for one file.
fn judge_reach_of(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut forbid = |words: &[&str], why: &str| {
        if source.holds(words) {
            complaints.push(format!("{}: `{}`, but {why}", source.path, words.concat()));
        }
    };
    if NO_SOCKET.iter().any(|module| source.is_in(module)) {
        let why = "this works on bytes and never sees a socket";
        for words in
            [&["std", "::", "net"][..], &["mio", "::"], &["std", "::", "os"], &["TcpStream"]]
        {
            forbid(words, why);
        }
    }
    if source.path == "rt/timers.rs" {
        forbid(&["now", "(", ")"], "timers never read the clock: `now` is an argument");
    }
    if !THREAD_LOCALS.contains(&source.path.as_str()) {
        forbid(&["thread_local", "!"], "the one thread-local is the loop that runs on this thread");
    }
    forbid(&["static", "mut"], "a global that every function may write has no rule at all");
    complaints
}

/// A `mod.rs` holds docs, `mod` lines and re-exports only.
fn judge_mod_files(files: &[Source]) -> Vec<String> {
    files.iter().filter(|file| file.is_mod_file()).flat_map(judge_mod_file).collect()
}

/// The same for one file.
fn judge_mod_file(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut tokens = source.tokens.iter().map(String::as_str).peekable();
    while let Some(token) = tokens.next() {
        match token {
            "pub" => {}
            "#" => skip_brackets(&mut tokens),
            "(" => drop(tokens.by_ref().find(|token| *token == ")")),
            "mod" | "use" => {
                let statement: Vec<_> = tokens.by_ref().take_while(|token| *token != ";").collect();
                if token == "mod" && statement.len() != 1 {
                    let name = statement[0];
                    complaints.push(format!("{}: a module with a body: `{name}`", source.path));
                }
            }
            _ => {
                let rest: Vec<_> = iter::once(token).chain(tokens.by_ref().take(3)).collect();
                let rest = rest.join(" ");
                complaints
                    .push(format!("{}: holds more than `mod` and `use`: `{rest}`", source.path));
                return complaints;
            }
        }
    }
    complaints
}

/// Skips an attribute's brackets, with what is nested in them.
fn skip_brackets<'a>(tokens: &mut impl Iterator<Item = &'a str>) {
    let mut depth = 0;
    for token in tokens {
        depth += i32::from(token == "[") - i32::from(token == "]");
        // An inner attribute has a `!` before its bracket.
        if depth == 0 && token != "!" {
            return;
        }
    }
}

/// `unsafe` stands only in `os/`, and in at most one file of `rt/`.
fn judge_unsafe(files: &[Source]) -> Vec<String> {
    let (in_rt, elsewhere): (Vec<_>, Vec<_>) = files
        .iter()
        .filter(|source| source.holds(&["unsafe"]) && !source.is_in("os"))
        .partition(|source| source.is_in("rt"));
    let mut complaints: Vec<_> =
        elsewhere.iter().map(|source| format!("{}: `unsafe` outside os/", source.path)).collect();
    if in_rt.len() > RT_UNSAFE_FILES {
        let names: Vec<_> = in_rt.iter().map(|source| source.path.as_str()).collect();
        complaints.push(format!("rt: `unsafe` in {} files: {}", names.len(), names.join(", ")));
    }
    complaints
}

/// A rule: files to complaints.
type Rule = fn(&[Source]) -> Vec<String>;

/// Whether a complaint about a budget is excused, and has not grown.
fn is_excused(complaint: &str) -> bool {
    EXCUSED.iter().any(|(part, lines, _)| {
        let size = complaint.rsplit_once(": ").and_then(|(_, size)| size.split(' ').next());
        let size = size.and_then(|size| size.trim_end_matches(',').parse::<usize>().ok());
        complaint.starts_with(part) && size.is_some_and(|size| size <= *lines)
    })
}

/// Fails with all complaints of a rule that are not excused.
fn expect_kept(rule: Rule) {
    let complaints: Vec<_> =
        rule(&crate_files()).into_iter().filter(|complaint| !is_excused(complaint)).collect();
    assert!(
        complaints.is_empty(),
        "expected no breach, came:
  {}",
        complaints.join(
            "
  "
        )
    );
}

#[test]
fn no_module_imports_upward_or_sideways() {
    expect_kept(judge_layers);
}

#[test]
fn files_of_a_module_import_each_other_without_circles() {
    expect_kept(judge_circles);
}

#[test]
fn the_spine_is_read_in_the_order_of_its_imports() {
    expect_kept(judge_spine);
}

#[test]
fn every_module_keeps_its_budget() {
    expect_kept(judge_budgets);
}

#[test]
fn protocols_see_no_socket_and_timers_no_clock() {
    expect_kept(judge_reach);
}

#[test]
fn mod_files_hold_docs_mods_and_re_exports_only() {
    expect_kept(judge_mod_files);
}

#[test]
fn unsafe_stays_in_os_and_one_file_of_rt() {
    expect_kept(judge_unsafe);
}

#[test]
fn every_excuse_is_still_needed() {
    let complaints = judge_budgets(&crate_files());
    let is_stale = |part: &&&str| !complaints.iter().any(|complaint| complaint.starts_with(**part));
    let stale: Vec<_> = EXCUSED.iter().map(|(part, ..)| part).filter(is_stale).collect();
    assert!(stale.is_empty(), "these excuses can go: {stale:?}");
}

// The rules judged, each by an example that breaks it.

/// The complaints of a rule about made-up files.
fn judge(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
    rule(&files.iter().map(|(path, text)| Source::new(path, text)).collect::<Vec<_>>())
}

/// Fails unless there is exactly one complaint, and it names `part`.
fn expect_one(complaints: &[String], part: &str) {
    assert!(
        complaints.len() == 1 && complaints[0].contains(part),
        "expected one complaint about `{part}`, came: {complaints:?}; the rule would miss a breach",
    );
}

/// Fails unless there is no complaint.
fn expect_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "expected no complaint, came: {complaints:?}");
}

#[test]
fn imports_upward_and_sideways_are_caught() {
    let one = |path, text| judge(judge_layers, &[(path, text)]);
    expect_one(&one("rt/task.rs", "use crate::aio::sleep;"), "upward: `crate::aio::sleep`");
    expect_one(&one("rt/mod.rs", "use crate::threads::Pool;"), "sideways");
    let text = "fn f() -> crate::calc::Op { crate::os::check(0) }";
    expect_one(&one("aio/net.rs", text), "upward: `crate::calc::Op`");
    let text = "use crate::{os::{self, poll as ask}, rt, web::{server::Site, Client as C}};";
    assert_eq!(one("aio/net.rs", text).len(), 2, "expected both paths into web/");
    expect_one(&one("util/mod.rs", ""), "no layer");
    expect_one(&one("cli/mod.rs", "use crate::util::x;"), "from no module");
    let text = "use handloom::cli; fn main() { handloom::engine::run() }";
    expect_one(&one("main.rs", text), "`crate::engine::run`");
}

#[test]
fn super_is_resolved_from_the_module_that_says_it() {
    let one = |text| judge(judge_layers, &[("rt/task.rs", text)]);
    expect_one(&one("use super::super::aio::sleep;"), "upward: `crate::aio::sleep`");
    let text = "fn f() { if a { b } } mod tests { use super::super::aio; fn g() {} } \
                use super::super::web;";
    expect_one(&one(text), "upward: `crate::web`");
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
    expect_none(&judge(judge_layers, &[("rt/task.rs", text)]));
}

#[test]
fn circles_are_caught_also_through_a_re_export() {
    let through = [
        ("calc/mod.rs", "mod a; mod b; mod c; pub use b::B;"),
        ("calc/a.rs", "use super::B;"),
        ("calc/b.rs", "use super::c::C;"),
        ("calc/c.rs", "use crate::calc::a::A;"),
    ];
    expect_one(&judge(judge_circles, &through), "circle of 3: calc/a.rs calc/b.rs calc/c.rs");
    expect_none(&judge(judge_circles, &through[..3]));
}

#[test]
fn rt_may_have_one_small_circle() {
    let names = ["a", "b", "c", "d", "e"];
    let circle_of = |count: usize| -> Vec<String> {
        let files: Vec<_> = (0..count)
            .map(|at| {
                let text = format!("use super::{}::X;", names[(at + 1) % count]);
                Source::new(&format!("rt/{}.rs", names[at]), &text)
            })
            .collect();
        judge_circles(&files)
    };
    expect_none(&circle_of(4));
    expect_one(&circle_of(5), "circle of 5");
}

#[test]
fn a_spine_file_that_imports_a_later_one_is_caught() {
    let missing = judge(judge_spine, &[]).len();
    let files = [
        ("calc/number.rs", "use super::session::Session; use crate::os::x;"),
        ("calc/session.rs", "use super::number::Number; use super::limits::Limits;"),
        ("calc/limits.rs", ""),
    ];
    let complaints = judge(judge_spine, &files);
    assert_eq!(complaints.len(), missing - 2 + 1, "{complaints:?}");
    assert!(complaints[0].contains("calc/number.rs imports calc/session.rs"), "{complaints:?}");
}

#[test]
fn an_overlong_module_is_caught() {
    let text = "fn f() {}\n".repeat(101);
    expect_one(&judge(judge_budgets, &[("lib.rs", &text)]), "budget of lib: 101 lines");
    let page = [("timeline/mod.rs", "mod a;\n"), ("timeline/page.js", &"f();\n".repeat(1_200))];
    expect_one(&judge(judge_budgets, &page), "budget of timeline: 1201 lines");
    let text = "// why\n".repeat(261);
    expect_one(&judge(judge_budgets, &[("calc/conversation.rs", &text)]), "step 2");
}

#[test]
fn a_socket_a_clock_and_a_second_global_are_caught() {
    let one = |path, text| judge(judge_reach, &[(path, text)]);
    expect_one(&one("calc/session.rs", "use std::net::IpAddr;"), "std::net");
    expect_one(&one("http/head.rs", "use mio::Poll;"), "mio::");
    expect_one(&one("rt/timers.rs", "fn f() { let t = Instant::now(); }"), "now()");
    expect_one(&one("aio/sleep.rs", "thread_local! { static A: u8 = 0; }"), "thread_local!");
    expect_one(&one("os/signal.rs", "static mut A: u8 = 0;"), "staticmut");
}

#[test]
fn code_in_a_mod_file_is_caught() {
    let fair = "//! Docs.\n#![expect(unsafe_code, reason = \"[x]\")]\nmod a;\npub(crate) mod b;\n\
                pub use a::{A, B};\n";
    let one = |text: &str| judge(judge_mod_files, &[("os/mod.rs", text)]);
    expect_none(&one(fair));
    expect_one(&one(&format!("{fair} fn f() {{}}")), "fn f");
    expect_one(&one("mod tests { fn f() {} } mod a;"), "with a body");
}

#[test]
fn a_stray_unsafe_is_caught() {
    let text = "fn f() { unsafe { g() } }";
    let files = |paths: &[&'static str]| -> Vec<(&'static str, &'static str)> {
        paths.iter().map(|path| (*path, text)).collect()
    };
    expect_none(&judge(judge_unsafe, &files(&["os/fork.rs", "rt/task.rs"])));
    expect_one(&judge(judge_unsafe, &files(&["aio/net.rs"])), "aio/net.rs");
    expect_one(&judge(judge_unsafe, &files(&["rt/task.rs", "rt/join.rs"])), "in 2 files");
}
