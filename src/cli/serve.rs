//! `handloom serve`: the calculator server, in the model of one's choice.
//!
//! **Invariants**
//! - `SERVE-1`: whatever the model, who has read `listening on` is served (`LISTENING-1`).
//! - `SERVE-2`: the first SIGINT or SIGTERM stops the server gracefully, the second one at once (`LISTENING-2`).
//! - `SERVE-3`: without options it does what `Config::default` says.
//!
//! **Left out**: becoming a daemon, a file with the process's number, a log of clients. A supervisor such as systemd
//! does the first two better.

use std::time::Duration;

use super::command_line::{Args, Opt, Subcommand};
use super::failure::Failure;
use super::listening::{LONGEST, listen_and_serve};
use super::output::Output;
use super::values::{Address, milliseconds, parsed, seconds, text, whole};
use crate::calc::{self, Config, Model};

/// The longest span that an option may ask for, in milliseconds: [`LONGEST`].
const LONGEST_MS: usize = 24 * 60 * 60 * 1_000;
/// The shortest time after which a connection may count as idle.
const LEAST_IDLE: Duration = Duration::from_millis(1);
/// Most threads or processes that may be asked for. Taste: a slip of the finger must not fork a million.
const MOST_WORKERS: usize = 10_000;
/// The longest message that may be allowed: its numbers are held in memory several times over.
const MOST_MESSAGE_BYTES: usize = 1 << 30;

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "serve",
    summary: "Serves the calculator: two numbers come, their sum goes back",
    options: OPTIONS,
    operands: &[],
    examples: &[
        ("handloom serve", "Futures on the event loop, on 127.0.0.1:8888."),
        ("handloom serve --model threads --op product", "A thread for each client; products."),
        (
            "handloom serve --model prefork --workers 4 --addr 127.0.0.1:0",
            "Four processes; a free port.",
        ),
    ],
    run,
};

/// The options. A test holds their defaults against those of [`Config`].
const OPTIONS: &[Opt] = &[
    Opt::new("--model MODEL", "sequential, threads, pool, prefork, callbacks, generators or async")
    .default("async"),
    Opt::new("--addr ADDR", "where to listen, as HOST:PORT; port 0 takes a free one")
        .default("127.0.0.1:8888"),
    Opt::new("--op OP", "sum, or product (of messages of up to 32 KiB)").default("sum"),
    Opt::new("--max-message BYTES", "a longer message is an error").default("1048576"),
    Opt::new("--pause-ms MS", "after this silence a message without newline is complete")
        .default("100"),
    Opt::new("--max-connections N", "further clients wait until one leaves; not for sequential and prefork (one client at a time / each)")
    .default("100000"),
    Opt::new("--idle-timeout S", "closes a connection after this silence [default: never]"),
    Opt::new("--grace S", "how long a stop may take").default("5"),
    Opt::new("--workers N", "threads of pool, processes of prefork; only for these two").default("64"),
];

/// Serves until a signal comes.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let model: Model = args.value("model", text(parsed))?;
    let config = config(args)?;
    let address = args.value("addr", Address::to_listen)?;
    let what = format!("model {model}");
    listen_and_serve(&address, &what, output, |listener, stop, ready| {
        calc::serve_and_tell(model, listener, &config, stop, ready)
    })
}

/// Reads what the server is told.
fn config(args: &Args) -> Result<Config, Failure> {
    Ok(Config {
        op: args.value("op", text(parsed))?,
        max_message_bytes: args.value("max-message", whole("bytes", 1..=MOST_MESSAGE_BYTES))?,
        // A pause of 0 would cut every message that does not come in one piece.
        pause: args.value("pause-ms", milliseconds(1..=LONGEST_MS))?,
        max_connections: args
            .value("max-connections", whole("connections", 1..=u32::MAX as usize))?,
        idle_timeout: args.optional("idle-timeout", seconds(LEAST_IDLE, LONGEST))?,
        // A grace of 0 has a meaning: stop at once.
        grace: args.value("grace", seconds(Duration::ZERO, LONGEST))?,
        workers: args.value("workers", whole("workers", 1..=MOST_WORKERS))?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::command_line::Parsed;
    use super::*;

    #[test]
    fn without_options_the_server_is_told_the_defaults_of_its_library() {
        let Ok(Parsed::Run(args)) = SUBCOMMAND.parse(&[]) else {
            panic!("an empty command line was refused");
        };
        assert_eq!(config(&args), Ok(Config::default()), "SERVE-3: the usage text lies");
    }
}
