//! The guide: runs part after part, and writes the report. It needs this program and nothing else: servers, clients,
//! pages and files are its own.
//!
//! **Invariants**
//! - `TOUR-2`: it ends with 0 only if every part did what the course asks. When a part fails, the others still run.
//! - `TOUR-3`: what it prints is also in its directory, as files and as a page that needs no other file; after ctrl-c,
//!   the parts that ran.

use std::path::Path;
use std::time::Instant;

use super::super::command_line::{Args, Opt, Subcommand};
use super::super::failure::Failure;
use super::super::interrupt::interruption;
use super::super::load::{MOST_CONNECTIONS, MOST_REQUESTS};
use super::super::output::{Output, make_directory, write_into};
use super::super::values::{path, whole};
use super::part::{Part, Shown, Tour};
use super::{conversation, factorials, fetching, gateway, models, watching};
use crate::report::{Page, span};

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
    options: &[
        Opt::new("--out DIR", "where logs, tables, pictures and report.html are written")
            .default("handloom-tour"),
        Opt::new("-c, --connections N", "connections that ask each calculator at once")
            .default("64"),
        Opt::new("-n, --requests N", "requests to each calculator").default("50000"),
    ],
    operands: &[],
    examples: &[
        ("handloom tour", "All of it; less than a minute."),
        ("handloom tour --out /tmp/tour", "The same, with its report elsewhere."),
    ],
    run,
};

/// Runs the parts, and writes the report.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let out = args.value("out", path("a directory"))?;
    make_directory(&out)?;
    let tour = Tour {
        directory: &out,
        stop: interruption()?,
        connections: args.value("connections", whole("connections", 1..=MOST_CONNECTIONS))?,
        requests: args.value("requests", whole("requests", 1..=MOST_REQUESTS))? as u64,
    };
    let mut page = Page::new("A tour of handloom");
    let mut failed = Vec::new();
    let mut interrupted = false;
    for (part, number) in PARTS.into_iter().zip(1..) {
        output.line(format_args!("{number}. {}\n", part.title))?;
        part.introduction.iter().try_for_each(|line| output.line(line))?;
        output.line("")?;
        let begun = Instant::now();
        let shown = (part.run)(&tour, output);
        output.clear_progress();
        if let Err(failure) = shown.and_then(|shown| show(part, shown, &out, &mut page, output)) {
            interrupted = matches!(failure, Failure::Interrupted);
            let (title, all) = (part.title, PARTS.len());
            let line = match failure {
                Failure::Failed(why) => format!("{title}: {why}"),
                Failure::Interrupted => {
                    format!("Interrupted in part {number} of {all}: what follows did not run.")
                }
                other => return Err(other),
            };
            page.paragraph(&line);
            output.note(format_args!("handloom tour: {line}"));
            if interrupted {
                break;
            }
            failed.push(title);
        }
        output.line(format_args!("\n({})\n", span(begun.elapsed())))?;
    }
    write_into(&out, PAGE_FILE, &page.finish())?;
    output.line(format_args!("The report: {}", out.join(PAGE_FILE).display()))?;
    if interrupted {
        return Err(Failure::Interrupted);
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!("not all was right with: {}", failed.join("; "))))
}

/// Prints what a part has to show, and puts it into the directory and on the page (`TOUR-3`).
fn show(
    part: &Part,
    shown: Shown,
    out: &Path,
    page: &mut Page,
    output: &mut Output,
) -> Result<(), Failure> {
    let Shown { text, chart, verdict } = shown;
    output.bytes(text.as_bytes())?;
    page.heading(part.title);
    page.paragraph(&part.introduction.join(" "));
    if let Some((name, svg)) = &chart {
        write_into(out, &format!("{name}.txt"), &text)?;
        write_into(out, &format!("{name}.svg"), svg)?;
        page.picture(svg);
    }
    page.verbatim(&text);
    // The notices describe a part that succeeded.
    verdict?;
    output.line("\nWhat to notice\n")?;
    page.list(part.notices);
    part.notices.iter().try_for_each(|notice| output.line(format_args!("- {notice}")))
}
