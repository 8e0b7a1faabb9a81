//! The README: each command in it is run, and each link leads somewhere.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use super::links::targets;
use super::{expect_none, root, rust_under, spans};

/// How a command of the README is run by the tests.
enum Run {
    /// By this test, to its end; the words that it then prints.
    Here(&'static [&'static str], &'static str),
    /// By this test, until it listens.
    Server(&'static [&'static str]),
    /// As an example, until it listens. `cargo test` builds it; where only this test was built, it is left out.
    Example(&'static str),
    /// As an example, to its end; words that it then prints. Left out likewise.
    Report(&'static str, &'static str),
    /// By another test, which this text in the sources of the tests proves.
    Elsewhere(&'static str),
    /// By cargo: the file or the tests that it names are there.
    Cargo(&'static str),
}

/// Every command of the README. `handloom` without more is a way to write the others.
const COMMANDS: &[(&str, Run)] = &[
    ("cargo run --release -- tour", Run::Elsewhere("command.args([\"tour\",")),
    ("cargo test", Run::Cargo("step tests cargo test\n")),
    (".ci/run", Run::Cargo("cargo clippy")),
    ("handloom --help", Run::Here(&["--help"], "Subcommands:")),
    ("handloom lab", Run::Here(&["lab"], "lost-wake")),
    ("handloom lab gather", Run::Here(&["lab", "gather"], "gathered")),
    ("handloom lab tasks", Run::Here(&["lab", "tasks"], "Together")),
    ("handloom serve --model threads", Run::Server(&["serve", "--model", "threads"])),
    ("handloom serve --model pool", Run::Server(&["serve", "--model", "pool"])),
    ("handloom serve --model callbacks", Run::Server(&["serve", "--model", "callbacks"])),
    ("handloom serve --model generators", Run::Server(&["serve", "--model", "generators"])),
    ("handloom serve --model async", Run::Server(&["serve", "--model", "async"])),
    ("handloom gateway", Run::Server(&["gateway"])),
    ("handloom client 127.0.0.1:8888", Run::Elsewhere("\"client\"")),
    ("handloom fetch", Run::Here(&["fetch"], "sequential")),
    ("handloom factorial", Run::Elsewhere("\"factorial\"")),
    ("handloom watch FILE", Run::Elsewhere("\"watch\"")),
    ("handloom weather", Run::Here(&["weather"], "Moscow")),
    ("handloom compare", Run::Elsewhere("\"compare\"")),
    (
        "handloom weather --trace trace.json",
        Run::Here(&["weather", "--trace", "trace.json"], "Moscow"),
    ),
    ("kill -USR1 PID", Run::Elsewhere("server.signal(\"USR1\")")),
    ("cargo run --release --example costs", Run::Report("costs", "hand-over of a GIL")),
    ("handloom timeline", Run::Elsewhere("\"timeline\"")),
    ("cargo test --doc calc::", Run::Cargo("step tests cargo test\n")),
    ("cargo test --test calc conversation::", Run::Elsewhere("mod conversation;")),
    ("cargo run --example first_loop", Run::Example("first_loop")),
    ("cargo test --test conformance on_handloom", Run::Elsewhere("mod on_handloom;")),
    ("cargo test --test conformance l1_", Run::Elsewhere("mod l1_poll;")),
    ("cargo test --test layers --test notes", Run::Cargo("step layers cargo test")),
];

/// The README.
fn readme() -> String {
    fs::read_to_string(root("README.md")).unwrap()
}

/// Every command: lines of a block of shell, and what stands between backticks and begins like one.
fn commands() -> Vec<String> {
    let (page, mut found, mut is_shell) = (readme(), Vec::new(), false);
    for line in page.lines() {
        if line.starts_with("```") {
            is_shell = line == "```sh";
        } else if is_shell {
            found.push(line.split("  #").next().unwrap_or_default().trim_end().to_owned());
        }
    }
    let begins = ["handloom ", "cargo ", "python3 ", ".ci/"];
    let is_command = |span: &String| begins.iter().any(|begin| span.starts_with(begin));
    found.extend(spans(&page).into_iter().filter(is_command).filter(|span| !span.contains('…')));
    found
}

/// A folder for a command's files.
fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("readme");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Where cargo puts an example.
fn example(name: &str) -> PathBuf {
    let programs = std::env::current_exe().unwrap();
    programs.ancestors().nth(2).unwrap().join("examples").join(name)
}

/// Starts a server on a free port, waits until it listens, and ends it.
fn serve(mut command: Command) -> Result<(), String> {
    command.current_dir(folder()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = command.spawn().map_err(|error| error.to_string())?;
    let mut line = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    if line.starts_with("listening on ") && line.contains("127.0.0.1:") {
        Ok(())
    } else {
        Err(format!("came {line:?}"))
    }
}

/// Runs a command to its end and looks for words in what it prints.
fn run(mut command: Command, words: &str) -> Result<(), String> {
    let mut program = command
        .current_dir(folder())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut printed = String::new();
    program.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    let end = program.wait().unwrap();
    let is_good = end.success() && printed.contains(words);
    if is_good { Ok(()) } else { Err(format!("{end}, expected {words:?} in {printed}")) }
}

#[test]
fn every_command_of_the_readme_is_run_by_a_test() {
    let known: BTreeMap<_, _> = COMMANDS.iter().map(|(command, run)| (*command, run)).collect();
    let named = commands();
    let tests = rust_under(&["tests"]);
    let ci = fs::read_to_string(root(".ci/run")).unwrap();
    let mut complaints = Vec::new();
    for command in &named {
        if !known.contains_key(command.as_str()) {
            complaints.push(format!("no test runs {command:?}"));
        }
    }
    let outcome = |how: &Run| match how {
        Run::Here(arguments, words) => {
            let mut program = Command::new(env!("CARGO_BIN_EXE_handloom"));
            program.args(*arguments);
            run(program, words)
        }
        Run::Server(arguments) => {
            let mut server = Command::new(env!("CARGO_BIN_EXE_handloom"));
            server.args(*arguments).args(["--addr", "127.0.0.1:0"]);
            serve(server)
        }
        Run::Example(name) => {
            let mut server = Command::new(example(name));
            server.arg("127.0.0.1:0");
            if example(name).exists() { serve(server) } else { Ok(()) }
        }
        Run::Report(name, words) => {
            let program = example(name);
            if program.exists() { run(Command::new(program), words) } else { Ok(()) }
        }
        Run::Elsewhere(words) if tests.contains(words) => Ok(()),
        Run::Cargo(words) if ci.contains(words) => Ok(()),
        Run::Elsewhere(words) | Run::Cargo(words) => Err(format!("no test has {words:?}")),
    };
    // All at the same time: most of them sleep most of the time.
    thread::scope(|scope| {
        let mut running = Vec::new();
        for (command, how) in COMMANDS {
            if !named.iter().any(|name| name == command) {
                complaints.push(format!("the README does not name {command:?}"));
            }
            running.push((command, scope.spawn(|| outcome(how))));
        }
        for (command, thread) in running {
            if let Err(error) = thread.join().unwrap() {
                complaints.push(format!("{command}: {error}"));
            }
        }
    });
    expect_none(&complaints, "commands that do what the README says");
}

#[test]
fn every_link_of_the_readme_leads_to_a_file() {
    let targets = targets(&readme());
    let is_missing = |target: &&String| !target.starts_with("https://") && !root(target).exists();
    let missing: Vec<_> = targets.iter().filter(is_missing).cloned().collect();
    expect_none(&missing, "files behind the README's links");
}
