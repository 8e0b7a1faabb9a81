//! The program's commands: the stub passes nothing and is told so in plain words; nothing loses the student's file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use handloom_workbook::faults;
use handloom_workbook::stages::stage;

/// Runs the program, on a copy of the student's file in `home`.
fn run(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handloom-workbook"));
    command.args(arguments).env("HANDLOOM_WORKBOOK_HOME", home);
    command.output().unwrap()
}

/// What it printed.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A folder with a student's file in it.
fn home(name: &str, text: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/my_loop.rs"), text).unwrap();
    folder
}

/// The student's file.
fn my_loop(home: &Path) -> String {
    fs::read_to_string(home.join("src/my_loop.rs")).unwrap()
}

/// The texts of all copies that were put aside.
fn kept(home: &Path) -> Vec<String> {
    let entries = fs::read_dir(home.join("kept")).unwrap();
    entries.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn the_stub_passes_nothing_and_is_told_what_to_do() {
    let folder = home("stub", &stage(0));
    let status = run(&folder, &[]);
    let text = said(&status);
    assert!(status.status.success(), "the bare command: {text}");
    for part in [
        "step  1  is next",
        "EventLoop::new, EventLoop::block_on",
        "steps/01-block-on.md",
        "-- check",
    ] {
        assert!(text.contains(part), "expected {part:?}, came {text}");
    }
    let check = run(&folder, &["check"]);
    let text = said(&check);
    assert!(!check.status.success(), "check on the stub: expected a failure, came {text}");
    assert!(text.starts_with("step  1  is not written yet"), "came {text}");
    assert!(!text.contains("holds"), "the stub passes nothing, came {text}");
    let show = run(&folder, &["show", "1"]);
    assert!(
        said(&show).contains("does not hold yet"),
        "the reference comes after the step: {}",
        said(&show)
    );
}

#[test]
fn every_line_fits_into_80_columns() {
    let folder = home("columns", &stage(0));
    for arguments in [
        &[][..],
        &["check"],
        &["help"],
        &["break"],
        &["hint"],
        &["hint", "3"],
        &["try", "1"],
        &["race"],
    ] {
        let text = said(&run(&folder, arguments));
        let long: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(
            !text.is_empty() && long.is_empty(),
            "{arguments:?}: lines of more than 80 columns: {long:?}"
        );
    }
}

#[test]
fn a_fault_is_put_in_and_the_students_own_loop_comes_back() {
    let mine = format!("{}// My own line.\n", stage(10));
    let folder = home("fault", &mine);
    let output = run(&folder, &["break", "flag-cleared-after-the-poll"]);
    assert!(output.status.success(), "break: {}", said(&output));
    let fault = faults::all()
        .into_iter()
        .find(|fault| fault.name == "flag-cleared-after-the-poll")
        .unwrap();
    assert_eq!(Some(my_loop(&folder)), fault.apply(&mine), "the loop with the fault");
    assert!(kept(&folder).contains(&mine), "a copy of the student's loop is kept");
    let again = run(&folder, &["break", "newest-first"]);
    assert!(
        !again.status.success() && said(&again).contains("mend"),
        "a second fault: {}",
        said(&again)
    );
    // What the student made of the faulty loop is kept too.
    fs::write(folder.join("src/my_loop.rs"), "half mended").unwrap();
    let output = run(&folder, &["mend"]);
    assert!(output.status.success(), "mend: {}", said(&output));
    assert_eq!(my_loop(&folder), mine, "the student's own loop");
    assert!(kept(&folder).contains(&"half mended".to_owned()), "the mended loop is kept");
}

#[test]
fn a_loop_that_is_written_differently_gets_the_fault_in_a_copy_of_the_reference() {
    // After each step, and after the last one, which has no stage of its own.
    for held in ["0", "7", "10", "11"] {
        let folder = home("different", "my own way\n");
        fs::create_dir_all(folder.join("kept")).unwrap();
        fs::write(folder.join("kept/held.txt"), held).unwrap();
        let output = run(&folder, &["break", "newest-first"]);
        let text = said(&output);
        assert!(text.contains("the reference"), "break after step {held}: {text}");
        assert!(my_loop(&folder).contains(".rev()"), "the reference with the fault");
        run(&folder, &["mend"]);
        assert_eq!(my_loop(&folder), "my own way\n");
    }
}

#[test]
fn take_keeps_what_was_there() {
    let folder = home("take", "my own way\n");
    let output = run(&folder, &["take", "4"]);
    assert!(output.status.success(), "take: {}", said(&output));
    assert_eq!(my_loop(&folder), stage(4));
    assert!(kept(&folder).contains(&"my own way\n".to_owned()), "what was there is kept");
}

#[test]
fn a_wrong_command_says_what_there_is() {
    let folder = home("wrong", &stage(0));
    let output = run(&folder, &["chekc"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("-- check"), "{}", said(&output));
}
