//! The programs of the chapters, `notes/programs`: each runs on Handloom, on tokio and in Python, and asserts the same.

use std::process::{Command, Stdio};

#[expect(
    unreachable_pub,
    clippy::similar_names,
    clippy::needless_pass_by_value,
    clippy::large_futures,
    reason = "each program stands as a reader would write it in a file of its own"
)]
#[path = "../../notes/programs/mod.rs"]
mod all;

use super::{chapters, expect_none, root};
use all::PROGRAMS;

#[test]
fn every_program_runs_on_handloom_and_on_tokio() {
    let mut complaints = Vec::new();
    for (name, on_handloom, on_tokio) in PROGRAMS {
        for (runtime, run) in [("handloom", on_handloom), ("tokio", on_tokio)] {
            if let Err(error) = run() {
                complaints.push(format!("{name} on {runtime}: {error}"));
            }
        }
    }
    expect_none(&complaints, "programs that hold what they assert");
}

/// Without a Python nothing is checked.
#[test]
fn every_program_runs_in_python() {
    let mut complaints = Vec::new();
    let names = PROGRAMS.iter().map(|(name, ..)| *name);
    let start = |name| {
        let path = root(&format!("notes/programs/{name}/python.py"));
        let mut command = Command::new("python3");
        command.arg(path).stdout(Stdio::null()).stderr(Stdio::piped());
        Some((name, command.spawn().ok()?))
    };
    let running: Vec<_> = names.chain(["inside"]).filter_map(start).collect();
    for (name, python) in running {
        let end = python.wait_with_output().unwrap();
        if !end.status.success() {
            complaints.push(format!("{name}: {}", String::from_utf8_lossy(&end.stderr)));
        }
    }
    expect_none(&complaints, "programs that hold what they assert");
}

#[test]
fn every_program_belongs_to_a_chapter_that_links_its_files_and_names_the_command_for_the_difference()
 {
    let chapters = chapters();
    let mut complaints = Vec::new();
    for (name, ..) in PROGRAMS {
        let folder = format!("programs/{name}");
        let wanted = [
            format!("({folder}/python.py)"),
            format!("({folder}/handloom.rs)"),
            format!("({folder}/tokio.rs)"),
            format!("diff -U0 notes/{folder}/handloom.rs notes/{folder}/tokio.rs"),
        ];
        if !chapters.values().any(|page| wanted.iter().all(|words| page.contains(words))) {
            complaints.push(format!("no chapter has all of {wanted:?}"));
        }
    }
    expect_none(&complaints, "a chapter for each program of notes/programs");
}
