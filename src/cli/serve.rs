//! `handloom serve`: the calculator server, in any of its models.
//!
//! **Invariants**
//! - `SERVE-1`: in every model, a client that has read `listening on` is served (`LISTENING-1`).
//! - `SERVE-2`: the first SIGINT or SIGTERM stops the server gracefully, the second one at once (`LISTENING-2`).

use std::time::Duration;

use super::command_line::{Args, Subcommand};
use super::interrupt::listen_and_serve;
use super::output::{Failure, Output};
use super::timeline::TRACE;
use super::values::{Address, grace, one_of, parsed, text, time_limit, whole};
use crate::calc::{self, Config, Model};

/// The longest pause in milliseconds: a day.
const LONGEST_PAUSE: usize = 24 * 60 * 60 * 1_000;
/// Most threads or processes that may be asked for, so that a mistyped number does not fork a million.
const MOST_WORKERS: usize = 10_000;
/// The longest message that may be allowed: its numbers are held in memory several times over.
const MOST_MESSAGE_BYTES: usize = 1 << 30;

/// What is declared. A test compares the defaults with those of [`Config`].
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "serve",
    summary: "Serves the calculator: two numbers come, their sum goes back",
    options: &[
        "--model MODEL [async]: sequential, threads, pool, prefork, callbacks, generators or async",
        "--addr ADDR [127.0.0.1:8888]: where to listen, as HOST:PORT; port 0 takes a free one",
        "--op OP [sum]: sum, or product (of messages of up to 32 KiB)",
        "--max-message BYTES [1048576]: a longer message is an error",
        "--pause-ms MS [100]: after this silence a message without newline is complete",
        "--max-connections N [100000]: further clients wait until one leaves; not for sequential and prefork, whose processes serve one client at a time",
        "--idle-timeout S: closes a connection after this silence [default: never]",
        "--grace S [5]: how long a stop may take",
        "--workers N [64]: threads of pool, processes of prefork; only for these two",
        "--verbose: says on stderr which thread or task serves each client",
        TRACE,
    ],
    examples: &[
        "handloom serve  # Futures on the event loop, on 127.0.0.1:8888.",
        "handloom serve --model threads --op product  # A thread for each client; products.",
        "handloom serve --model prefork --workers 4 --addr 127.0.0.1:0  # Four processes; a free port.",
    ],
    run,
};

/// Serves until a signal comes.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let model = Model::ALL[args.value("model", text(one_of(Model::ALL.map(Model::name))))?];
    // A pause of 0 would cut every message that does not come in one piece.
    let pause = args.value("pause-ms", whole("milliseconds", 1..=LONGEST_PAUSE))?;
    let config = Config {
        op: args.value("op", text(parsed))?,
        max_message_bytes: args.value("max-message", whole("bytes", 1..=MOST_MESSAGE_BYTES))?,
        pause: Duration::from_millis(pause as u64),
        max_connections: args.value("max-connections", whole("connections", 1..=u32::MAX as _))?,
        idle_timeout: args.optional("idle-timeout", time_limit())?,
        grace: args.value("grace", grace())?,
        workers: args.value("workers", whole("workers", 1..=MOST_WORKERS))?,
        verbose: args.is_given("verbose"),
    };
    let has_workers = matches!(model, Model::Pool | Model::Prefork);
    args.refuse("trace", model != Model::Async, "async", model)?;
    args.refuse("workers", !has_workers, "pool and prefork", model)?;
    let serves_one = matches!(model, Model::Sequential | Model::Prefork);
    args.refuse("max-connections", serves_one, "models that serve many clients at once", model)?;
    let address = args.value("addr", Address::reader(0))?;
    listen_and_serve(&address, &format!("model {model}"), "", output, |listener, stop, ready| {
        calc::serve(model, listener, &config, stop, ready)
    })
}
