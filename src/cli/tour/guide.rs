//! The guide: runs part after part, and writes the report. It needs this program and nothing else: servers, clients,
//! pages and files are its own.
//!
//! **Invariants**
//! - `TOUR-2`: it ends with 0 only if every part did what the course asks. When a part fails, the others still run.
//! - `TOUR-3`: what it prints is also in its directory, as files and as a page that needs no other file; after ctrl-c,
//!   the parts that ran.

use std::ffi::OsStr;
use std::fs;
use std::thread::available_parallelism;
use std::time::{Instant, SystemTime};

use super::super::command_line::{Args, Subcommand};
use super::super::interrupt::interruption;
use super::super::load::load;
use super::super::output::{Doing, Failure, Output, make_directory, open_early, write_into};
use super::super::values::{path, whole};
use super::part::{Part, Shown, Tour};
use super::{conversation, gateway, programs};
use crate::compare::Load;
use crate::http::date::log_stamp;
use crate::report::{Page, output_columns, span};

/// The name of the page.
const PAGE_FILE: &str = "report.html";

/// Every part, in the order of the course. A part more is a line more.
const PARTS: [&Part; 7] = [
    &conversation::PART,
    &programs::TIMELINE,
    &programs::MODELS,
    &programs::FETCHING,
    &programs::FACTORIALS,
    &programs::WATCHING,
    &gateway::PART,
];

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "tour",
    summary: "The main job: the course's tasks one after another, with what to look at",
    options: &[
        "--out DIR [handloom-tour]: where logs, tables, pictures and report.html are written",
        "-c, --connections N [64]: connections that ask each calculator at once",
        "-d, --depth N [1]: requests sent before a reply is read",
        "-n, --requests N [50000]: requests to each calculator",
        "--timeout S [60]: how long each calculator may take",
        "--part N: this part alone, 1 to 7: a conversation, the timeline, the models, the pages, the factorials, the file, the weather",
    ],
    examples: &[
        "handloom tour  # All of it; less than a minute.",
        "handloom tour --out /tmp/tour  # The same, with its report elsewhere.",
    ],
    run,
};

/// Runs the parts, and writes the report.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let out = args.value("out", path("a directory"))?;
    let Load { connections, depth, requests, timeout, .. } = load(args)?;
    let load =
        format!("-c{connections} -d{depth} -n{requests} --timeout={}", timeout.as_secs_f64());
    let load = load.split(' ').map(str::to_owned).collect();
    let wanted = args.optional("part", part)?;
    let tour = Tour { directory: &out, load, stop: interruption()? };
    make_directory(&out)?;
    open_early(&out.join(PAGE_FILE))?;
    let mut page = front_page();
    let (mut failed, mut interrupted) = (Vec::new(), false);
    for (part, number) in PARTS.into_iter().zip(1..) {
        page.heading(&format!("part-{number}"), &title(number));
        page.text(part.introduction);
        let why = if interrupted { "the tour was interrupted before" } else { "not asked for" };
        if interrupted || wanted.is_some_and(|wanted| wanted != number) {
            page.paragraph(&format!("Not run: {why}."));
            continue;
        }
        let rule = "─".repeat(output_columns());
        output.line(format_args!("{rule}\n{}\n{rule}", title(number)))?;
        output.text(&format!("{}\n\n", part.introduction))?;
        let begun = Instant::now();
        let shown = (part.run)(&tour, output)
            .unwrap_or_else(|failure| Shown { failure: Some(failure), ..Shown::default() });
        output.clear_progress();
        match show(part, shown, &tour, &mut page, output)? {
            None => {}
            Some(Failure::Interrupted) => {
                page.paragraph("Interrupted: this part has not come to its end.");
                interrupted = true;
            }
            Some(Failure::Failed(why)) => {
                page.paragraph(&format!("Failed: {why}"));
                output.note(format_args!("handloom tour: {}: {why}", title(number)));
                failed.push(part.title);
            }
            Some(other) => return Err(other),
        }
        output.line(format_args!("\n({})\n", span(begun.elapsed())))?;
    }
    write_into(&out, PAGE_FILE, &page.finish())?;
    output.line(format_args!("The report: {}", out.join(PAGE_FILE).display()))?;
    match &*failed {
        _ if interrupted => Err(Failure::Interrupted),
        [] => Ok(()),
        failed => Err(Failure::Failed(format!("not all was right with: {}", failed.join("; ")))),
    }
}

/// Reads the number of a part.
fn part(text: &OsStr) -> Result<usize, String> {
    let number = whole("", 1..=PARTS.len())(text);
    number.map_err(|_| format!("expected the number of a part, from 1 to {}", PARTS.len()))
}

/// The heading of a part; the first has number 1.
fn title(number: usize) -> String {
    format!("Part {number} of {}: {}", PARTS.len(), PARTS[number - 1].title)
}

/// The page with when and where the tour runs, and the links to its parts.
fn front_page() -> Page {
    let processors = available_parallelism().map_or(1, usize::from);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let name = name.map_or("processors", |(_, name)| name);
    let mut page = Page::new("A tour of handloom");
    page.paragraph(&format!("{}, {processors} × {name}", log_stamp(SystemTime::now())));
    let contents = |number| (format!("#part-{number}"), title(number));
    page.links(&(1..=PARTS.len()).map(contents).collect::<Vec<_>>());
    page
}

/// Prints what a part has to show, and puts it into the directory and on the page (`TOUR-3`); returns its failure.
fn show(
    part: &Part,
    shown: Shown,
    tour: &Tour<'_>,
    page: &mut Page,
    output: &mut Output,
) -> Result<Option<Failure>, Failure> {
    let Shown { text, picture, mut files, failure } = shown;
    output.text(&text)?;
    page.text(&text);
    if let Some(name) = picture {
        files.extend([format!("{name}.txt"), format!("{name}.svg")]);
        write_into(tour.directory, &format!("{name}.txt"), &text)?;
        // A picture of an interrupted part would be empty, an old one, or lack its last rows.
        if failure.is_none() {
            let path = tour.directory.join(format!("{name}.svg"));
            let svg = fs::read_to_string(&path).doing(format_args!("read {}", path.display()))?;
            page.picture(&svg);
        }
    }
    let is_kept = |it: &str| failure.is_none() || it.contains(".txt") || it.contains(".log");
    files.retain(|file| is_kept(file) && tour.directory.join(file).exists());
    page.links(&files.into_iter().map(|file| (file.clone(), file)).collect::<Vec<_>>());
    // The notices describe a part that succeeded.
    if failure.is_none() {
        page.list(part.notices);
        let notices = part.notices.iter().map(|notice| format!("\n- {notice}"));
        output.text(&format!("\nWhat to notice\n{}\n", notices.collect::<String>()))?;
    }
    Ok(failure)
}
