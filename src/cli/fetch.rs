//! `handloom fetch`: the course's second task, many links at once, one after another, on threads, on the event loop.
//!
//! **Invariants**
//! - `FETCHCMD-1`: every link is fetched in every mode, also after others have failed. With 0 every one of them had a
//!   complete response, of whatever status; with 1 at least one had none, and the summary names it (`FETCHSHOW-1`).
//! - `FETCHCMD-2`: ctrl-c ends it at once with 130, whatever it waits for; every line of the logs is whole.
//! - `FETCHCMD-3`: without a link the embedded site is fetched, on loopback, and nothing else.
//! - `FETCHCMD-4`: a line of `--urls` is a link, save for the blanks around it; empty lines and those that begin with
//!   `#` are not.
//!
//! **Left out**: keeping the bodies (that is what `get --output` is for), and following links within pages.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use super::command_line::{Args, Opt, Subcommand};
use super::failure::{Doing, Failure};
use super::interrupt::exit_when_interrupted;
use super::output::Output;
use super::values::{parsed, path, seconds, text, whole};
use crate::fetch::{
    EmbeddedSite, FetchOutcome, FetchPlan, Gate, Log, Mode, embed, failures, fetch_links, site,
    table, to_json,
};
use crate::os::limits::raise_open_files;
use crate::web::client::Options;
use crate::web::server::Config;

/// The shortest limit that may be asked for.
const LEAST_TIMEOUT: Duration = Duration::from_millis(1);

/// The longest.
const MOST_TIMEOUT: Duration = Duration::from_hours(24);

/// The most links at once. Taste: a thread for each of them is possible, and nothing to be proud of.
const MOST_AT_ONCE: usize = 10_000;

/// How long ctrl-c waits for a line that is being written: half of what the whole end may take.
const LONGEST_LINE: Duration = Duration::from_millis(50);

/// How long a line of progress stands at least: what comes faster nobody can read.
const PROGRESS: Duration = Duration::from_millis(50);

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "fetch",
    summary: "Many links over HTTP: one after another, on threads, on the event loop; a log of each",
    options: &[
        Opt::new("--mode M", "sequential, threads, async or all").default("all"),
        Opt::new("--concurrency N", "links at once, on threads and on the event loop")
            .default("100"),
        Opt::new("--timeout S", "seconds for each link, redirects included").default("60"),
        Opt::new("--urls FILE", "the links, one a line; # begins a comment; - is stdin"),
        Opt::new("--log-dir DIR", "where fetch-MODE.log is written").default("handloom-fetch"),
        Opt::new("--json", "prints one JSON object; times in microseconds"),
    ],
    operands: &[("[URL...]", "what to fetch; by default every page of an embedded site")],
    examples: &[
        ("handloom fetch", "A dozen slow pages, a redirect and a 404, in every mode."),
        ("handloom fetch --mode async http://127.0.0.1:8000/ http://127.0.0.1:8000/page", "Two."),
        ("handloom fetch --urls links.txt --concurrency 500 --timeout 5", "A list of them."),
    ],
    run,
};

/// Fetches all of them and prints what came of it.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let modes = args.value("mode", text(modes))?;
    let options = options(args)?;
    let concurrency = args.value("concurrency", whole("links", 1..=MOST_AT_ONCE))?;
    let log_dir = args.value("log-dir", path("a directory"))?;
    let given = given_links(args)?;
    // As many as may be had; with fewer it works too (SHORTAGE-1).
    drop(raise_open_files());
    let gate = Gate::default();
    let gate_at_the_end = gate.clone();
    // FETCHCMD-2
    exit_when_interrupted(move || gate_at_the_end.shut(LONGEST_LINE))?;
    // It lives until all is printed.
    let site = if given.is_none() { Some(start_site()?) } else { None };
    let links = given.unwrap_or_else(|| site.iter().flat_map(site_links).collect());
    let serves_itself = site.is_some();
    let plan = FetchPlan { links: links.into(), concurrency, serves_itself, options };
    let outcomes = fetch_all(&plan, &modes, &log_dir, &gate, output)?;
    if args.is_given("json") {
        output.line(to_json(&plan.links, &outcomes))?;
    } else {
        output.bytes(table(&plan.links, &outcomes).as_bytes())?;
    }
    verdict(&plan.links, &outcomes)
}

/// Fetches all of them in one mode after another.
pub(crate) fn fetch_all(
    plan: &FetchPlan,
    modes: &[Mode],
    log_dir: &Path,
    gate: &Gate,
    output: &mut Output,
) -> Result<Vec<FetchOutcome>, Failure> {
    fs::create_dir_all(log_dir).doing(format_args!("make {}", log_dir.display()))?;
    let all = plan.links.len();
    let mut outcomes = Vec::new();
    for &mode in modes {
        let path = log_dir.join(Log::name(mode));
        let while_writing =
            |error| Failure::while_doing(format_args!("write {}", path.display()), error);
        let log = Log::create(log_dir, mode, gate).map_err(while_writing)?;
        let mut shown = Instant::now();
        output.progress(format_args!("{mode}: 0 of {all} links"));
        let outcome = fetch_links(plan, mode, log, &mut |done| {
            if shown.elapsed() >= PROGRESS {
                shown = Instant::now();
                output.progress(format_args!("{mode}: {done} of {all} links"));
            }
        });
        outcomes.push(outcome.doing(mode)?);
    }
    output.clear_progress();
    Ok(outcomes)
}

/// Starts the embedded site (`FETCHCMD-3`).
fn start_site() -> Result<EmbeddedSite, Failure> {
    embed(Config::default()).doing("embedded site")
}

/// The links of the embedded site.
fn site_links(site: &EmbeddedSite) -> impl Iterator<Item = String> {
    site::links().map(|path| site.url(path))
}

/// Reads the limits.
fn options(args: &Args) -> Result<Options, Failure> {
    let whole = args.value("timeout", seconds(LEAST_TIMEOUT, MOST_TIMEOUT))?;
    let mut options = Options { whole, ..Options::default() };
    if args.is_given("timeout") {
        // Whoever says how long to wait does not mean "but no longer than 30 s for the first byte".
        options.silence = whole;
    }
    Ok(options)
}

/// Reads which modes; "all" is each of them in turn.
fn modes(text: &str) -> Result<Vec<Mode>, String> {
    if text == "all" {
        return Ok(Mode::ALL.to_vec());
    }
    let mode = parsed::<Mode>(text);
    mode.map(|mode| vec![mode]).map_err(|expected| format!("{expected}, all"))
}

/// The links of the command line, or of the file that it names; none if it has neither.
fn given_links(args: &Args) -> Result<Option<Vec<String>>, Failure> {
    // What is wrong with an address is found out when it is fetched: it fails alone.
    let operands = args.operands(0, text(parsed::<String>))?;
    let Some(file) = args.optional("urls", path("a file"))? else {
        return Ok(Some(operands).filter(|links| !links.is_empty()));
    };
    if !operands.is_empty() {
        return Err(Failure::Usage("--urls: expected no URL beside it".to_owned()));
    }
    let shown = file.display();
    let text = read_text(&file).doing(format_args!("read {shown}"))?;
    // FETCHCMD-4
    let is_link = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let links: Vec<_> = text.lines().map(str::trim).filter(is_link).map(str::to_owned).collect();
    // Most likely the wrong file; and it must not be taken for "no link", which means the embedded site.
    if links.is_empty() {
        return Err(Failure::Failed(format!("read {shown}: there is no link in it")));
    }
    Ok(Some(links))
}

/// Reads a file to its end; `-` is stdin.
fn read_text(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    fs::read_to_string(file)
}

/// How the program ends (`FETCHCMD-1`).
pub(crate) fn verdict(links: &[String], outcomes: &[FetchOutcome]) -> Result<(), Failure> {
    let failed = (0..links.len())
        .filter(|&number| outcomes.iter().any(|outcome| outcome.fetches[number].result.is_err()));
    let failed = failed.count();
    match failures(links, outcomes).first() {
        None => Ok(()),
        Some(first) => {
            let all = links.len();
            Err(Failure::Failed(format!("{failed} of {all} links failed, the first {first}")))
        }
    }
}
