//! The guide: from part to part, and then the report.
//!
//! **Invariants**
//! - `TOUR-1`: it needs nothing but this program: servers, clients, pages and files are its own.
//! - `TOUR-2`: it ends with 0 only if every part did what the course asks. A part that failed does not keep the others
//!   from being shown.
//! - `TOUR-3`: what it prints is also in its directory, as files and as a page that can be opened anywhere; after
//!   ctrl-c too, as far as it came.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::super::command_line::{Args, Opt, Subcommand};
use super::super::compare::write_into;
use super::super::failure::{Doing, Failure};
use super::super::interrupt::interruption;
use super::super::load::{MOST_CONNECTIONS, MOST_REQUESTS};
use super::super::output::Output;
use super::super::values::{path, whole};
use super::part::{Part, Shown, Tour};
use super::{conversation, factorials, fetching, gateway, models, watching};
use crate::report::{Page, span};

/// The title of the page and of the output.
const TITLE: &str = "A tour of handloom";
/// The name of the page.
const PAGE_FILE: &str = "report.html";

/// Every part, in the order of the course.
const PARTS: [&Part; 6] = [
    &conversation::PART,
    &models::PART,
    &fetching::PART,
    &factorials::PART,
    &watching::PART,
    &gateway::PART,
];

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "tour",
    summary: "The main job: the course's tasks one after another, with what to look at",
    options: OPTIONS,
    operands: &[],
    examples: &[
        ("handloom tour", "All of it; less than a minute."),
        ("handloom tour --out /tmp/tour", "The same, with its report elsewhere."),
    ],
    run,
};

/// The options.
const OPTIONS: &[Opt] = &[
    Opt::new("--out DIR", "where logs, tables, pictures and report.html are written")
        .default("handloom-tour"),
    Opt::new("-c, --connections N", "connections that ask each calculator at once").default("64"),
    Opt::new("-n, --requests N", "requests to each calculator").default("50000"),
];

/// Goes through the parts, and writes the report.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let out = args.value("out", path("a directory"))?;
    fs::create_dir_all(&out).doing(format_args!("write {}", out.display()))?;
    let tour = Tour {
        directory: &out,
        stop: interruption()?,
        connections: args.value("connections", whole("connections", 1..=MOST_CONNECTIONS))?,
        requests: args.value("requests", whole("requests", 1..=MOST_REQUESTS))? as u64,
    };
    let mut page = Page::new(TITLE);
    let mut failed = Vec::new();
    let mut interrupted = false;
    for (part, number) in PARTS.into_iter().zip(1..) {
        output.line(format_args!("{number}. {}\n", part.title))?;
        part.introduction.iter().try_for_each(|line| output.line(line))?;
        output.line("")?;
        let begun = Instant::now();
        let shown = (part.run)(&tour, output);
        output.clear_progress();
        match shown.and_then(|shown| show(part, shown, &out, &mut page, output)) {
            Ok(()) => {}
            Err(Failure::Interrupted) => {
                interrupted = true;
                let all = PARTS.len();
                let line =
                    format!("Interrupted in part {number} of {all}: what follows did not run.");
                page.paragraph(&line);
                output.note(format_args!("handloom tour: {line}"));
                break;
            }
            Err(Failure::Failed(why)) => {
                output.note(format_args!("handloom tour: {}: {why}", part.title));
                page.paragraph(&format!("{}: {why}", part.title));
                failed.push(part.title);
            }
            Err(other) => return Err(other),
        }
        output.line(format_args!("\n({})\n", span(begun.elapsed())))?;
    }
    write_into(&out, PAGE_FILE, &page.finish())?;
    output.line(format_args!("The report: {}", out.join(PAGE_FILE).display()))?;
    match failed.first() {
        _ if interrupted => Err(Failure::Interrupted),
        None => Ok(()),
        Some(_) => Err(Failure::Failed(format!("not all was right with: {}", failed.join("; ")))),
    }
}

/// Prints what a part has to show, and puts it into the directory and on the page (`TOUR-3`).
fn show(
    part: &Part,
    shown: Shown,
    out: &Path,
    page: &mut Page,
    output: &mut Output,
) -> Result<(), Failure> {
    let Shown { text, files, picture, verdict } = shown;
    output.bytes(text.as_bytes())?;
    page.heading(part.title);
    page.paragraph(&part.introduction.join(" "));
    for (name, contents) in &files {
        write_into(out, name, contents)?;
    }
    if let Some((name, svg)) = &picture {
        write_into(out, name, svg)?;
        page.picture(svg);
    }
    page.verbatim(&text);
    // What was cut short or went wrong has nothing in it to be explained.
    verdict?;
    output.line("\nWhat to notice\n")?;
    page.list(part.notices);
    part.notices.iter().try_for_each(|notice| output.line(format_args!("- {notice}")))
}
