//! `handloom factorial`: the course's third task, the same factorials in every pool.
//!
//! **Invariants**
//! - `FACTORIAL-1`: numbers are written in decimal only with `--decimal`: converting may take longer than computing.
//! - `FACTORIAL-2`: ctrl-c ends it with what was measured so far, and no process is left; the exit code is 130.
//! - `FACTORIAL-3`: a wrong result or a pool that failed is reported, and the exit code is 1.

use std::thread::available_parallelism;
use std::time::Duration;

use super::command_line::{Args, Subcommand};
use super::interrupt::{end_at_once, interruption};
use super::output::{Doing, Failure, Output, make_directory, write_into};
use super::timeline::TRACE;
use super::values::{one_of, path, seconds, text, whole};
use crate::factorial::benchmark::{Benchmark, PoolKind, Size, chart, table, to_json};
use crate::factorial::factorial;

/// The largest number: its factorial has some 500 million digits, and takes minutes.
const LARGEST: u32 = 100_000_000;
/// The most tasks of a size.
const MOST_TASKS: usize = 1_000_000;
/// The most workers of a pool.
const MOST_WORKERS: usize = 1_000;
/// The name of the picture's file.
const CHART_FILE: &str = "factorial.svg";

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "factorial",
    summary: "The same factorials one after another, on threads, on processes, and under a GIL",
    options: &[
        "[N...]: numbers; by default from 0 to the largest that the time allows",
        "--pools LIST [sequential,threads,processes,gil]: which pools, separated by commas",
        "--workers N: workers of each pool; by default as many as processors",
        "--tasks N: tasks of each size; by default 10,000 short ones to 4 long ones",
        "--chunk N: tasks handed over together; by default 32 short ones, or 1 long",
        "--time S [20]: about how long a benchmark without numbers may take",
        "--out DIR [handloom-factorial]: where factorial.svg and factorial.txt are written",
        "--json: prints one JSON object; times in microseconds",
        "--decimal: prints the factorials in decimal, without a benchmark",
        TRACE,
    ],
    examples: &[
        "handloom factorial  # From the smallest to the largest: from where on does a pool gain?",
        "handloom factorial 1000 100000 --pools sequential,processes  # Two sizes, two ways.",
        "handloom factorial 30 --decimal  # The number itself.",
    ],
    run,
};

/// Runs the benchmark and prints its results.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let numbers = args.operands(text(number))?;
    // FACTORIAL-1
    if args.is_given("decimal") {
        if numbers.is_empty() {
            return Err(Failure::Usage("--decimal: expected at least one number".to_owned()));
        }
        let mut rest = ["pools", "workers", "tasks", "chunk", "time", "out", "json"].iter();
        rest.try_for_each(|it| args.refuse(it, true, "the benchmark", "--decimal"))?;
        end_at_once()?;
        return numbers.iter().try_for_each(|&n| output.line(factorial(n)));
    }
    let tasks = args.optional("tasks", whole("tasks", 1..=MOST_TASKS))?;
    args.refuse("time", !numbers.is_empty(), "a benchmark without numbers", "given ones")?;
    // The short sizes alone take a second.
    let time = args.value("time", seconds(Duration::from_secs(1), Duration::from_hours(1)))?;
    let cpus = available_parallelism().map_or(1, usize::from);
    let benchmark = Benchmark {
        pools: args.value("pools", text(pools))?,
        workers: args.optional("workers", whole("workers", 1..=MOST_WORKERS))?.unwrap_or(cpus),
        time: numbers.is_empty().then_some(time),
        sizes: if numbers.is_empty() {
            Size::from_the_smallest(tasks)
        } else {
            numbers.into_iter().map(|n| Size::of(n, tasks)).collect()
        },
        chunk: args.optional("chunk", whole("tasks", 1..=MOST_TASKS))?,
    };
    let out = args.value("out", path("a directory"))?;
    // Before the benchmark, so that its results are not lost when the directory cannot be made.
    make_directory(&out)?;
    let outcome =
        benchmark.run(interruption()?, args.watch.as_ref(), &mut |stage| output.progress(stage));
    output.clear_progress();
    let outcome = outcome.doing("start the pools")?;
    output.result(args.is_given("json"), to_json(&outcome), &table(&outcome))?;
    write_into(&out, CHART_FILE, &chart(&outcome))?;
    write_into(&out, "factorial.txt", &table(&outcome))?;
    output.note(format_args!("The picture: {}", out.join(CHART_FILE).display()));
    match outcome.failures().first() {
        _ if outcome.is_stopped => Err(Failure::Interrupted),
        None => Ok(()),
        Some(first) => Err(Failure::Failed(format!("not everything was right: {first}"))),
    }
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
        let kind = PoolKind::ALL[one_of(PoolKind::ALL.map(PoolKind::name))(name.trim())?];
        if kinds.contains(&kind) {
            return Err(format!("expected each pool once, but {kind} is given twice"));
        }
        kinds.push(kind);
    }
    Ok(kinds)
}
