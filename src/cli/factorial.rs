//! `handloom factorial`: the course's third task, the same factorials in every pool.
//!
//! **Invariants**
//! - `FACTORIAL-1`: a number is written in decimal only when that was asked for: it may take longer than to compute it.
//! - `FACTORIAL-2`: ctrl-c ends it with what was measured so far, and no process is left; the exit code is 130.
//! - `FACTORIAL-3`: a wrong result or a pool that failed is told, and the exit code is 1.

use std::fs;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Duration;

use super::command_line::{Args, Opt, Subcommand};
use super::compare::write_into;
use super::failure::{Doing, Failure};
use super::interrupt::interruption;
use super::output::Output;
use super::values::{parsed, path, seconds, text, whole};
use crate::factorial::contest::{
    Contest, Outcome, PoolKind, Size, Sizes, Stage, chart, table, to_json,
};
use crate::factorial::factorial;

/// The largest number: its factorial has some 500 million digits, and takes minutes.
const LARGEST: u32 = 100_000_000;
/// The most tasks of a size.
const MOST_TASKS: usize = 1_000_000;
/// The most workers of a pool.
const MOST_WORKERS: usize = 1_000;
/// The least time for a contest without numbers: that for the short sizes alone.
const LEAST_TIME: Duration = Duration::from_secs(1);
/// The most.
const MOST_TIME: Duration = Duration::from_hours(1);
/// The name of the picture's file.
const CHART_FILE: &str = "factorial.svg";
/// The name of the table's file.
const TABLE_FILE: &str = "factorial.txt";

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "factorial",
    summary: "The same factorials one after another, on threads, on processes, and under a GIL",
    options: OPTIONS,
    operands: &[(
        "[N...]",
        "whose factorials; by default from 0 to the largest that the time allows",
    )],
    examples: &[
        ("handloom factorial", "From the smallest to the largest: where does a pool begin to pay?"),
        ("handloom factorial 1000 100000 --pools sequential,processes", "Two sizes, two ways."),
        ("handloom factorial 30 --decimal", "The number itself."),
    ],
    run,
};

/// The options.
const OPTIONS: &[Opt] = &[
    Opt::new("--pools LIST", "which pools, parted by commas")
        .default("sequential,threads,processes,gil"),
    Opt::new("--workers N", "workers of each pool; by default as many as processors"),
    Opt::new("--tasks N", "tasks of each size; by default from 10,000 short ones to 4 long ones"),
    Opt::new("--chunk N", "tasks handed over together; by default 32 short ones, or one long one"),
    Opt::new("--time S", "about how long a contest without numbers may take").default("20"),
    Opt::new("--out DIR", "where factorial.svg and factorial.txt are written")
        .default("handloom-factorial"),
    Opt::new("--json", "prints one JSON object; times in microseconds"),
    Opt::new("--decimal", "prints the factorials in decimal, and holds no contest"),
];

/// Holds the contest and prints what came of it.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let numbers = args.operands(0, text(number))?;
    if args.is_given("decimal") {
        return print_decimal(&numbers, output);
    }
    let tasks = args.optional("tasks", whole("tasks", 1..=MOST_TASKS))?;
    let time = args.value("time", seconds(LEAST_TIME, MOST_TIME))?;
    let cpus = available_parallelism().map_or(1, usize::from);
    let contest = Contest {
        pools: args.value("pools", text(pools))?,
        workers: args.optional("workers", whole("workers", 1..=MOST_WORKERS))?.unwrap_or(cpus),
        sizes: if numbers.is_empty() {
            Sizes::For(time, tasks)
        } else {
            Sizes::Given(numbers.into_iter().map(|n| Size::of(n, tasks)).collect())
        },
        chunk: args.optional("chunk", whole("tasks", 1..=MOST_TASKS))?,
    };
    let out = args.value("out", path("a directory"))?;
    // Before the contest: nobody wants to hear after it that there is no place for its report.
    fs::create_dir_all(&out).doing(format_args!("write {}", out.display()))?;
    let outcome = hold(&contest, interruption()?, output)?;
    if args.is_given("json") {
        output.line(to_json(&outcome))?;
    } else {
        output.bytes(table(&outcome).as_bytes())?;
    }
    write_report(&out, &outcome)?;
    output.note(format_args!("The picture: {}", out.join(CHART_FILE).display()));
    verdict(&outcome)
}

/// Holds a contest, with progress.
pub(crate) fn hold(
    contest: &Contest,
    stop: BorrowedFd<'_>,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let outcome = contest.run(stop, &mut |stage| match stage {
        Stage::Starts => output.progress("the pools start"),
        Stage::Goes(kind, size) => {
            output.progress(format_args!("{kind}: {} times {}!", size.numbers.len(), size.label));
        }
        Stage::Parts(kind, n) => output.progress(format_args!("{kind}: {n}!, parted")),
    });
    output.clear_progress();
    outcome.doing("start the pools")
}

/// Reads a number.
fn number(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (0..=LARGEST).contains(number));
    number.ok_or_else(|| format!("expected a whole number from 0 to {LARGEST}"))
}

/// Reads the list of pools.
fn pools(text: &str) -> Result<Vec<PoolKind>, String> {
    let mut kinds = Vec::new();
    for name in text.split(',') {
        let kind = parsed::<PoolKind>(name.trim())?;
        if kinds.contains(&kind) {
            return Err(format!("expected each pool once, and {kind} stands there twice"));
        }
        kinds.push(kind);
    }
    Ok(kinds)
}

/// Prints the numbers themselves (`FACTORIAL-1`).
fn print_decimal(numbers: &[u32], output: &mut Output) -> Result<(), Failure> {
    if numbers.is_empty() {
        return Err(Failure::Usage(
            "--decimal: expected a number whose factorial is wanted".into(),
        ));
    }
    numbers.iter().try_for_each(|&n| output.line(factorial(n)))
}

/// Writes the picture and the table into files.
fn write_report(out: &Path, outcome: &Outcome) -> Result<(), Failure> {
    write_into(out, CHART_FILE, &chart(outcome))?;
    write_into(out, TABLE_FILE, &table(outcome))
}

/// How the program ends.
pub(crate) fn verdict(outcome: &Outcome) -> Result<(), Failure> {
    if outcome.is_stopped {
        return Err(Failure::Interrupted);
    }
    match outcome.failures().first() {
        None => Ok(()),
        Some(first) => Err(Failure::Failed(format!("not all was right: {first}"))),
    }
}
