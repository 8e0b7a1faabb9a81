//! The programs that no test of handloom starts, as a user starts them.
//!
//! `cargo test --package handloom-tokio`; `tests/differential` of handloom compares the others with ours.

use std::process::{Command, Output};

use handloom::factorial::digits::checksum_of_factorial;
use handloom_tokio::labs::LABS;

/// Runs a program to its end, without a limit of its own.
fn run(program: &str, words: &[&str]) -> Output {
    Command::new(program).args(words).output().expect("the program starts")
}

#[test]
fn the_factorials_of_all_pools_are_right() {
    let output = run(env!("CARGO_BIN_EXE_factorial"), &["0", "19", "1000"]);
    let text = String::from_utf8_lossy(&output.stdout);
    // It compares every result of every pool with the checksum, and fails otherwise.
    assert!(output.status.success(), "expected exit 0, came {output:?}");
    for n in [0, 19, 1_000] {
        let sum = format!("{:016x}", checksum_of_factorial(n));
        assert!(text.contains(&sum), "{n}!: expected {sum} in {text}");
    }
}

#[test]
fn the_labs_are_listed_and_run_by_name() {
    let list = run(env!("CARGO_BIN_EXE_lab"), &[]);
    let names: Vec<_> = LABS.iter().map(|(name, _)| *name).collect();
    assert_eq!(String::from_utf8_lossy(&list.stdout).lines().collect::<Vec<_>>(), names);
    let lab = run(env!("CARGO_BIN_EXE_lab"), &["lost-wake"]);
    let text = String::from_utf8_lossy(&lab.stdout);
    assert!(lab.status.success() && text.contains("What to notice:\n- "), "came {lab:?}");
    assert!(!run(env!("CARGO_BIN_EXE_lab"), &["nonsense"]).status.success());
}
