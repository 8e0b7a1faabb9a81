//! The workbook's program: where am I, is it right, a hint, the reference, a fault to find, a race.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

#[path = "../../../tests/support/conversations/client.rs"]
#[allow(
    dead_code,
    clippy::pedantic,
    clippy::missing_docs_in_private_items,
    reason = "the tests use more of it"
)]
mod client;
#[path = "../../../tests/support/conversations/deliveries.rs"]
#[allow(
    dead_code,
    clippy::pedantic,
    clippy::missing_docs_in_private_items,
    reason = "the tests use more of it"
)]
mod deliveries;
#[path = "../../../tests/support/conversations/script.rs"]
#[allow(
    dead_code,
    clippy::pedantic,
    clippy::missing_docs_in_private_items,
    reason = "the tests use more of it"
)]
mod script;

mod calculator;
mod check;
mod keep;
#[allow(unused, clippy::pedantic, missing_docs, reason = "it is being written")]
#[allow(clippy::missing_docs_in_private_items, reason = "it is being written")]
mod my_loop;
mod print;
mod race;
mod show;
mod tries;
/// The suite's words, spoken by the student's loop.
#[allow(dead_code, reason = "the list of unmet claims is for the tests of `first_loop`")]
mod words;

use std::process::ExitCode;
use std::time::Duration;

use handloom_workbook::claim;
// By this name the calculator and the suite's words know the loop.
use my_loop as the_loop;

/// How long a server may take to answer; for `client`.
const PATIENCE: Duration = Duration::from_secs(10);

/// What it can be asked for.
const USAGE: &str = "\
Write an event loop in ten steps; the conformance suite judges each.

  cargo run -p handloom-workbook                   where am I, what next
  cargo run -p handloom-workbook -- check          judges the steps so far
  cargo run -p handloom-workbook -- check 4        judges steps 1 to 4
  cargo run -p handloom-workbook -- try 4          shows what step 4 is about,
                                                   on your loop
  cargo run -p handloom-workbook -- hint           a hint; `hint 2`, `hint 3`
  cargo run -p handloom-workbook -- show 4         the reference of a step
                                                   that passed; `show 4 whole`
  cargo run -p handloom-workbook -- break          faults; `break NAME` puts
                                                   one into the loop: find it
  cargo run -p handloom-workbook -- mend           your own loop again
  cargo run -p handloom-workbook -- take 4         goes on from the reference
                                                   of step 4
  cargo run -p handloom-workbook --profile race -- race
                                                   your loop, ours, tokio's
  cargo run -p handloom-workbook -- serve ADDRESS  the calculator on your loop

Your file is notes/workbook/src/my_loop.rs. Whatever replaces it keeps a copy
in notes/workbook/kept/.";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        [claim::COMMAND, name] => {
            claim::run::<words::Words>(name);
            return ExitCode::SUCCESS;
        }
        [] | ["status"] => check::status(),
        ["check"] => check::check(None),
        ["check", step] => number(step).and_then(|step| check::check(Some(step))),
        ["hint"] => show::hint(1),
        ["hint", degree] => number(degree).and_then(|degree| show::hint(degree.into())),
        ["show"] => show::show(None, false),
        ["show", step] => number(step).and_then(|step| show::show(Some(step), false)),
        ["show", step, "whole"] => number(step).and_then(|step| show::show(Some(step), true)),
        ["break"] => {
            keep::list_faults();
            Ok(())
        }
        ["break", name] => keep::break_loop(name),
        ["mend"] => keep::mend(),
        ["take", step] => number(step).and_then(keep::take),
        ["try", step] => number(step).and_then(tries::run),
        ["race"] => race::race(),
        ["serve", address] => calculator::run(address).map_err(|error| error.to_string()),
        _ => {
            print::text(USAGE);
            return ExitCode::from(
                u8::from(!matches!(arguments[..], ["help" | "--help" | "-h"])) * 2,
            );
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            if !text.is_empty() {
                print::text(&text);
            }
            ExitCode::FAILURE
        }
    }
}

/// Reads the number of a step or of a hint.
fn number(text: &str) -> Result<u8, String> {
    let number = text.parse().ok().filter(|number| *number <= 11);
    number.ok_or_else(|| format!("{text}: expected a number from 0 to 11"))
}
