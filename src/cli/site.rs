//! `handloom site`: the embedded site as a server of its own, for browsers, `curl` and load generators.

use super::command_line::{Args, Subcommand};
use super::gateway::access_log;
use super::interrupt::listen_and_serve;
use super::output::{Failure, Output};
use super::values::{Address, grace, time_limit, whole};
use crate::fetch::site;
use crate::web::server::Config;

/// The largest body that may be allowed: it is held in memory.
const MOST_BODY_BYTES: usize = 1 << 30;

/// What is declared. A test compares the defaults with those of [`Config`].
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "site",
    summary: "Serves a small web site: slow pages, /hello, /echo, /q?q=..., /slow?ms=...",
    options: &[
        "--addr ADDR [127.0.0.1:8000]: where to listen, as HOST:PORT; port 0 takes a free one",
        "--max-connections N [10000]: further clients wait until one leaves",
        "--max-body BYTES [1048576]: a longer body of a request is refused with 413",
        "--head-timeout S [10]: the most seconds for the head of a request",
        "--body-timeout S [30]: the most seconds for the body of a request",
        "--idle-timeout S [15]: closes a connection after so many seconds without a request",
        "--write-timeout S [30]: closes it when the client reads nothing for so many seconds",
        "--grace S [5]: the most seconds for requests in progress after ctrl-c",
        "--access-log FILE: adds a line for each answer to this file; - is stderr",
    ],
    examples: &[
        "handloom site  # On 127.0.0.1:8000; its first page has links to the others.",
        "handloom site --addr 127.0.0.1:0 --grace 30  # On a free port; ctrl-c waits for requests up to 30 s.",
    ],
    run,
};

/// Serves until a signal comes.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let max_body_bytes = args.value("max-body", whole("bytes", 0..=MOST_BODY_BYTES))?;
    let config = Config {
        max_connections: args.value("max-connections", whole("connections", 1..=u32::MAX as _))?,
        max_body_bytes: max_body_bytes as u64,
        head_timeout: args.value("head-timeout", time_limit())?,
        body_timeout: args.value("body-timeout", time_limit())?,
        idle_timeout: args.value("idle-timeout", time_limit())?,
        write_timeout: args.value("write-timeout", time_limit())?,
        grace: args.value("grace", grace())?,
        ..Config::default()
    };
    let address = args.value("addr", Address::reader(0))?;
    let log = access_log(args)?;
    listen_and_serve(&address, "site", "http://", output, |listener, stop, ready| {
        site::serve(listener, config, log, stop, ready)
    })
}
