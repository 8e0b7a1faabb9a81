//! `handloom load`: many clients at once, each of which checks every reply.
//!
//! **Invariants**
//! - `LOADCMD-1`: what was measured is printed on every way out, also after ctrl-c and when the time was up; the
//!   exit code tells whether all of it was right.
//! - `LOADCMD-2`: failures are told on stderr, numbers on stdout; `--json` has both in one object.

use std::net::SocketAddr;

use super::command_line::{Args, Subcommand};
use super::interrupt::interruption;
use super::output::{Doing, Failure, Output};
use super::values::{Address, parsed, text, time_limit, whole};
use crate::calc::Op;
use crate::compare::{End, Load, LoadReport, MAX_DEPTH, load_json};
use crate::os::limits;

/// Most connections that may be asked for: the ports of one address.
const MOST_CONNECTIONS: usize = u16::MAX as usize;
/// Most requests that may be asked for: the fastest server would need days.
const MOST_REQUESTS: usize = 1_000_000_000_000;

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "load",
    summary: "Asks a calculator server as fast as it answers, and checks every reply",
    options: &[
        "ADDR: the server, as HOST:PORT",
        "-c, --connections N [64]: connections that ask at once",
        "-d, --depth N [1]: requests sent before a reply is read, up to 1024",
        "-n, --requests N [100000]: requests in all; each connection sends its share and closes",
        "--op OP [sum]: what the server does: sum or product",
        "--timeout S [60]: how long all of it may take",
        "--json: prints one JSON object; latencies in microseconds",
    ],
    examples: &[
        "handloom load 127.0.0.1:8888  # 64 connections, each with one request at a time.",
        "handloom load 127.0.0.1:8888 -c 1000 -d 16 -n 1000000  # Sixteen requests in one write.",
    ],
    run,
};

/// Puts the load on the server, and prints what came of it.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let address = args.operand(Address::reader(1))?;
    let mut load = load(args)?;
    load.op = args.value("op", text(parsed))?;
    // Last, because it asks the network: a mistake in the command line is reported before.
    load.address = choose(&address)?;
    // Too few descriptors show as failed connections.
    drop(limits::raise_open_files());
    let stop = interruption()?;
    let requests = load.requests;
    let report = load.run(Some(stop), &mut |answered| {
        output.progress(format_args!("{answered} of {requests} requests"));
    });
    let report = report.doing("load")?;
    // LOADCMD-1: first what was measured, then the verdict. In JSON the failures are inside.
    if args.is_given("json") {
        output.line(load_json(&report))?;
    } else {
        output.line(&report)?;
        report.failures.iter().for_each(|failure| output.note(failure));
    }
    let LoadReport { answered, requests, .. } = report;
    let verdict = format!("{answered} of {requests} requests were answered rightly");
    match report.end {
        End::Stopped => Err(Failure::Interrupted),
        _ if report.is_right() => Ok(()),
        _ => Err(Failure::Failed(verdict)),
    }
}

/// Reads the options of a load; its address is to be filled in.
pub(crate) fn load(args: &Args) -> Result<Load, Failure> {
    Ok(Load {
        address: ([0, 0, 0, 0], 0).into(),
        connections: args.value("connections", whole("connections", 1..=MOST_CONNECTIONS))?,
        depth: args.value("depth", whole("requests", 1..=MAX_DEPTH))?,
        requests: args.value("requests", whole("requests", 1..=MOST_REQUESTS))? as u64,
        op: Op::Sum,
        timeout: args.value("timeout", time_limit())?,
    })
}

/// The address that the load is for. If the name has several, a connection finds out which of them answers; when
/// none does, the load reports why.
fn choose(address: &Address) -> Result<SocketAddr, Failure> {
    let addresses = address.resolve().map_err(|error| Failure::Failed(error.to_string()))?;
    let connected = if addresses.len() > 1 { address.connect().ok() } else { None };
    Ok(connected.and_then(|stream| stream.peer_addr().ok()).unwrap_or(addresses[0]))
}
