//! Every fault is caught by name: of the claims up to its step, exactly those that its file lists fail, and the first
//! one's message names the promise.
//!
//! `FAULTS=write cargo test -p handloom-workbook --test faults` writes into the files what came, and the table anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use handloom_conformance::judge::LIMIT;
use handloom_conformance::promises::{PROMISES, is_label};
use handloom_workbook::faults::{self, Fault};
use handloom_workbook::runner::{Judge, Outcome};
use handloom_workbook::stages;
use handloom_workbook::steps::{BEYOND, claims_of};

/// How many faults there must be.
const LEAST: usize = 30;

/// How many faults of Handloom's own loop must find their place.
const LEAST_IN_RT: usize = 12;

/// Tells whether two lists have the same claims.
fn is_same(some: &[String], others: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    sorted(some) == sorted(others)
}

/// A path in this package.
fn home(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The faults that a student's loop can have.
///
/// `FAULT=name` chooses one.
fn of_the_loop() -> Vec<Fault> {
    let only = std::env::var("FAULT").ok();
    let is_wanted = |fault: &Fault| only.as_ref().is_none_or(|name| *name == fault.name);
    faults::all().into_iter().filter(is_wanted).collect()
}

/// The faults that are put into a copy of Handloom's own loop; `FAULT=rt/name` chooses one.
///
/// The loop's authors do not write for the workbook, so a line of theirs may change. Then the fault has no place until its
/// text is brought up to date, and is told of here; there must be places for most.
fn of_rt() -> Vec<Fault> {
    let only = std::env::var("FAULT").ok();
    let (here, gone): (Vec<_>, Vec<_>) = faults::in_rt().into_iter().partition(|fault| {
        let text = fs::read_to_string(home("../..").join(&fault.file)).unwrap_or_default();
        text.matches(&fault.right).count() == 1
    });
    let gone: Vec<_> = gone.iter().map(|fault| format!("rt/{}", fault.name)).collect();
    assert!(here.len() >= LEAST_IN_RT, "faults whose place is gone: {}", gone.join(", "));
    if !gone.is_empty() {
        eprintln!("faults whose place is gone: {}", gone.join(", "));
    }
    let is_wanted =
        |fault: &Fault| only.as_ref().is_none_or(|name| *name == format!("rt/{}", fault.name));
    here.into_iter().filter(is_wanted).collect()
}

/// Tells whether a fault is one of Handloom's own loop.
fn is_in_rt(fault: &Fault) -> bool {
    fault.file != faults::FIRST_LOOP
}

/// The file of a fault.
fn file_of(fault: &Fault) -> PathBuf {
    let folder = home(if is_in_rt(fault) { "faults/rt" } else { "faults" });
    folder.join(format!("{}.txt", fault.name))
}

/// Tells whether the test is to write what comes.
fn writes() -> bool {
    std::env::var("FAULTS").is_ok_and(|word| word == "write")
}

/// The faulty loop as a judge of claims.
fn judge(fault: &Fault, limit: Duration, workers: usize) -> Judge {
    // Only this process's children see the variables. A backtrace of each panic costs more than the claim.
    let arguments = vec![
        "-u".to_owned(),
        "RUST_BACKTRACE".to_owned(),
        format!("HANDLOOM_WORKBOOK_FAULT={}", fault.name),
        if is_in_rt(fault) {
            env!("CARGO_BIN_EXE_faulty_rt").to_owned()
        } else {
            env!("CARGO_BIN_EXE_faulty").to_owned()
        },
    ];
    Judge { program: "env".into(), arguments, limit, workers }
}

/// Judges the claims up to the fault's step, and returns those that fail, with what the judge says.
///
/// The claims that must fail mostly hang, and one that hangs needs no processor: so many of them at a time. Of the others,
/// each must hold. The code of a fault decides each claim, so there is no second try; except for a claim that should hold
/// and did not end in three seconds. On a busy machine it may only be slow, and so it is judged once more, alone and with
/// the suite's own limit.
fn failing(fault: &Fault) -> Vec<(String, String)> {
    let mut names: Vec<_> = (1..=fault.step).flat_map(claims_of).collect();
    if is_in_rt(fault) {
        names.extend(BEYOND.iter().chain([&faults::OF_A_LINE]));
    }
    let is_known = |name: &&&str| fault.caught_by.iter().any(|known| known == **name);
    let (known, others): (Vec<&str>, Vec<&str>) = names.iter().partition(is_known);
    let mut outcomes = judge(fault, Duration::from_secs(2), 16).all(&known);
    // Handloom's own loop is judged on all claims, of which most sleep.
    let workers = if is_in_rt(fault) { 12 } else { 4 };
    outcomes.extend(judge(fault, Duration::from_secs(3), workers).all(&others));
    let mut broken = Vec::new();
    for (name, mut outcome) in known.iter().chain(&others).zip(outcomes) {
        let is_slow = matches!(&outcome, Outcome::Broken(text) if text.contains(", it hangs."));
        if is_slow && others.contains(name) {
            outcome = judge(fault, LIMIT, 1).one(name);
        }
        if let Outcome::Broken(text) = outcome {
            broken.push(((*name).to_owned(), text));
        }
    }
    broken.sort_by_key(|(broken, _)| names.iter().position(|name| name == broken));
    broken
}

/// The first label in a text: one that it says is broken, or else a promise of the suite.
fn label_in(text: &str) -> Option<&str> {
    if let Some((label, _)) = text.split_once(" is broken: ")
        && is_label(label)
    {
        return Some(label);
    }
    let place = |label: &str| text.find(label);
    let found = PROMISES.iter().filter_map(|(label, _)| Some((place(label)?, *label)));
    found.min().map(|(_, label)| label)
}

#[test]
fn every_fault_can_be_put_into_the_reference() {
    let reference = stages::stage(stages::LAST);
    let all = faults::all();
    assert!(all.len() >= LEAST, "expected {LEAST} faults at least, came {}", all.len());
    for fault in all {
        let broken = fault.apply(&reference);
        assert!(
            broken.is_some_and(|text| text != reference),
            "{}: its place is not in the reference",
            fault.name
        );
        assert!(fault.wrong.lines().count() <= 20, "{}: a fault is small", fault.name);
    }
}

#[test]
fn every_fault_is_caught_by_exactly_its_claims_and_by_name() {
    let mut complaints = Vec::new();
    for fault in of_the_loop().into_iter().chain(of_rt()) {
        let names_of = |found: &[(String, String)]| -> Vec<String> {
            found.iter().map(|(name, _)| name.clone()).collect()
        };
        let found = failing(&fault);
        let names = names_of(&found);
        let promise = found.first().and_then(|(_, text)| label_in(text)).unwrap_or("none");
        if writes() {
            let path = file_of(&fault);
            let text = fs::read_to_string(&path).unwrap();
            let (head, _) = text.split_once("== caught by\n").unwrap();
            let head = head.replacen(
                &format!("promise: {}", fault.promise),
                &format!("promise: {promise}"),
                1,
            );
            fs::write(&path, format!("{head}== caught by\n{}\n", names.join("\n"))).unwrap();
            if names.is_empty() {
                complaints.push(format!("{}: not caught", fault.name));
            }
            continue;
        }
        if !is_same(&names, &fault.caught_by) {
            let text: Vec<_> =
                found.iter().filter(|(name, _)| !fault.caught_by.contains(name)).collect();
            complaints.push(format!(
                "{}: expected {:?}, came {names:?}; {text:?}",
                fault.name, fault.caught_by
            ));
        }
        if promise != fault.promise {
            complaints.push(format!(
                "{}: expected a message about {}, came {found:?}",
                fault.name, fault.promise
            ));
        }
        if names.is_empty() {
            complaints.push(format!("{}: no claim catches it", fault.name));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_table_of_faults_is_up_to_date() {
    let mut table = String::from(HEAD);
    for fault in faults::all() {
        let claims: Vec<_> =
            fault.caught_by.iter().take(3).map(|name| format!("`{name}`")).collect();
        let more = fault.caught_by.len().saturating_sub(3);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let Fault { name, step, story, promise, .. } = &fault;
        writeln!(
            table,
            "| {step} | [{name}]({name}.txt) | {story} | {promise} | {}{more} |",
            claims.join(", ")
        )
        .unwrap();
    }
    table.push_str(HEAD_OF_RT);
    for Fault { name, file, story, promise, caught_by, .. } in faults::in_rt() {
        let claims: Vec<_> = caught_by.iter().take(3).map(|name| format!("`{name}`")).collect();
        let more = caught_by.len().saturating_sub(3);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        writeln!(
            table,
            "| `{file}` | [{name}](rt/{name}.txt) | {story} | {promise} | {}{more} |",
            claims.join(", ")
        )
        .unwrap();
    }
    let path = home("faults/README.md");
    if writes() {
        fs::write(&path, &table).unwrap();
    }
    let is_same = fs::read_to_string(&path).is_ok_and(|text| text == table);
    assert!(is_same, "{} is not up to date: FAULTS=write", path.display());
}

/// The page above the table.
const HEAD: &str = "\
# Faults by name

Mistakes that students and first implementations make, each as a small change of the reference. `cargo run -p
handloom-workbook -- break NAME` puts one into a loop; `-- check` finds it. A test puts in each of them and demands that
of the claims up to the fault's step exactly the listed ones fail, and that the first message names the promise.

This page is written by `tests/faults.rs`; the whole list of claims is in the fault's file.

| step | fault | what happens | promise | caught by |
| --- | --- | --- | --- | --- |
";

/// The page between the tables.
const HEAD_OF_RT: &str = "
## In Handloom's own loop

The same kinds of mistakes in `src/rt/` and `src/aio/`. `build.rs` puts a switch at each place of a copy of the loop, so
that all of them are compiled once; the test judges every claim of the suite on each, and one of tasks that wait in line.

| file | fault | what happens | promise | caught by |
| --- | --- | --- | --- | --- |
";
