//! The small pictures, and the table of chapter 18, are made from the big pictures, so that they cannot differ.

use std::process::Command;

use super::{expect_none, root};

/// Python draws them, where there is a Python.
#[test]
fn the_small_pictures_are_those_of_the_big_ones() {
    let script = Command::new("python3").arg(root("notes/pictures/small.py")).output();
    let Ok(script) = script else { return };
    let faults = String::from_utf8_lossy(&script.stderr);
    assert!(script.status.success(), "expected small.py to draw the pictures, came:\n{faults}");
    let printed = String::from_utf8_lossy(&script.stdout);
    let written: Vec<_> = printed
        .lines()
        .map(|file| format!("{file} was made anew from the pictures: commit it"))
        .collect();
    expect_none(&written, "pictures that are those of timeline.svg and factorial.svg");
}
