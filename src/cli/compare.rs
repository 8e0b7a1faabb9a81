//! `handloom compare`: the same load on every model, in one table.
//!
//! **Invariants**
//! - Rows that were measured are printed on every way out, also after ctrl-c.
//! - No server is left running (`SERVER-1`).

use super::command_line::{Args, Opt, Subcommand};
use super::failure::{Doing, Failure};
use super::interrupt::interruption;
use super::load::{MOST_CONNECTIONS, MOST_REQUESTS};
use super::output::{Output, make_directory, write_into};
use super::values::{parsed, path, text, time_limit, whole};
use crate::calc::Model;
use crate::compare::{
    Benchmark, BenchmarkProgress, BenchmarkReport, MAX_DEPTH, ServerCommand, chart, table, to_json,
};
use crate::os::limits;

/// Most rounds that may be asked for.
const MOST_ROUNDS: usize = 1_000;

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "compare",
    summary: "Puts the same load on every server model, one after another: a table",
    options: &[
        Opt::new("--models LIST", "models, parted by commas; \"none\" for only the --server ones")
            .default("sequential,threads,pool,prefork,callbacks,generators,async"),
        Opt::new(
            "--server NAME=COMMAND...",
            "one more server: any program that prints \"listening on ADDRESS\"; may be repeated",
        ),
        Opt::new("-c, --connections N", "connections that ask at once").default("64"),
        Opt::new("-d, --depth N", "requests sent before a reply is read, up to 1024").default("1"),
        Opt::new("-n, --requests N", "requests to each server").default("100000"),
        Opt::new("--rounds N", "runs of each server, interleaved; the best is shown").default("1"),
        Opt::new("--timeout S", "how long each run may take").default("60"),
        Opt::new("--out DIR", "writes the picture compare.svg there"),
        Opt::new("--json", "prints one JSON object; times in microseconds"),
    ],
    operands: &[],
    examples: &[
        ("handloom compare", "All models, with 64 connections and one request at a time on each."),
        ("handloom compare --models async,threads -c 1000 -d 16 -n 1000000", "Two of them, hard."),
        (
            "handloom compare --models async --rounds 5 \\\n    \
             --server \"tokio=target/release/calc_server --addr 127.0.0.1:0\" \\\n    \
             --server \"bare=target/release/examples/bare_epoll --addr 127.0.0.1:0\"",
            "Ours beside the tokio twin and the bare selector. Build these two first:\n      \
             cargo build --release --package handloom-tokio && cargo build --release --example bare_epoll",
        ),
    ],
    run,
};

/// Runs the benchmark and prints the table.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let mut servers = args.value("models", text(models))?;
    servers.extend(args.all("server", text(server))?);
    // A benchmark without servers would succeed, and show nothing.
    if servers.is_empty() {
        return Err(Failure::Usage("--models: none, and no --server either".to_owned()));
    }
    let benchmark = Benchmark {
        servers,
        connections: args.value("connections", whole("connections", 1..=MOST_CONNECTIONS))?,
        depth: args.value("depth", whole("requests", 1..=MAX_DEPTH))?,
        requests: args.value("requests", whole("requests", 1..=MOST_REQUESTS))? as u64,
        timeout: args.value("timeout", time_limit())?,
        rounds: args.value("rounds", whole("rounds", 1..=MOST_ROUNDS))?,
    };
    let out = args.optional("out", path("a directory"))?;
    let report = measure(&benchmark, output)?;
    // First what was measured, then the verdict.
    output.result(
        args.is_given("json"),
        to_json(&benchmark, &report),
        &table(&benchmark, &report),
    )?;
    if let Some(directory) = out {
        make_directory(&directory)?;
        write_into(&directory, "compare.svg", &chart(&benchmark, &report))?;
    }
    verdict(&report)
}

/// Reads a server of another program.
fn server(text: &str) -> Result<ServerCommand, String> {
    ServerCommand::of_text(text).ok_or_else(|| "expected NAME=COMMAND".to_owned())
}

/// Reads the list of models.
fn models(text: &str) -> Result<Vec<ServerCommand>, String> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let server = |name: &str| {
        let model: Model = parsed(name.trim())?;
        ServerCommand::of_model(model)
            .map_err(|error| format!("this program cannot be found: {error}"))
    };
    text.split(',').map(server).collect()
}

/// Runs a benchmark, with progress.
pub(crate) fn measure(
    benchmark: &Benchmark,
    output: &mut Output,
) -> Result<BenchmarkReport, Failure> {
    let stop = interruption()?;
    // The servers inherit the limit.
    drop(limits::raise_open_files());
    let requests = benchmark.requests;
    let report = benchmark.run(Some(stop), &mut |progress| match progress {
        BenchmarkProgress::Starts(server, _) => {
            output.progress(format_args!("{} starts", server.name));
        }
        BenchmarkProgress::Answered(server, answered) => {
            output.progress(format_args!("{}: {answered} of {requests} requests", server.name));
        }
    });
    output.clear_progress();
    report.doing("compare")
}

/// How the program ends after a benchmark.
pub(crate) fn verdict(report: &BenchmarkReport) -> Result<(), Failure> {
    if report.is_stopped {
        return Err(Failure::Interrupted);
    }
    let wrong = report.results.iter().filter(|result| !result.is_right());
    let wrong: Vec<_> = wrong.map(|result| result.server.name.as_str()).collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Failure::Failed(format!("not all was right with {}", wrong.join(", "))))
    }
}
