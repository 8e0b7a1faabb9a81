//! `handloom get`: one resource to stdout, as curl(1) would.
//!
//! **Invariants**
//! - `GET-1`: stdout gets the body of the final response, unaltered and as it comes, and nothing else. A response
//!   with any status is a success, as with curl(1); a body that breaks off is a failure, although its beginning has
//!   been written.
//! - `GET-2`: ctrl-c ends it at once with 130, whatever it waits for, without a message on stderr.
//! - `GET-3`: the file of `--output` has its name only when it is complete. Until then the name ends with `.part`, and
//!   a failure or ctrl-c removes the file.
//!
//! **Left out**: showing the head, and every other of curl's two hundred options.
//!
//! **Source**: curl(1); rename(2) for `GET-3`.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command_line::{Args, Opt, Subcommand};
use super::failure::{Doing, Failure};
use super::interrupt::exit_when_interrupted;
use super::output::{Output, quiet_loop};
use super::values::{parsed, path, second_of, seconds, text, whole};
use crate::web::client::{Fault, Options, Phase, Request, Sink, ToWriter, asynchronous, blocking};

/// The longest time limit: a large file may take days.
const MOST_TIMEOUT: Duration = Duration::from_hours(24 * 365);

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "get",
    summary: "Fetches one resource over HTTP: its body to stdout",
    options: &[
        Opt::new("--mode M", "how to wait: blocking or async").default("async"),
        Opt::new("--timeout S", "seconds for all of it, redirects included").default("60"),
        Opt::new("--max-bytes N", "the largest body; 10485760 (10 MiB) unless --output is given"),
        Opt::new("--max-redirects N", "the most redirects that are followed").default("10"),
        Opt::new("--output FILE", "where the body goes instead of stdout; of any size"),
    ],
    operands: &[("URL", "what to fetch: http://…")],
    examples: &[
        ("handloom get http://127.0.0.1:8000/", "The page on stdout."),
        ("handloom get --mode blocking --timeout 2 http://127.0.0.1:8000/", "Without a loop."),
        ("handloom get --output image.iso http://127.0.0.1:8000/image.iso", "In constant memory."),
    ],
    run,
};

/// Fetches the resource.
fn run(args: &Args, _: &mut Output) -> Result<(), Failure> {
    let on_loop = args.value("mode", text(second_of("blocking", "async")))?;
    let output = args.optional("output", path("a file"))?;
    let options = options(args, output.is_some())?;
    let url: String = args.operand(text(parsed))?;
    // Before anything is opened or sent. It counts as a fetch that failed, as it would in a list of links.
    let request = Request::get(&url).map_err(|failure| Failure::Failed(failure.to_string()))?;
    let part = output.as_deref().and_then(part_of);
    let file = open(part.as_deref().or(output.as_deref()))?;
    let to_remove = part.clone();
    // GET-2, GET-3
    exit_when_interrupted(move || drop(to_remove.map(fs::remove_file)))?;
    let fetched = fetch(on_loop, options, &request, &mut ToWriter(file));
    let (Some(file), Some(part)) = (output, part) else { return fetched };
    if fetched.is_ok() {
        return fs::rename(part, &file).doing(format_args!("write {}", file.display()));
    }
    // The failure to report is that of the fetch.
    drop(fs::remove_file(part));
    fetched
}

/// Fetches it with the blocking client, or with the one on the event loop.
fn fetch(
    on_loop: bool,
    options: Options,
    request: &Request,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let fetched = if on_loop {
        // A sink that blocks holds up the loop; there is no other task that would have to wait.
        quiet_loop()?
            .block_on(async { asynchronous::Client::new(options).fetch(request, sink).await })
    } else {
        blocking::Client::new(options).fetch(request, sink)
    };
    match fetched {
        // Of any status (GET-1).
        Ok(_) => Ok(()),
        // Only a pipe breaks so: the program that reads stdout has had enough.
        Err(failure) if is_broken_pipe(&failure.fault) => Err(Failure::StdoutClosed),
        Err(failure) => Err(Failure::Failed(failure.to_string())),
    }
}

/// Tells whether the body could not be written because its reader has closed the pipe.
fn is_broken_pipe(fault: &Fault) -> bool {
    matches!(fault, Fault::Io(Phase::Store, error) if error.kind() == io::ErrorKind::BrokenPipe)
}

/// Reads the limits.
fn options(args: &Args, has_file: bool) -> Result<Options, Failure> {
    let mut options = Options {
        whole: args.value("timeout", seconds(Duration::from_millis(1), MOST_TIMEOUT))?,
        redirects: args.value("max-redirects", whole("redirects", 0..=1000))?,
        ..Options::default()
    };
    if args.is_given("timeout") {
        // A given limit holds for the first byte too, which has 30 s by default.
        options.silence = options.whole;
    }
    match args.optional("max-bytes", whole("bytes", 0..=usize::MAX))? {
        Some(most) => options.body_bytes = Some(most as u64),
        // A body that goes to a file takes no memory.
        None if has_file => options.body_bytes = None,
        None => {}
    }
    Ok(options)
}

/// The name of a file until it is complete (`GET-3`); none for a pipe or a device, which a rename would replace.
fn part_of(file: &Path) -> Option<PathBuf> {
    if fs::metadata(file).is_ok_and(|found| !found.is_file()) {
        return None;
    }
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    Some(name.into())
}

/// Opens a file for writing, or stdout.
fn open(file: Option<&Path>) -> Result<File, Failure> {
    let Some(path) = file else {
        // A copy, without std's buffer, which would hold back all but whole lines.
        let copy = io::stdout().as_fd().try_clone_to_owned();
        return copy.map(File::from).map_err(|error| Failure::of_stdout(&error));
    };
    File::create(path).doing(format_args!("write {}", path.display()))
}
