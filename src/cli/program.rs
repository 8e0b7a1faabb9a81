//! The table of subcommands, and the way from the command line to an exit code.
//!
//! **Invariants**
//! - `PROGRAM-1`: what a user reads about a mistake names the subcommand and the word, on stderr.

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use super::command_line::{Subcommand, help_of_program, help_of_subcommand, nearest};
use super::output::{Failure, Output};
use super::timeline::traced;
use super::{
    client, compare, factorial, fetch, gateway, get, lab, load, serve, site, timeline, tour, watch,
    weather,
};
use crate::os::limits::share_arena_if_limited;
use crate::os::signal::prepare_program;

/// Every subcommand, in the order of the usage text.
const SUBCOMMANDS: &[&Subcommand] = &[
    &tour::SUBCOMMAND,
    &serve::SUBCOMMAND,
    &client::SUBCOMMAND,
    &load::SUBCOMMAND,
    &compare::SUBCOMMAND,
    &get::SUBCOMMAND,
    &fetch::SUBCOMMAND,
    &watch::SUBCOMMAND,
    &factorial::SUBCOMMAND,
    &site::SUBCOMMAND,
    &weather::SUBCOMMAND,
    &gateway::SUBCOMMAND,
    &lab::SUBCOMMAND,
    &timeline::SUBCOMMAND,
];

/// Runs the program on the command line of this process.
///
/// # Blocking
/// As long as the subcommand takes.
pub fn main() -> ExitCode {
    let mut output = Output::new();
    // It fails in no kernel that is known, and without it the program works as well as it did before.
    prepare_program();
    share_arena_if_limited();
    let words: Vec<OsString> = env::args_os().skip(1).collect();
    let (subcommand, done) = run(&words, &mut output);
    let Err(failure) = done else { return ExitCode::SUCCESS };
    // PROGRAM-1
    let name = format!("handloom {subcommand}").trim_end().to_owned();
    match &failure {
        Failure::Usage(text) => {
            output.note(format_args!("{name}: {text}\n`{name} --help` tells how it is used."));
        }
        Failure::Failed(text) => output.note(format_args!("{name}: {text}")),
        Failure::Interrupted | Failure::StdoutClosed => {}
    }
    failure.exit_code()
}

/// Runs the subcommand that the first word names; returns its name, and how it ended.
fn run(words: &[OsString], output: &mut Output) -> (&'static str, Result<(), Failure>) {
    let Some((first, rest)) = words.split_first() else { return ("", Err(unknown(""))) };
    let find = |name: &str| SUBCOMMANDS.iter().find(|subcommand| subcommand.name == name);
    let first = first.to_string_lossy();
    if let Some(subcommand) = find(&first) {
        let done = subcommand.parse(rest).and_then(|args| match args {
            Some(args) => traced(args, output, subcommand.run),
            None => output.bytes(help_of_subcommand(subcommand).as_bytes()),
        });
        return (subcommand.name, done);
    }
    let done = match (&*first, rest) {
        ("help", [name, ..]) => match find(&name.to_string_lossy()) {
            Some(subcommand) => output.bytes(help_of_subcommand(subcommand).as_bytes()),
            None => Err(unknown(&name.to_string_lossy())),
        },
        ("--help" | "-h" | "help", _) => output.bytes(help_of_program(SUBCOMMANDS).as_bytes()),
        ("--version" | "-V", _) => output.line(concat!("handloom ", env!("CARGO_PKG_VERSION"))),
        (name, _) => Err(unknown(name)),
    };
    ("", done)
}

/// The failure for a first word that names no subcommand.
fn unknown(name: &str) -> Failure {
    let names = || SUBCOMMANDS.iter().map(|subcommand| subcommand.name);
    let all = names().collect::<Vec<_>>().join(", ");
    Failure::Usage(match (name, nearest(name, names())) {
        ("", _) => format!("expected a subcommand: one of {all}"),
        (_, Some(near)) => format!("unknown subcommand \"{name}\"; did you mean {near}?"),
        (_, None) => format!("unknown subcommand \"{name}\"; expected one of {all}"),
    })
}
