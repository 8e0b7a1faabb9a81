//! `handloom get`: one resource to stdout, as curl(1) would.
//!
//! **Invariants**
//! - `GET-1`: stdout gets the body of the final response, unaltered and as it comes, and nothing else. A response
//!   with any status is a success; a body that breaks off is a failure, although its beginning has been written.
//! - `GET-2`: ctrl-c ends it at once with 130, whatever it waits for, without a word on stderr.
//! - `GET-3`: the file of `--output` is there when it is complete, and not before: until then its name ends with
//!   `.part`, and a failure or ctrl-c removes it.
//!
//! Like curl(1), and unlike a browser, it has no opinion of statuses: the page that says "404" is a page, and whoever
//! wants to tell it from another looks into it.
//!
//! **Left out**: showing the head, and every other of curl's two hundred options.
//!
//! **Source**: curl(1); rename(2) for `GET-3`.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use super::command_line::{Args, Opt, Subcommand};
use super::failure::{Doing, Failure};
use super::interrupt::exit_when_interrupted;
use super::output::{Output, quiet_loop};
use super::values::{parsed, path, seconds, text, whole};
use crate::web::client::{Fault, Options, Phase, Request, Sink, ToWriter, asynchronous, blocking};

/// The shortest limit that may be asked for.
const LEAST_TIMEOUT: Duration = Duration::from_millis(1);

/// The longest.
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

/// The ways to wait.
#[derive(Clone, Copy, Debug)]
enum Mode {
    /// The client on `std::net`.
    Blocking,
    /// The client on the event loop.
    Async,
}

/// Fetches it.
fn run(args: &Args, _: &mut Output) -> Result<(), Failure> {
    let mode = args.value("mode", text(read_mode))?;
    let output = args.optional("output", path("a file"))?;
    let options = options(args, output.is_some())?;
    let url: Option<String> = args.operand(0, text(parsed))?;
    let url = url.expect("holds because the operand is declared as required");
    // Before anything is opened or sent. It counts as a fetch that failed, as it would in a list of links.
    let request = Request::get(&url).map_err(|failure| Failure::Failed(failure.to_string()))?;
    let target = Target::new(output);
    let file = target.open()?;
    let part = target.part.clone();
    // GET-2, GET-3
    exit_when_interrupted(move || drop(part.map(fs::remove_file)))?;
    let fetched = fetch(mode, options, &request, &mut ToWriter(file));
    match fetched {
        Ok(()) => target.keep(),
        Err(failure) => {
            target.discard();
            Err(failure)
        }
    }
}

/// Fetches it in one of the modes.
fn fetch(
    mode: Mode,
    options: Options,
    request: &Request,
    sink: &mut dyn Sink,
) -> Result<(), Failure> {
    let fetched = match mode {
        Mode::Blocking => blocking::Client::new(options).fetch(request, sink),
        Mode::Async => {
            // A sink that blocks holds the loop. There is nobody else on it, so that is no news to tell.
            quiet_loop()?
                .block_on(async { asynchronous::Client::new(options).fetch(request, sink).await })
        }
    };
    match fetched {
        // Of any status (GET-1).
        Ok(_) => Ok(()),
        // Only a pipe breaks so: whoever read stdout has had enough.
        Err(failure) if is_broken_pipe(&failure.fault) => Err(Failure::StdoutClosed),
        Err(failure) => Err(Failure::Failed(failure.to_string())),
    }
}

/// Tells whether the body could not be handed over because nobody reads it any more.
fn is_broken_pipe(fault: &Fault) -> bool {
    let Fault::Io(Phase::Store, error) = fault else { return false };
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Reads the limits.
fn options(args: &Args, has_file: bool) -> Result<Options, Failure> {
    let mut options = Options {
        whole: args.value("timeout", seconds(LEAST_TIMEOUT, MOST_TIMEOUT))?,
        redirects: args.value("max-redirects", whole("redirects", 0..=1000))?,
        ..Options::default()
    };
    if args.is_given("timeout") {
        // Whoever says how long to wait does not mean "but no longer than 30 s for the first byte".
        options.silence = options.whole;
    }
    let most = args.optional("max-bytes", whole("bytes", 0..=usize::MAX))?;
    match most {
        Some(most) => options.body_bytes = Some(most as u64),
        // Memory is not what a file costs.
        None if has_file => options.body_bytes = None,
        None => {}
    }
    Ok(options)
}

/// Reads the name of a mode.
fn read_mode(text: &str) -> Result<Mode, String> {
    match text {
        "blocking" => Ok(Mode::Blocking),
        "async" => Ok(Mode::Async),
        _ => Err("expected blocking or async".to_owned()),
    }
}

/// Where the body goes.
struct Target {
    /// The file of `--output`; else stdout.
    file: Option<PathBuf>,
    /// The file that it is until it is complete (`GET-3`); none for a pipe or a device.
    part: Option<PathBuf>,
}

impl Target {
    /// Chooses the names; nothing is opened yet.
    fn new(file: Option<PathBuf>) -> Self {
        // A rename would put a file in the place of a pipe or of /dev/null.
        let is_special = |path: &PathBuf| fs::metadata(path).is_ok_and(|found| !found.is_file());
        let part = file.as_ref().filter(|path| !is_special(path)).map(|path| {
            let mut name = path.clone().into_os_string();
            name.push(".part");
            PathBuf::from(name)
        });
        Self { file, part }
    }

    /// Opens it for writing.
    fn open(&self) -> Result<File, Failure> {
        let Some(path) = self.part.as_ref().or(self.file.as_ref()) else {
            // A copy, past std's buffer, which would wait for the ends of lines.
            let copy = io::stdout().as_fd().try_clone_to_owned();
            return copy.map(File::from).map_err(|error| Failure::of_stdout(&error));
        };
        File::create(path).doing(format_args!("write {}", path.display()))
    }

    /// Gives the complete file its name.
    fn keep(&self) -> Result<(), Failure> {
        let (Some(file), Some(part)) = (&self.file, &self.part) else { return Ok(()) };
        fs::rename(part, file).doing(format_args!("write {}", file.display()))
    }

    /// Removes a file that is not complete.
    fn discard(&self) {
        if let Some(part) = &self.part {
            // What cannot be removed is left; the failure that brought us here is the one to be told.
            drop(fs::remove_file(part));
        }
    }
}
