//! The first and the fifth task once more: the calculator in every model, under the same load.

use std::time::Duration;

use super::super::compare::{measure, verdict};
use super::super::failure::{Doing, Failure};
use super::super::output::Output;
use super::part::{Part, Shown, Tour};
use crate::calc::Model;
use crate::compare::{Benchmark, ServerCommand, chart, table};

/// How long one model may take. On an idle machine none needs three seconds; a busy one may need much longer.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The part.
pub(super) const PART: Part = Part {
    title: "Tasks 1 and 5, under load: seven models",
    introduction: &[
        "The same server in every way a program can wait for many clients, each in a process of its own.",
        "All get the same load, one after another, and every reply is checked.",
    ],
    run,
    notices: &[
        "sequential: p50 against max. One client is served at once; each other client waits for the end of \
         all conversations before its own. And between two requests of the one client there is nothing else to do: the \
         server blocks and is woken each time, which costs more than the answer does.",
        "threads and pool: a thread for each client, most of them asleep. Look at the threads and at the peak memory; \
         the kernel does the waiting, and a switch between threads is in each request's processor time.",
        "prefork: the same with processes. The memory looks worst since pages that all share are counted in each; what \
         it buys is that the others survive when a worker dies.",
        "callbacks, generators, async: one thread, one selector. The first is the fastest to write wrongly, the second \
         is the course's own, the third reads like sequential code and waits like the other two.",
        "async against callbacks: the price of futures, in processor time per request. Most of that time is the \
         kernel's own, for one read and one write, and no model can save it.",
        "busy: near to 100 % the server was the limit, and its requests per second are what it can do. Where it is far \
         from that, the client or another program was; then trust the processor time per request.",
    ],
};

/// What a model is, in a line.
fn introduction(model: Model) -> &'static str {
    match model {
        Model::Sequential => "one client at a time; the others wait in the kernel's backlog",
        Model::Threads => "a thread for each client; the kernel switches between them",
        Model::Pool => "a fixed number of threads; a client more than that waits",
        Model::Prefork => "a fixed number of processes that share the listener",
        Model::Callbacks => "one thread and a selector; a closure for what happens next",
        Model::Generators => "one thread and a selector; generators, as in the course's server",
        Model::Async => "one thread and a selector; futures on Handloom's event loop",
    }
}

/// Runs the benchmark.
fn run(tour: &Tour<'_>, output: &mut Output) -> Result<Shown, Failure> {
    for model in Model::ALL {
        output.line(format_args!("  {:<12}{}", model.name(), introduction(model)))?;
    }
    output.line("")?;
    let servers: Result<_, _> = Model::ALL.into_iter().map(ServerCommand::of_model).collect();
    let benchmark = Benchmark {
        servers: servers.doing("find this program")?,
        connections: tour.connections,
        depth: 1,
        requests: tour.requests,
        timeout: TIMEOUT,
        rounds: 1,
    };
    let report = measure(&benchmark, output)?;
    Ok(Shown {
        text: table(&benchmark, &report),
        chart: Some(("compare", chart(&benchmark, &report))),
        verdict: verdict(&report),
    })
}
