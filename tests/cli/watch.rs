//! `handloom watch`: what a user sees of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;

use crate::folder::Folder;
use crate::program::{Ended, Program, command, start};

/// Starts a watch of a file.
fn watch(mode: &str, path: &Path, options: &[&str]) -> Program {
    let mut args = vec!["watch", "--mode", mode, path.to_str().expect("text")];
    args.extend(options);
    start(command(&args))
}

/// The next line, without the time before it.
fn said(program: &mut Program) -> String {
    without_time(&program.line())
}

/// A line without the time before it, which has the form of the logs of `fetch`.
fn without_time(line: &str) -> String {
    let (time, text) = line.split_once(' ').expect("a time and a text");
    assert!(time.len() == 27 && time.ends_with('Z'), "expected a time before the text: {line}");
    text.to_owned()
}

/// Runs a command line that ends by itself.
fn run(args: &[&str]) -> Ended {
    start(command(args)).end()
}

#[test]
fn it_says_what_it_does_and_ends_when_the_file_is_gone() {
    for mode in ["threads", "async"] {
        let folder = Folder::new();
        let path = folder.file("notes.txt");
        let name = path.display();
        let mut program = watch(mode, &path, &["--interval", "0.01"]);
        assert_eq!(
            said(&mut program),
            format!("looks for {name} with \"Wow!\" in it, every 0.01 s")
        );
        assert_eq!(said(&mut program), format!("{name} is not there; looks again in 0.01 s"));
        // Whole from the first moment, so that no look sees an empty file.
        fs::rename(folder.with("draft", "and then: Wow!"), &path).unwrap();
        let mut line = said(&mut program);
        while line.contains("is not there") {
            line = said(&mut program);
        }
        assert_eq!(line, format!("{name} has \"Wow!\" at byte 10"));
        let ended = program.end();
        let out = format!(
            "closed {name}; sets the event\nthe event has come; deletes {name}\ndeleted {name}\n"
        );
        let came: String = ended.out.lines().map(|line| without_time(line) + "\n").collect();
        assert_eq!((ended.code, came, ended.err), (Some(0), out, String::new()), "{mode}");
        assert!(folder.names().is_empty(), "{mode}: left {:?}", folder.names());
    }
}

#[test]
fn the_defaults_are_the_tasks() {
    let folder = Folder::new();
    let mut program = start(command(&["watch", folder.file("f").to_str().unwrap()]));
    assert!(said(&mut program).ends_with("with \"Wow!\" in it, every 5 s"));
}

#[test]
fn another_needle_is_looked_for() {
    let folder = Folder::new();
    let path = folder.with("f", "Wow! done");
    let ended = watch("async", &path, &["--needle=done"]).end();
    assert!(ended.out.contains("has \"done\" at byte 5"), "{ended:?}");
}

#[test]
fn ctrl_c_and_terminate_end_the_sleep_at_once_with_130() {
    for mode in ["threads", "async"] {
        for signal in ["INT", "TERM"] {
            let folder = Folder::new();
            let mut program = watch(mode, &folder.with("f", "not yet"), &["--interval", "86400"]);
            said(&mut program);
            assert!(said(&mut program).ends_with("looks again in 86400 s"));
            program.signal(signal);
            let ended = program.end_with_open_stdin();
            assert_eq!((ended.code, ended.err.as_str()), (Some(130), ""), "WATCHCMD-2: {mode}");
            assert_eq!(folder.names(), ["f"]);
        }
    }
}

#[test]
fn ctrl_c_ends_the_reading_of_a_huge_file() {
    for mode in ["threads", "async"] {
        let folder = Folder::new();
        let path = folder.file("holes");
        fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let mut program = watch(mode, &path, &[]);
        said(&mut program);
        program.signal("INT");
        assert_eq!(program.end_with_open_stdin().code, Some(130), "WATCHCMD-2: {mode}");
    }
}

#[test]
fn what_cannot_be_watched_is_a_failure_that_names_it() {
    for mode in ["threads", "async"] {
        let folder = Folder::new();
        let fifo = folder.file("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        for (path, kind) in [(fifo, "a FIFO"), (folder.file("."), "a directory")] {
            let ended = watch(mode, &path, &[]).end();
            let err = format!("handloom watch: {} is {kind}, not a regular file\n", path.display());
            assert_eq!((ended.code, ended.err), (Some(1), err), "WATCHCMD-1, LOOK-1: {mode}");
        }
    }
}

#[test]
fn a_name_reaches_the_terminal_without_its_control_characters() {
    for mode in ["threads", "async"] {
        let folder = Folder::new();
        let path = folder.with("two\nlines \u{1b}[31mred", "Wow!");
        let ended = watch(mode, &path, &[]).end();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.out.contains("two\\nlines \\u{1b}[31mred"), "{ended:?}");
        assert!(!ended.out.contains('\u{1b}'), "an escape sequence came through: {ended:?}");
        let folder_of_that_name = folder.file("a\u{1b}b");
        fs::create_dir(&folder_of_that_name).unwrap();
        let ended = watch(mode, &folder_of_that_name, &[]).end();
        assert!(ended.err.contains("a\\u{1b}b is a directory"), "{ended:?}");
    }
}

#[test]
fn a_wrong_command_line_is_told() {
    for (args, text) in [
        (vec!["watch"], "FILE is missing"),
        (vec!["watch", ""], "FILE: expected the name of a file, got \"\""),
        (vec!["watch", "f", "--needle", ""], "--needle: expected at least one character"),
        (vec!["watch", "f", "--interval", "0"], "--interval: expected seconds from 0.001 to 86400"),
        (vec!["watch", "f", "--interval", "-1"], "--interval: expected seconds from 0.001"),
        (vec!["watch", "f", "--interval", "soon"], "--interval: expected seconds from 0.001"),
        (vec!["watch", "f", "--mode", "fibres"], "--mode: expected one of threads, async"),
    ] {
        let ended = run(&args);
        assert_eq!(ended.code, Some(2), "EXIT-1: {args:?}");
        assert!(ended.err.contains(text), "PROGRAM-1: {args:?}: {}", ended.err);
    }
}

#[test]
fn a_closed_stdout_ends_it_quietly() {
    for mode in ["threads", "async"] {
        let folder = Folder::new();
        let path = folder.file("none");
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command =
            command(&["watch", path.to_str().unwrap(), "--interval", "0.01", "--mode", mode]);
        command.stdout(writer);
        let program = start(command);
        let mut reader = BufReader::new(reader);
        reader.read_line(&mut String::new()).unwrap();
        drop(reader);
        let ended = program.end_with_open_stdin();
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "EXIT-2: {mode}: {ended:?}");
    }
}
