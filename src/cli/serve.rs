//! `handloom serve`: the calculator server, in the model of one's choice.
//!
//! The order below is what the contract asks for. Signals are listened to before anybody is told that the
//! server is ready: who reads `listening on` and sends SIGTERM at once gets a graceful end. And no thread is
//! started here, because `prefork` forks.
//!
//! **Invariants**
//! - `SERVE-1`: bind, then listen to signals, then let the model get its own descriptors, threads and processes, and
//!   only then say `listening on`: who has read it is served.
//! - `SERVE-2`: the first SIGINT or SIGTERM stops the server gracefully, the second one at once.
//! - `SERVE-3`: without options it does what `Config::default` says.
//!
//! **Left out**: becoming a daemon, a file with the process's number, a log of clients. A supervisor such as systemd
//! does the first two better.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use super::args::{Args, Opt, Syntax};
use super::failure::Failure;
use super::output::Output;
use super::program::Subcommand;
use super::values::{Address, milliseconds, parsed, seconds, whole};
use crate::calc::{self, Config, Model};
use crate::os::signal::{self, Signal};

/// The longest span that an option may ask for: a day. Taste; beyond it lies a mistake in the unit.
const LONGEST: Duration = Duration::from_hours(24);
/// The same in milliseconds.
const LONGEST_MS: usize = 24 * 60 * 60 * 1_000;
/// The shortest time after which a connection may count as idle.
const LEAST_IDLE: Duration = Duration::from_millis(1);
/// Most threads or processes that may be asked for. Taste: a slip of the finger must not fork a million.
const MOST_WORKERS: usize = 10_000;
/// The longest message that may be allowed: its numbers are held in memory several times over.
const MOST_MESSAGE_BYTES: usize = 1 << 30;
/// The signals that stop a server.
const STOPS: [Signal; 2] = [Signal::Interrupt, Signal::Terminate];

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "serve",
    summary: "Serves the calculator: two numbers come, their sum goes back",
    syntax: Syntax { options: OPTIONS, operands: &[] },
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
    Opt::value(
        "model",
        "MODEL",
        "sequential, threads, pool, prefork, callbacks, generators or async",
    )
    .default("async"),
    Opt::value("addr", "ADDR", "where to listen, as HOST:PORT; port 0 takes a free one")
        .default("127.0.0.1:8888"),
    Opt::value("op", "OP", "sum or product").default("sum"),
    Opt::value("max-message", "BYTES", "a longer message is an error").default("1048576"),
    Opt::value("pause-ms", "MS", "after this silence a message without newline is complete")
        .default("100"),
    Opt::value(
        "max-connections",
        "N",
        "further clients wait until one leaves; not for sequential and prefork (one client at a time / each)",
    )
    .default("100000"),
    Opt::value("idle-timeout", "S", "closes a connection after this silence [default: never]"),
    Opt::value("grace", "S", "how long a stop may take").default("5"),
    Opt::value("workers", "N", "threads of pool, processes of prefork; only for these two").default("64"),
];

/// Serves until a signal comes.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let model: Model = args.value("model", parsed)?;
    let config = config(args)?;
    let address = args.value("addr", Address::to_listen)?;
    let listener = listen(&address)
        .map_err(|error| Failure::while_doing(format_args!("listen on {address}"), error))?;
    for stop in STOPS {
        signal::install(stop).map_err(|error| Failure::while_doing("signals", error))?;
    }
    signal::exit_on_second(&STOPS);
    // One descriptor for both signals: SIGNAL-4.
    let stop = signal::event_fd(Signal::Interrupt);
    let stop = stop.map_err(|error| Failure::while_doing("signals", error))?;
    let bound = listener.local_addr();
    let bound = bound.map_err(|error| Failure::while_doing("getsockname", error))?;
    let mut told = Ok(());
    // A script waits for this line; it must not sit in a buffer until the server ends.
    let mut ready = || {
        told = output.line(format_args!("listening on {bound}")).and_then(|()| output.flush());
        // What went wrong is in `told`; this only ends the server.
        if told.is_ok() { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    let served = calc::serve_and_tell(model, listener, &config, stop, &mut ready);
    told?;
    served.map_err(|error| Failure::while_doing(format_args!("model {model}"), error))
}

/// Listens on the first of the addresses that can be had.
fn listen(address: &Address) -> io::Result<TcpListener> {
    TcpListener::bind(&*address.resolve()?)
}

/// Reads what the server is told.
fn config(args: &Args) -> Result<Config, Failure> {
    Ok(Config {
        op: args.value("op", parsed)?,
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
    use super::super::args::Parsed;
    use super::*;

    #[test]
    fn without_options_the_server_is_told_the_defaults_of_its_library() {
        let Ok(Parsed::Run(args)) = SUBCOMMAND.syntax.parse(&[]) else {
            panic!("an empty command line was refused");
        };
        assert_eq!(config(&args), Ok(Config::default()), "SERVE-3: the usage text lies");
    }
}
