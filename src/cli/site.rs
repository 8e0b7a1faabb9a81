//! `handloom site`: the embedded site as a server of its own, for browsers, `curl` and load generators.
//!
//! **Invariants**
//! - `SITECMD-1`: without options it does what the server's `Config::default` says.

use std::time::Duration;

use super::command_line::{Args, Opt, Subcommand};
use super::failure::Failure;
use super::listening::{LONGEST, listen_and_serve};
use super::output::Output;
use super::values::{Address, seconds, whole};
use crate::fetch::site;
use crate::web::server::Config;

/// The shortest deadline that may be asked for: with less, nobody would ever be in time.
const LEAST: Duration = Duration::from_millis(1);

/// The largest body that may be allowed: it is held in memory.
const MOST_BODY_BYTES: usize = 1 << 30;

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "site",
    summary: "Serves a small web site: slow pages, /hello, /echo, /q?q=..., /slow?ms=...",
    options: OPTIONS,
    operands: &[],
    examples: &[
        ("handloom site", "On 127.0.0.1:8000; its first page has links to the others."),
        ("handloom site --addr 127.0.0.1:0 --grace 30", "A free port; a patient end."),
    ],
    run,
};

/// The options. A test holds their defaults against those of [`Config`].
const OPTIONS: &[Opt] = &[
    Opt::new("--addr ADDR", "where to listen, as HOST:PORT; port 0 takes a free one")
        .default("127.0.0.1:8000"),
    Opt::new("--max-connections N", "further clients wait until one leaves").default("10000"),
    Opt::new("--max-body BYTES", "a longer body of a request is refused with 413")
        .default("1048576"),
    Opt::new("--head-timeout S", "how long the head of a request may take").default("10"),
    Opt::new("--body-timeout S", "how long the body of a request may take").default("30"),
    Opt::new("--idle-timeout S", "how long it may be silent between two requests").default("15"),
    Opt::new("--write-timeout S", "how long it may take nothing of its answer").default("30"),
    Opt::new("--grace S", "how long a stop may take").default("5"),
];

/// Serves until a signal comes.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let config = config(args)?;
    let address = args.value("addr", Address::to_listen)?;
    listen_and_serve(&address, "site", output, |listener, stop, ready| {
        site::serve(listener, config, stop, ready)
    })
}

/// Reads what the server is told.
fn config(args: &Args) -> Result<Config, Failure> {
    let deadline = |name| args.value(name, seconds(LEAST, LONGEST));
    let max_body_bytes = args.value("max-body", whole("bytes", 0..=MOST_BODY_BYTES))?;
    Ok(Config {
        max_connections: args
            .value("max-connections", whole("connections", 1..=u32::MAX as usize))?,
        max_body_bytes: max_body_bytes as u64,
        head_timeout: deadline("head-timeout")?,
        body_timeout: deadline("body-timeout")?,
        idle_timeout: deadline("idle-timeout")?,
        write_timeout: deadline("write-timeout")?,
        // A grace of 0 has a meaning: stop at once.
        grace: args.value("grace", seconds(Duration::ZERO, LONGEST))?,
        ..Config::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::command_line::Parsed;
    use super::*;

    #[test]
    fn without_options_the_site_is_told_the_defaults_of_its_library() {
        let Ok(Parsed::Run(args)) = SUBCOMMAND.parse(&[]) else {
            panic!("an empty command line was refused");
        };
        assert_eq!(config(&args), Ok(Config::default()), "SITECMD-1: the usage text lies");
    }
}
