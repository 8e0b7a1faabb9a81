//! `handloom gateway`: the weather of many cities behind `GET /weather?city=…`.
//!
//! **Invariants**
//! - `GATEWAYCMD-2`: stdout has the line `listening on ADDRESS` and nothing else; the access log goes to stderr, or to
//!   the end of a file, which is opened before that line is written.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::time::SystemTime;

use super::command_line::{Args, Subcommand};
use super::interrupt::listen_and_serve;
use super::output::{Doing, Failure, Output};
use super::timeline::TRACE;
use super::values::{Address, grace, path, time_limit, whole};
use super::weather::{APPID, TIMEOUT, UPSTREAM, upstream};
use crate::weather::gateway::{self, Settings, log_line};
use crate::web::server::{AccessLog, Answered, Config};

/// The most calls that may be allowed: each takes a descriptor, and the limit of those is rarely higher.
const MOST_CALLS: usize = 100_000;

/// What is declared. A test compares the defaults with those of [`Settings`].
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "gateway",
    summary: "Serves the weather of many cities as JSON: /weather?city=Moscow&city=London",
    options: &[
        "--addr ADDR [127.0.0.1:8080]: where to listen, as HOST:PORT; port 0 takes a free one",
        UPSTREAM,
        APPID,
        "--max-upstream N [64]: the most requests to the weather service at the same time",
        TIMEOUT,
        "--grace S [5]: the most seconds for requests in progress after ctrl-c",
        "--access-log FILE [-]: adds a line for each answer to this file; - is stderr",
        TRACE,
    ],
    examples: &[
        "handloom gateway  # On 127.0.0.1:8080; try /weather?city=Moscow&city=New+York there.",
        "handloom gateway --upstream http://api.openweathermap.org --appid KEY  # Asks the real service.",
    ],
    run,
};

/// Serves until a signal comes.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let settings = Settings {
        upstream: upstream(args)?,
        most_calls: args.value("max-upstream", whole("requests", 1..=MOST_CALLS))?,
        timeout: args.value("timeout", time_limit())?,
        server: Config { grace: args.value("grace", grace())?, ..Config::default() },
    };
    let address = args.value("addr", Address::reader(0))?;
    let log = access_log(args)?;
    let log = move |answered: &Answered<'_>| {
        if let Some(log) = &log {
            log.write(&log_line(answered, SystemTime::now()));
        }
    };
    listen_and_serve(&address, "gateway", "http://", output, |listener, stop, ready| {
        gateway::serve(listener, settings, log, stop, ready)
    })
}

/// Opens the access log of a server at its end; `-` is stderr.
pub(crate) fn access_log(args: &Args) -> Result<Option<AccessLog>, Failure> {
    let Some(path) = args.optional("access-log", path("a file"))? else { return Ok(None) };
    let opened = if path.as_os_str() == "-" {
        io::stderr().as_fd().try_clone_to_owned().map(File::from)
    } else {
        OpenOptions::new().append(true).create(true).open(&path)
    };
    opened.map(|file| Some(AccessLog::new(file))).doing(format_args!("write {}", path.display()))
}
