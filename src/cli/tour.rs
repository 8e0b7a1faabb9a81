//! `handloom tour`: the main job. For now: the calculator in every model, under load, with what to look at.
//!
//! **Invariants**
//! - `TOUR-1`: it needs nothing but this program: servers and clients are its own.
//! - `TOUR-2`: it ends with 0 only if every model answered every request rightly.
//! - `TOUR-3`: what it prints is also in its directory, as text and as a page that can be opened anywhere.

use std::path::Path;
use std::time::Duration;

use super::args::{Args, Opt, Syntax};
use super::compare::{CHART_FILE, hold, verdict, write_into};
use super::failure::Failure;
use super::load::{MOST_CONNECTIONS, MOST_REQUESTS};
use super::output::Output;
use super::program::Subcommand;
use super::values::{directory, whole};
use crate::calc::Model;
use crate::compare::{Contest, Entrant, Outcome, chart, page, table};

/// The title of the page and of the output.
const TITLE: &str = "The calculator in every model";
/// The name of the table's file.
const TABLE_FILE: &str = "compare.txt";
/// The name of the page.
const PAGE_FILE: &str = "report.html";
/// How long one model may take before it counts as dead. On an idle machine none needs three seconds; a busy
/// machine shall still see the end of its tour.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "tour",
    summary: "The main job: the calculator in every model, under load, and what to look at",
    syntax: Syntax { options: OPTIONS, operands: &[] },
    examples: &[
        ("handloom tour", "Every model under the same load; some seconds."),
        ("handloom tour --out /tmp/tour", "The same, with its report elsewhere."),
    ],
    run,
};

/// The options.
const OPTIONS: &[Opt] = &[
    Opt::value("out", "DIR", "where compare.svg, compare.txt and report.html are written")
        .default("handloom-tour"),
    Opt::value("connections", "N", "connections that ask at once").short('c').default("64"),
    Opt::value("requests", "N", "requests to each model").short('n').default("50000"),
];

/// What to notice, when the table is there.
const NOTICES: [&str; 6] = [
    "sequential: p50 against max. Whoever has its turn is served at once; everybody else waits for the whole \
     conversation of those before. And between two requests of the one client there is nothing else to do: the \
     server falls asleep and is woken each time, which costs more than the answer does.",
    "threads and pool: a thread for each client, most of them asleep. Look at the threads and at the peak memory; \
     the kernel does the waiting, and a switch between threads is in each request's processor time.",
    "prefork: the same with processes. The memory looks worst since pages that all share are counted in each; what \
     it buys is that a worker which dies takes nobody with it.",
    "callbacks, generators, async: one thread, one selector. The first is the fastest to write wrongly, the second \
     is the course's own, the third reads like sequential code and waits like the other two.",
    "async against callbacks: the price of futures, in processor time per request. Most of that time is the \
     kernel's own, for one read and one write, and no model can save it.",
    "busy: near to 100 % the server was the limit, and its requests per second are what it can do. Where it is far \
     from that, the client or another program was; then trust the processor time per request.",
];

/// What a model is, in a line.
fn introduction(model: Model) -> &'static str {
    match model {
        Model::Sequential => "one client at a time; the others wait in the kernel's backlog",
        Model::Threads => "a thread for each client; the kernel switches between them",
        Model::Pool => "a fixed number of threads; a client more than that waits",
        Model::Prefork => "a fixed number of processes that share the listener",
        Model::Callbacks => "one thread and a selector; a closure for what happens next",
        Model::Generators => {
            "one thread and a selector; coroutines by hand, as in the course's server"
        }
        Model::Async => "one thread and a selector; futures on the event loop of this house",
    }
}

/// Introduces, runs, shows, and explains.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let contest = Contest {
        entrants: entrants()?,
        connections: args.value("connections", whole("connections", 1..=MOST_CONNECTIONS))?,
        depth: 1,
        requests: args.value("requests", whole("requests", 1..=MOST_REQUESTS))? as u64,
        timeout: TIMEOUT,
        rounds: 1,
    };
    let out = args.value("out", directory)?;
    // Who reads this while the servers run knows what to expect of each.
    output.line(format_args!("{TITLE}\n"))?;
    for model in Model::ALL {
        output.line(format_args!("  {:<12}{}", model.name(), introduction(model)))?;
    }
    output.line("")?;
    let outcome = hold(&contest, output)?;
    output.bytes(table(&contest, &outcome).as_bytes())?;
    // A table that ctrl-c cut short has too little in it to be explained.
    if !outcome.is_stopped {
        output.line("\nWhat to notice\n")?;
        for notice in NOTICES {
            output.line(format_args!("- {notice}"))?;
        }
    }
    write_report(&out, &contest, &outcome)?;
    output.line(format_args!("\nThe report: {}", out.join(PAGE_FILE).display()))?;
    verdict(&outcome)
}

/// Every model as a server of this program.
fn entrants() -> Result<Vec<Entrant>, Failure> {
    let entrants = Model::ALL.into_iter().map(Entrant::of_model);
    let entrants: Result<_, _> = entrants.collect();
    entrants.map_err(|error| Failure::while_doing("find this program", error))
}

/// Writes the picture, the table and the page (`TOUR-3`).
fn write_report(directory: &Path, contest: &Contest, outcome: &Outcome) -> Result<(), Failure> {
    let introductions = Model::ALL.map(|model| (model.name(), introduction(model)));
    let page = page(TITLE, &introductions, contest, outcome, &NOTICES);
    write_into(directory, CHART_FILE, &chart(contest, outcome))?;
    write_into(directory, TABLE_FILE, &table(contest, outcome))?;
    write_into(directory, PAGE_FILE, &page)
}
