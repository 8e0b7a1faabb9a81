//! `handloom compare`: the same load on every model, in one table.
//!
//! **Invariants**
//! - Rows that were measured are printed on every way out, also after ctrl-c.
//! - No server is left running (`SERVER-1`).

use super::command_line::{Args, Subcommand};
use super::interrupt::interruption;
use super::load::load;
use super::output::{Doing, Failure, Output, make_directory, open_early, write_into};
use super::values::{one_of, path, text, whole};
use crate::calc::Model;
use crate::compare::{Benchmark, ServerCommand, chart, table, to_json};
use crate::os::limits;

/// The name of the picture.
const PICTURE: &str = "compare.svg";
/// Most rounds that may be asked for.
const MOST_ROUNDS: usize = 1_000;

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "compare",
    summary: "Puts the same load on every server model, one after another: a table",
    options: &[
        "--models LIST [all]: models, parted by commas; or \"none\", with only the --server ones",
        "--server NAME=COMMAND...: one more server: any program that prints \"listening on ADDRESS\"; may be repeated",
        "-c, --connections N [64]: connections that ask at once",
        "-d, --depth N [1]: requests sent before a reply is read, up to 1024",
        "-n, --requests N [100000]: requests to each server",
        "--rounds N [1]: runs of each server, interleaved; the best is shown",
        "--timeout S [60]: how long each run may take",
        "--no-pin: never pins server and load to a processor each, also when idle",
        "--out DIR: writes the picture compare.svg there",
        "--json: prints one JSON object; times in microseconds",
    ],
    examples: &[
        "handloom compare  # All models, with 64 connections and one request at a time on each.",
        "handloom compare --models async,threads -c 1000 -d 16 -n 1000000  # Two of them, hard.",
        "handloom compare --models async --rounds 5 \\\n    \
             --server \"tokio=target/release/calc_server --addr 127.0.0.1:0\" \\\n    \
             --server \"bare=target/release/examples/bare_epoll --addr 127.0.0.1:0\"  # Ours beside the tokio twin and the bare selector, which are built before, with `cargo build --release` and --package handloom-tokio or --example bare_epoll.",
    ],
    run,
};

/// Runs the benchmark and prints the table.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let models = args.value("models", text(models))?.into_iter();
    let mut servers: Vec<_> = models.map(ServerCommand::of_model).collect();
    let server = |words: &str| ServerCommand::of_text(words).ok_or("expected NAME=COMMAND".into());
    servers.extend(args.all("server", text(server))?);
    // A benchmark without servers would succeed, and show nothing.
    if servers.is_empty() {
        return Err(Failure::Usage("--models: none, and no --server either".to_owned()));
    }
    let benchmark = Benchmark {
        servers,
        load: load(args)?,
        rounds: args.value("rounds", whole("rounds", 1..=MOST_ROUNDS))?,
        may_pin: !args.is_given("no-pin"),
    };
    let out = args.optional("out", path("a directory"))?;
    // Before the benchmark, whose figures would be lost with a picture that cannot be written.
    if let Some(directory) = &out {
        make_directory(directory)?;
        open_early(&directory.join(PICTURE))?;
    }
    let stop = interruption()?;
    // The servers inherit the limit.
    drop(limits::raise_open_files());
    let requests = benchmark.load.requests;
    let report = benchmark.run(Some(stop), &mut |server, answered| {
        output.progress(format_args!("{}: {answered} of {requests} requests", server.name));
    });
    let report = report.doing("compare")?;
    // First what was measured, then the verdict.
    let figures = table(&benchmark, &report);
    output.result(args.is_given("json"), to_json(&benchmark, &report), &figures)?;
    if let Some(directory) = out {
        write_into(&directory, PICTURE, &chart(&benchmark, &report))?;
    }
    let wrong = report.results.iter().filter(|result| !result.is_right());
    let wrong: Vec<_> = wrong.map(|result| result.server.name.as_str()).collect();
    match &*wrong {
        _ if report.is_stopped => Err(Failure::Interrupted),
        [] => Ok(()),
        wrong => Err(Failure::Failed(format!("not all was right with {}", wrong.join(", ")))),
    }
}

/// Reads the list of models.
fn models(text: &str) -> Result<Vec<Model>, String> {
    let known = one_of(Model::ALL.map(Model::name));
    match text {
        "none" => Ok(Vec::new()),
        "all" => Ok(Model::ALL.to_vec()),
        names => names.split(',').map(|name| Ok(Model::ALL[known(name.trim())?])).collect(),
    }
}
