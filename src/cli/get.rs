//! `handloom get`: one resource to stdout, as curl(1) would.
//!
//! **Invariants**
//! - `GET-1`: stdout gets the body of the final response, unaltered and as it comes, and nothing else. A response
//!   with any status is a success, unless `--fail` is given; stderr names a status from 400 on.
//! - `GET-2`: ctrl-c ends it at once with 130, whatever it waits for, without a message on stderr.
//! - `GET-3`: the file of `--output` has its new content when that is complete, and the old one until then
//!   (`OutputFile` has the exceptions).

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::command_line::{Args, Subcommand};
use super::interrupt::exit_when_interrupted;
use super::output::{Doing, Failure, Output, quiet_loop};
use super::values::{one_of, path, seconds, text, whole};
use crate::http::ResponseHead;
use crate::web;
use crate::web::client::{
    Fault, Options, OutputFile, Phase, Request, Sink, asynchronous, blocking,
};

/// The longest time limit: a large file may take days.
const MOST_TIMEOUT: Duration = Duration::from_hours(24 * 365);

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "get",
    summary: "Fetches one resource over HTTP: its body to stdout",
    options: &[
        "URL: what to fetch: http://…",
        "--mode M [async]: blocking, with calls that block; or async, on the event loop",
        "--timeout S: the most seconds that it may take; 60 unless --output is given",
        "--max-bytes N: a larger body is a failure; 10485760 (10 MiB) unless --output is given",
        "--max-redirects N [10]: the most redirects that are followed",
        "--output FILE: writes the body there, of any size; - is stdout",
        "--include: writes the status line and the fields of the answer before the body",
        "--fail: a status from 400 on is a failure, and its body is not written",
    ],
    examples: &[
        "handloom get http://127.0.0.1:8000/  # Writes the page to stdout.",
        "handloom get --mode blocking --timeout 2 http://127.0.0.1:8000/  # Without an event loop; it fails after two seconds.",
        "handloom get --output image.iso http://127.0.0.1:8000/image.iso  # To a file of any size.",
    ],
    run,
};

/// Fetches the resource.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let on_loop = args.value("mode", text(one_of(["blocking", "async"])))? == 1;
    let name = args.optional("output", path("a file"))?.filter(|name| name.as_os_str() != "-");
    let options = options(args, name.is_some())?;
    let request = args.operand(text(|url| match Request::get(url) {
        Err(web::client::Failure { fault: Fault::Url(error), .. }) if !error.is_unsupported() => {
            Err(error.to_string())
        }
        request => Ok(request),
    }))?;
    let request = request.map_err(|failure| Failure::Failed(failure.to_string()))?;
    let shown = name.as_ref().map_or("stdout".into(), |name| name.to_string_lossy());
    let part = Arc::new(Mutex::new(None::<PathBuf>));
    let at_the_end = Arc::clone(&part);
    // GET-2, GET-3; the open of a pipe waits for its reader.
    exit_when_interrupted(args, move || {
        drop(at_the_end.lock().map(|mut part| part.take().map(fs::remove_file)));
    })?;
    let file = name.as_deref().map_or_else(OutputFile::stdout, OutputFile::open);
    let file = file.doing(format_args!("write {shown}"))?;
    *part.lock().expect("holds because no thread panics with it") = file.part();
    let mut body = ShownResponse { file, shows_head: args.is_given("include") };
    let fetched = if on_loop {
        // A sink that blocks holds up the loop; there is no other task that would have to wait.
        quiet_loop()?
            .block_on(async { asynchronous::Client::new(options).fetch(&request, &mut body).await })
    } else {
        blocking::Client::new(options).fetch(&request, &mut body)
    };
    let fetched = fetched.map_err(|failure| match &failure.fault {
        Fault::Io(Phase::Store, error) => match error.kind() {
            // The program that reads stdout has had enough.
            io::ErrorKind::BrokenPipe => Failure::StdoutClosed,
            _ => Failure::while_doing(format_args!("write {shown}"), error),
        },
        _ => Failure::Failed(failure.to_string()),
    });
    let status = fetched?.status();
    body.file.finish().doing(format_args!("write {shown}"))?;
    if status.is_failure() {
        output.note(format_args!("handloom get: status: {status} {}", status.reason()));
    }
    Ok(())
}

/// Where the body goes, perhaps with the head before it.
struct ShownResponse {
    /// The file, or stdout.
    file: OutputFile,
    /// Whether the head is written too.
    shows_head: bool,
}

impl Sink for ShownResponse {
    fn begin(&mut self, head: &ResponseHead) -> io::Result<()> {
        self.file.begin(head)?;
        if self.shows_head { self.take(head.as_bytes()) } else { Ok(()) }
    }

    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.take(piece)
    }
}

/// Reads the limits.
fn options(args: &Args, has_file: bool) -> Result<Options, Failure> {
    let timeout = args.optional("timeout", seconds(Duration::from_millis(1), MOST_TIMEOUT))?;
    let mut options = Options {
        redirects: args.value("max-redirects", whole("redirects", 0..=1000))?,
        fails: args.is_given("fail"),
        ..Options::default()
    };
    if let Some(limit) = timeout {
        // A given limit holds for the first byte too, which has 30 s by default.
        (options.whole, options.silence) = (limit, limit);
    } else if has_file {
        // A large file takes long, and the limit on silence ends a download that stands still.
        options.whole = MOST_TIMEOUT;
    }
    let most = args.optional("max-bytes", whole("bytes", 0..=usize::MAX))?;
    // A body that goes to a file takes no memory.
    if most.is_some() || has_file {
        options.body_bytes = most.map(|most| most as u64);
    }
    Ok(options)
}
