//! The small pictures of the timeline are drawn from the big one, so that they cannot differ from it.

use std::process::Command;

use super::{expect_none, root};

/// Python draws them, where there is a Python.
#[test]
fn the_strips_of_the_chapters_are_those_of_the_timeline() {
    let script = Command::new("python3").arg(root("notes/pictures/strips.py")).output();
    let Ok(script) = script else { return };
    let faults = String::from_utf8_lossy(&script.stderr);
    assert!(script.status.success(), "expected strips.py to draw the pictures, came:\n{faults}");
    let printed = String::from_utf8_lossy(&script.stdout);
    let written: Vec<_> = printed
        .lines()
        .map(|file| format!("notes/pictures/{file} was drawn anew: commit it"))
        .collect();
    expect_none(&written, "pictures that are those of timeline.svg");
}
