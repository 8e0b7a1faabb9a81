//! `handloom fetch`: the course's second task, many links at once, one after another, on threads, on the event loop.
//!
//! **Invariants**
//! - `FETCHCMD-1`: every link is fetched in every mode, also after others have failed. With 0 each of them had a
//!   complete response, of whatever status; with 1 a link had none, or a log is not complete, which is named.
//! - `FETCHCMD-2`: ctrl-c ends it at once with 130, whatever it waits for; every line of the logs is complete.
//! - `FETCHCMD-3`: without a link the embedded site is fetched, on loopback, and nothing else.
//! - `FETCHCMD-4`: with a link that is no address nothing is fetched ([`read_links`]).

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::command_line::{Args, Subcommand};
use super::interrupt::exit_when_interrupted;
use super::output::{Doing, Failure, Output, make_directory};
use super::timeline::TRACE;
use super::values::{one_of, path, text, time_limit, whole};
use crate::fetch::{
    FetchOutcome, FetchPlan, Gate, Log, Mode, embed, failures, fetch_links, read_link, read_links,
    site, table, to_json,
};
use crate::os::limits::raise_open_files;
use crate::os::{PollFd, poll};
use crate::web::client::Options;
use crate::web::server::Config;

/// The most links at once: more threads than that may be too many for the machine.
const MOST_AT_ONCE: usize = 10_000;
/// The longest list of links, in bytes: a million links. A longer file is hardly a list.
const MOST_LIST_BYTES: u64 = 64 << 20;
/// How long ctrl-c waits for a line that is being written: half of what the whole end may take.
const LONGEST_LINE: Duration = Duration::from_millis(50);
/// The shortest time between two lines of progress.
const PROGRESS: Duration = Duration::from_millis(50);

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "fetch",
    summary: "Fetches many links: one after another, on threads, and on the event loop",
    options: &[
        "[URL...]: what to fetch; by default every page of an embedded site",
        "--mode M [all]: sequential, threads, async or all",
        "--concurrency N [100]: the most links at the same time, on threads and on the event loop",
        "--timeout S [60]: the most seconds for each link, redirects included",
        "--urls FILE: reads the links there, one a line; # begins a comment line; - is stdin",
        "--log-dir DIR [handloom-fetch]: writes the logs fetch-MODE.log there",
        "--json: prints one JSON object; times in microseconds",
        TRACE,
    ],
    examples: &[
        "handloom fetch  # A dozen slow pages, a redirect and a 404, in every mode.",
        "handloom fetch --mode async http://127.0.0.1:8000/ http://127.0.0.1:8000/page  # Two links, on the event loop.",
        "handloom fetch --urls links.txt --concurrency 500 --timeout 5  # The links of a file.",
    ],
    run,
};

/// Fetches all links and prints the results.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let modes = args.value("mode", text(modes))?;
    let whole_time = args.value("timeout", time_limit())?;
    let mut options = Options { whole: whole_time, ..Options::default() };
    if args.is_given("timeout") {
        // A given limit holds for the first byte too, which has 30 s by default.
        options.silence = whole_time;
    }
    let concurrency = args.value("concurrency", whole("links", 1..=MOST_AT_ONCE))?;
    args.refuse("concurrency", modes == [Mode::Sequential], "threads and async", "sequential")?;
    let log_dir = args.value("log-dir", path("a directory"))?;
    let gate = Gate::default();
    let gate_at_the_end = gate.clone();
    // FETCHCMD-2; a list in a pipe is waited for too.
    exit_when_interrupted(args, move || gate_at_the_end.shut(LONGEST_LINE))?;
    let given = given_links(args)?;
    drop(raise_open_files());
    // The site, if there is one, serves until all is printed (FETCHCMD-3).
    let embedded = given.is_none().then(|| embed(Config::default()));
    let embedded = embedded.transpose().doing("embedded site")?;
    let own_links = embedded.iter().flat_map(|own| site::links().map(|path| own.url(path)));
    let links = given.unwrap_or_else(|| own_links.collect()).into();
    let plan = FetchPlan { links, concurrency, serves_itself: embedded.is_some(), options };
    let outcomes = fetch_all(&plan, &modes, &log_dir, &gate, output)?;
    let results = table(&plan.links, &outcomes);
    output.result(args.is_given("json"), to_json(&plan.links, &outcomes), &results)?;
    verdict(&plan.links, &outcomes)
}

/// Fetches all links in one mode after another.
fn fetch_all(
    plan: &FetchPlan,
    modes: &[Mode],
    log_dir: &Path,
    gate: &Gate,
    output: &mut Output,
) -> Result<Vec<FetchOutcome>, Failure> {
    make_directory(log_dir)?;
    let all = plan.links.len();
    let mut outcomes = Vec::new();
    for &mode in modes {
        let path = log_dir.join(Log::name(mode));
        let log = Log::create(log_dir, mode, gate);
        let log = log.doing(format_args!("write {}", path.display()))?;
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

/// Reads which modes; "all" is each of them in turn.
fn modes(text: &str) -> Result<Vec<Mode>, String> {
    if text == "all" {
        return Ok(Mode::ALL.to_vec());
    }
    let place = one_of(Mode::ALL.map(Mode::name))(text);
    place.map(|at| vec![Mode::ALL[at]]).map_err(|expected| format!("{expected}, all"))
}

/// The links of the command line, or of the file that it names; none if it has neither.
fn given_links(args: &Args) -> Result<Option<Vec<String>>, Failure> {
    let operands = args.operands(|word: &OsStr| read_link(word.as_bytes()))?;
    let Some(file) = args.optional("urls", path("a file"))? else {
        return Ok(Some(operands).filter(|links| !links.is_empty()));
    };
    if !operands.is_empty() {
        return Err(Failure::Usage("--urls: expected no URL beside it".to_owned()));
    }
    let shown = file.display();
    let list = read_list(&file).doing(format_args!("read {shown}"))?;
    let links = read_links(&list).map_err(|wrong| Failure::Usage(format!("{shown}, {wrong}")))?;
    // Most likely the wrong file; and "no link" would mean the embedded site.
    if links.is_empty() {
        return Err(Failure::Failed(format!("read {shown}: there is no link in it")));
    }
    Ok(Some(links))
}

/// Reads a file, or stdin, also where another program has made that non-blocking.
fn read_list(file: &Path) -> io::Result<Vec<u8>> {
    let stdin = || io::stdin().as_fd().try_clone_to_owned().map(File::from);
    let source = if file.as_os_str() == "-" { stdin() } else { File::open(file) }?;
    let (mut source, mut list) = (source.take(MOST_LIST_BYTES), Vec::new());
    while let Err(error) = source.read_to_end(&mut list) {
        if error.kind() != io::ErrorKind::WouldBlock {
            return Err(error);
        }
        poll(&mut [PollFd::readable(source.get_ref().as_fd())], None)?;
    }
    let too_long = || io::Error::other("longer than 64 MiB; is it a list of links?");
    if source.limit() > 0 { Ok(list) } else { Err(too_long()) }
}

/// How the program ends (`FETCHCMD-1`).
fn verdict(links: &[String], outcomes: &[FetchOutcome]) -> Result<(), Failure> {
    if let Some(error) = outcomes.iter().find_map(|outcome| outcome.log_error.as_ref()) {
        return Err(Failure::Failed(error.to_string()));
    }
    let failures = failures(links, outcomes);
    let Some(first) = failures.first() else { return Ok(()) };
    let has_failed =
        |&number: &usize| outcomes.iter().any(|outcome| outcome.fetches[number].result.is_err());
    let (failed, all) = ((0..links.len()).filter(has_failed).count(), links.len());
    Err(Failure::Failed(format!("{failed} of {all} links failed, the first {first}")))
}
