//! Stub, stages and `src/first_loop.rs` are one text, and each stage meets the claims of its step and no others.
//!
//! `STAGES=write cargo test -p handloom-workbook --test stages` writes them anew from `stages/all.rs.txt`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use handloom_workbook::runner::{Judge, Outcome};
use handloom_workbook::stages::{self, difference, stage};
use handloom_workbook::steps::{BEYOND, CLAIMS, STEPS, step_of};

/// A path in this package.
fn home(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The files that are written from the one text, with their stages.
fn files() -> Vec<(PathBuf, u8)> {
    let numbered = |step: u8| (home(&format!("stages/step_{step:02}.rs")), step);
    let mut files: Vec<_> = (0..=stages::LAST).map(numbered).collect();
    files.push((home("src/my_loop.rs"), 0));
    files.push((home("../../src/first_loop.rs"), stages::FIRST_LOOP));
    files
}

#[test]
fn stub_stages_and_first_loop_are_one_text() {
    let writes = std::env::var("STAGES").is_ok_and(|word| word == "write");
    for (path, number) in files() {
        let expected = stage(number);
        if writes {
            fs::write(&path, &expected).unwrap();
        }
        let is_same = fs::read_to_string(&path).unwrap() == expected;
        let path = path.display();
        assert!(
            is_same,
            "{path} differs from stage {number} of stages/all.rs.txt. If you are a student: that is as it should be. \
             If the reference changed: STAGES=write"
        );
    }
}

/// Counts the lines with a sign that a step's difference has; empty lines do not count.
fn changed(step: u8, wanted: char) -> usize {
    let changes = difference(&stage(step - 1), &stage(step), 0);
    changes.iter().filter(|(sign, line)| *sign == wanted && !line.trim().is_empty()).count()
}

/// Counts the functions and types in a stage of which a step writes or changes a line.
fn touched(step: u8) -> usize {
    let (mut touched, mut is_counted) = (0, true);
    for (sign, line) in difference(&stage(step - 1), &stage(step), 10_000) {
        let line = line.trim_start();
        if sign == '-' || line.starts_with("//") {
            continue;
        }
        let item = line.trim_start_matches("pub ").trim_start_matches("async ");
        if ["fn ", "struct ", "enum ", "type "].iter().any(|word| item.starts_with(word)) {
            is_counted = false;
        } else if item.starts_with("impl") {
            is_counted = true;
        }
        if sign == '+' && !is_counted {
            (touched, is_counted) = (touched + 1, true);
        }
    }
    touched
}

#[test]
fn each_step_is_less_than_100_new_lines_and_its_page_says_how_many() {
    for step in 1..=stages::LAST {
        let new = changed(step, '+');
        assert!((1..100).contains(&new), "step {step}: expected 1 to 99 new lines, came {new}");
        let page = home("steps").join(STEPS[usize::from(step)].page);
        let expected = format!("reference: {new} new lines");
        let text = fs::read_to_string(&page).unwrap().replace('\n', " ");
        assert!(text.contains(&expected), "{}: expected {expected:?}", page.display());
    }
}

#[test]
fn the_first_page_says_how_much_there_is_to_write() {
    let sum = |of: fn(u8) -> usize| (1..=stages::LAST).map(of).sum::<usize>();
    let (new, old) = (sum(|step| changed(step, '+')), sum(|step| changed(step, '-')));
    let stub = stage(0);
    let bodies = stub.lines().filter(|line| line.trim().starts_with("not_yet(")).count();
    let text = fs::read_to_string(home("README.md")).unwrap().replace('\n', " ");
    let expected = [
        format!("{bodies} functions"),
        format!("{new} new lines"),
        format!("in the place of {old} lines"),
        format!("{} times", sum(touched)),
    ];
    for part in expected {
        assert!(text.contains(&part), "README.md: expected {part:?}");
    }
}

#[test]
fn every_function_of_the_stub_is_in_the_reference() {
    let names = |text: &str| -> BTreeSet<String> {
        let after = text.split("fn ").skip(1);
        after
            .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
            .collect()
    };
    let (stub, reference) = (names(&stage(0)), names(&stage(stages::LAST)));
    assert_eq!(stub, reference, "the functions of the stub, and those of the reference");
    let unwritten = stage(0).matches("not_yet(").count();
    assert!(unwritten >= 20, "expected 20 bodies `not_yet(…)` at least, came {unwritten}");
    assert!(!stage(stages::LAST).contains("not_yet"), "the last stage has everything written");
}

#[test]
fn the_calculator_is_that_of_first_loop() {
    let ours = fs::read_to_string(home("src/calculator.rs")).unwrap();
    let theirs = fs::read_to_string(home("../first_loop.rs")).unwrap();
    for part in
        ["/// A client that sends", "/// Answers one client", "    EventLoop::new()?.block_on"]
    {
        let body = |text: &str| {
            let (_, rest) = text.split_once(part).unwrap_or_else(|| panic!("expected {part}"));
            rest.split("\n}\n").next().unwrap_or_default().to_owned()
        };
        assert_eq!(body(&ours), body(&theirs), "{part}: the calculator and notes/first_loop.rs");
    }
}

/// The names of all claims of the suite.
fn names() -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_stages")).arg("names").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').nth(1)).map(str::to_owned).collect()
}

#[test]
fn every_claim_has_a_step_or_is_beyond_this_loop() {
    let mut listed: Vec<_> = CLAIMS
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
        .chain(BEYOND.iter().copied())
        .collect();
    listed.sort_unstable();
    let mut known = names();
    known.sort_unstable();
    assert_eq!(listed, known, "the claims in steps.rs, and those of the suite");
}

#[test]
fn every_step_has_a_page_and_hints() {
    for step in STEPS {
        let page = home("steps").join(step.page);
        let text =
            fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(
            text.starts_with(&format!("# Step {}:", step.number)),
            "{}: begins with its number",
            page.display()
        );
        assert!(step.hints.iter().all(|hint| hint.len() > 20), "step {}: three hints", step.number);
    }
}

#[test]
fn what_a_page_quotes_of_a_stage_stands_in_it() {
    let mut quotes = 0;
    for step in STEPS {
        let text = fs::read_to_string(home("steps").join(step.page)).unwrap();
        for part in text.split("<!-- stage ").skip(1) {
            let (number, rest) = part
                .split_once(" -->\n```rust\n")
                .expect("a block of Rust after `<!-- stage N -->`");
            let (block, _) = rest.split_once("```").expect("the end of the block");
            let whole = stage(number.parse().unwrap());
            assert!(whole.contains(block), "{}: stage {number} has no\n{block}", step.page);
            quotes += 1;
        }
    }
    assert!(quotes >= 10, "expected ten quotes at least, came {quotes}");
}

/// Judges all claims on a stage, and complains where a claim of a step up to it fails, or one of a later step holds.
///
/// Several claims at a time with a short limit, because later claims may hang. One that hangs unexpectedly is judged once
/// more, alone and with a long limit: on a busy machine it may only have been slow.
fn expect_exactly(number: u8) {
    let judge = |seconds: u64, workers: usize| Judge {
        program: env!("CARGO_BIN_EXE_stages").into(),
        arguments: vec![number.to_string()],
        limit: Duration::from_secs(seconds),
        workers,
    };
    let names = names();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut complaints = Vec::new();
    for (name, mut outcome) in names.iter().zip(judge(2, 6).all(&names)) {
        let expected = step_of(name).is_some_and(|step| step <= number);
        let is_slow = matches!(&outcome, Outcome::Broken(text) if text.contains(", it hangs."));
        if expected && is_slow {
            outcome = judge(8, 1).one(name);
        }
        let holds = outcome == Outcome::Holds;
        if expected != holds {
            complaints.push(format!("{name}, of step {:?}: {outcome:?}", step_of(name)));
        }
    }
    assert!(complaints.is_empty(), "stage {number}:\n{}", complaints.join("\n"));
}

#[test]
fn each_stage_meets_exactly_the_claims_of_its_steps() {
    // One after another: each takes all processors.
    for number in 1..=stages::LAST {
        expect_exactly(number);
    }
}
