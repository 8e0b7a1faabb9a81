//! The command line: what is taken, what is refused, and in which words (DESIGN section 5).

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use crate::folder::Folder;
use crate::program::{Ended, command, start};
use handloom::calc::Model;
use handloom::labs::LABS;

fn run(args: &[&str]) -> Ended {
    start(command(args)).end()
}

/// The program refuses a command line: exit code 2, nothing on stdout, and every one of `parts` on stderr.
fn refuses(args: &[&str], parts: &[&str]) {
    let ended = run(args);
    assert_eq!(ended.code, Some(2), "EXIT-1: {args:?} is wrong and must end with 2: {ended:?}");
    assert_eq!(ended.out, "", "OUTPUT-1: {args:?} has no result: {ended:?}");
    for part in parts {
        assert!(
            ended.err.contains(part),
            "PROGRAM-1: for {args:?} expected {part:?} on stderr, came:\n{}",
            ended.err
        );
    }
}

/// The program succeeds, without a word on stderr; returns its stdout.
fn prints(args: &[&str]) -> String {
    let ended = run(args);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "EXIT-1: {args:?} is right");
    ended.out
}

#[test]
fn help_lists_the_subcommands_with_examples() {
    let long = prints(&["--help"]);
    for name in ["serve", "client", "lab", "Examples:", "130"] {
        assert!(long.contains(name), "expected {name} in the help, came:\n{long}");
    }
    assert_eq!(long, prints(&["-h"]), "-h and --help are one option");
    assert_eq!(long, prints(&["help"]), "a user that types the word means the option");
}

#[test]
fn help_and_a_name_is_the_help_of_that_subcommand() {
    assert_eq!(prints(&["help", "serve"]), prints(&["serve", "--help"]));
    refuses(&["help", "quartz"], &["unknown subcommand \"quartz\""]);
}

#[test]
fn every_help_text_fits_a_terminal_of_80_columns() {
    let program = prints(&["--help"]);
    let rows = program.lines().skip_while(|line| *line != "Subcommands:").skip(1);
    let names = rows.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("    "));
    let names: Vec<_> = names.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"serve") && names.contains(&"lab"), "came {names:?}");
    for text in names.iter().map(|name| prints(&["help", name])).chain([program.clone()]) {
        let wide = text.lines().find(|line| line.chars().count() > 80);
        // A command that a user copies is one line.
        let wide = wide.filter(|line| !line.starts_with("  handloom "));
        assert_eq!(wide, None, "wider than 80 columns");
    }
}

#[test]
fn every_subcommand_has_help_with_usage_and_examples() {
    for name in ["serve", "client", "lab"] {
        let text = prints(&[name, "--help"]);
        assert!(text.contains(&format!("Usage: handloom {name}")), "came:\n{text}");
        assert!(text.contains("Examples:\n  handloom "), "came:\n{text}");
        assert_eq!(text, prints(&[name, "-h"]), "-h and --help are one option");
    }
}

#[test]
fn the_help_of_serve_names_every_option_and_model() {
    let text = prints(&["serve", "--help"]);
    let options = [
        "--model",
        "--addr",
        "--op",
        "--max-message",
        "--pause-ms",
        "--max-connections",
        "--idle-timeout",
        "--grace",
        "--workers",
    ];
    for word in options.into_iter().chain(Model::ALL.map(Model::name)) {
        assert!(text.contains(word), "expected {word} in the help of serve, came:\n{text}");
    }
}

#[test]
fn help_wins_over_a_mistake() {
    assert!(prints(&["serve", "--modle", "--help"]).contains("Usage:"), "ARGS-4");
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = format!("handloom {}\n", env!("CARGO_PKG_VERSION"));
    for option in ["--version", "-V"] {
        assert_eq!(prints(&[option]), version, "{option}");
    }
}

#[test]
fn without_a_subcommand_the_known_ones_are_named() {
    refuses(&[], &["expected a subcommand", "serve, client", "handloom --help"]);
}

#[test]
fn an_unknown_subcommand_is_named_with_the_nearest() {
    refuses(&["sreve"], &["\"sreve\"", "did you mean serve?"]);
    refuses(&["quartz"], &["\"quartz\"", "serve, client"]);
    for wild in ["bench", "stop", "x", "daemon", "fetch-all-of-it"] {
        let ended = run(&[wild]);
        assert!(!ended.err.contains("did you mean"), "{wild} is near to nothing: {ended:?}");
    }
}

#[test]
fn a_timeline_without_jobs_or_with_a_wrong_number_is_refused() {
    refuses(&["timeline", "--wait-ms", "0"], &["handloom timeline:", "--wait-ms", "got \"0\""]);
    refuses(&["timeline", "--requests", "0", "--factorials", "0"], &["expected at least one job"]);
}

#[test]
fn an_unknown_option_is_named_with_the_nearest() {
    refuses(
        &["serve", "--modle", "pool"],
        &["handloom serve:", "--modle", "did you mean --model?"],
    );
    refuses(&["serve", "--pause=5"], &["unknown option --pause;", "did you mean --pause-ms?"]);
    refuses(&["serve", "-z"], &["unknown option -z"]);
    refuses(&["serve", "--help=op"], &["--help: takes no value, got \"op\""]);
    refuses(&["client", "--json", "127.0.0.1:1"], &["handloom client:", "unknown option --json"]);
}

#[test]
fn a_value_is_given_to_a_short_name_in_four_ways() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address").to_string();
    drop(listener);
    for words in [&["-n", "7"][..], &["-n7"], &["-n=7"], &["--requests=7"]] {
        let ended = run(&[&["load", &address, "-c1"], words].concat());
        assert!(ended.out.contains("0 of 7"), "expected 7 requests for {words:?}: {ended:?}");
    }
    refuses(&["load", &address, "-n="], &["--requests: expected a whole number", "got \"\""]);
}

#[test]
fn a_missing_value_is_named() {
    refuses(&["serve", "--model"], &["--model: its value MODEL is missing"]);
    refuses(&["serve", "--model", "--op", "sum"], &["--model: its value MODEL is missing"]);
}

#[test]
fn an_option_that_stands_twice_is_refused() {
    refuses(&["serve", "--op", "sum", "--op=product"], &["--op: given twice"]);
}

#[test]
fn a_bad_value_is_named_with_what_was_expected() {
    let milliseconds = "--pause-ms: expected a whole number of milliseconds from 1 to";
    for (args, expected, got) in [
        (["--pause-ms", "abc"], milliseconds, "got \"abc\""),
        (["--pause-ms", "0"], milliseconds, "got \"0\""),
        (["--pause-ms", "-5"], milliseconds, "got \"-5\""),
        (["--pause-ms", ""], milliseconds, "got \"\""),
        (["--max-message", "0"], "--max-message: expected a whole number of bytes", "got \"0\""),
        (["--max-message", "1e3"], "--max-message: expected", "got \"1e3\""),
        (["--max-connections", "0"], "--max-connections: expected a whole number", "got \"0\""),
        (["--workers", "0"], "--workers: expected a whole number of workers", "got \"0\""),
        (["--workers", "99999999999999999999"], "--workers: expected a whole", "got \"9999"),
        (["--idle-timeout", "0"], "--idle-timeout: expected seconds from 0.001", "got \"0\""),
        (["--idle-timeout", "nan"], "--idle-timeout: expected seconds", "got \"nan\""),
        (["--grace", "-1"], "--grace: expected seconds from 0", "got \"-1\""),
        (["--grace", "inf"], "--grace: expected seconds", "got \"inf\""),
        (["--op", "quotient"], "--op: expected sum or product", "got \"quotient\""),
        (["--model", "greenlets"], "--model: expected one of sequential,", "got \"greenlets\""),
        (["--model", "Async"], "--model: expected one of", "got \"Async\""),
        (["--addr", "8888"], "--addr: expected HOST:PORT", "got \"8888\""),
        (["--addr", ":8888"], "--addr: expected a host", "got \":8888\""),
        (["--addr", "http://127.0.0.1:80"], "--addr: expected HOST:PORT", "got \"http://"),
        (["--addr", "127.0.0.1:65536"], "--addr: expected a port from 0 to 65535", "65536\""),
        (["--addr", "127.0.0.1:http"], "--addr: expected a port", "http\""),
        (
            ["--addr", "::1:8888"],
            "--addr: expected an IPv6 address in brackets",
            "got \"::1:8888\"",
        ),
    ] {
        refuses(&["serve", args[0], args[1]], &[expected, got]);
    }
}

#[test]
fn a_directory_without_a_name_is_refused() {
    for subcommand in ["tour", "compare"] {
        refuses(&[subcommand, "--out", ""], &["--out: expected the name of a directory", "\"\""]);
    }
}

#[test]
fn operands_are_counted() {
    refuses(&["serve", "8888"], &["unexpected argument \"8888\""]);
    refuses(&["client"], &["ADDR is missing"]);
    refuses(&["client", "127.0.0.1:1", "again"], &["unexpected argument \"again\""]);
    refuses(&["client", "127.0.0.1:0"], &["ADDR: expected a port from 1", "got \"127.0.0.1:0\""]);
    refuses(&["lab", "tasks", "again"], &["unexpected argument \"again\""]);
}

#[test]
fn after_two_dashes_everything_is_an_operand() {
    refuses(&["serve", "--", "--help"], &["unexpected argument \"--help\""]);
    refuses(&["client", "--", "--addr"], &["ADDR: expected HOST:PORT", "got \"--addr\""]);
}

#[test]
fn an_argument_that_is_no_text_is_refused_where_text_is_wanted() {
    for (args, part) in [
        (&["serve"][..], "unexpected argument"),
        (&["serve", "--model"], "--model: expected text in UTF-8"),
        (&["client"], "ADDR: expected text in UTF-8"),
    ] {
        let mut command = command(args);
        command.arg(OsStr::from_bytes(b"\xff"));
        let ended = start(command).end();
        assert_eq!(ended.code, Some(2), "EXIT-1: {ended:?}");
        assert!(ended.err.contains(part), "PROGRAM-1: expected {part:?}, came {ended:?}");
    }
}

#[test]
fn the_name_of_a_file_is_bytes() {
    let folder = Folder::new();
    let file = folder.file("").join(OsStr::from_bytes(b"wow-\xff.txt"));
    fs::write(&file, "Wow!").expect("write");
    let mut command = command(&["watch"]);
    command.arg(&file);
    let ended = start(command).end();
    assert_eq!(ended.code, Some(0), "expected the file to be found, came {ended:?}");
    assert!(!file.exists(), "expected {} to be deleted", file.display());
}

#[test]
fn lab_without_a_name_lists_every_lab_with_one_line() {
    let list = prints(&["lab"]);
    let lines = list.lines().filter(|line| line.starts_with("  ")).count();
    assert_eq!(lines, LABS.len(), "expected a line for each lab, came:\n{list}");
    for lab in LABS {
        assert!(list.contains(lab.name) && list.contains(lab.line), "came:\n{list}");
    }
}

#[test]
fn an_unknown_lab_is_refused_with_the_list() {
    refuses(&["lab", "taks"], &["unknown lab \"taks\"", "did you mean tasks?", LABS[0].line]);
    refuses(&["lab", "quartz"], &["unknown lab \"quartz\"", LABS[0].line]);
}

/// Command lines whose result goes to stdout.
const WITH_RESULT: [&[&str]; 5] = [
    &["--help"],
    &["--version"],
    &["lab"],
    &["lab", "tasks"],
    &["serve", "--addr", "127.0.0.1:0", "--model", "threads"],
];

#[test]
fn a_closed_stdout_ends_the_program_quietly() {
    for args in WITH_RESULT {
        let (reader, writer) = io::pipe().expect("pipe");
        drop(reader);
        let mut command: Command = command(args);
        command.stdout(writer);
        let ended = start(command).end();
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "EXIT-2: {args:?}");
    }
}

#[test]
fn a_full_disk_under_stdout_is_a_failure() {
    for args in WITH_RESULT {
        let mut command = command(args);
        command.stdout(File::create("/dev/full").expect("open /dev/full"));
        let ended = start(command).end();
        assert_eq!(ended.code, Some(1), "EXIT-1: {args:?} lost its result: {ended:?}");
        assert!(ended.err.contains("No space left"), "PROGRAM-1: {args:?}: {ended:?}");
    }
}

#[test]
fn ctrl_c_ends_a_lab() {
    let mut lab = start(command(&["lab", "tasks"]));
    assert!(lab.line().starts_with("Together"), "the lab begins with its first part");
    lab.signal("INT");
    let ended = lab.end_with_open_stdin();
    // A shell reports this end as 130.
    assert_eq!(ended.code, None, "expected an end by the signal, came {ended:?}");
}
