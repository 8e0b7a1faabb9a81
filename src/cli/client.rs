//! `handloom client`: lines from stdin to a server, replies to stdout.
//!
//! Two things are awaited at once, on one thread: what the user types and what the server says. One task for
//! each, and neither holds up the other.
//!
//! ```text
//! stdin ──► send ──► socket ──► server
//!                                  │
//! stdout ◄── receive ◄── socket ◄──┘
//! ```
//!
//! **Invariants**
//! - `CLIENT-1`: a line is sent when it is whole, so that a slow typist's half line never counts as a message.
//!   A line longer than [`HELD_BYTES`] goes in pieces: memory is bounded.
//! - `CLIENT-2`: when stdin ends, the sending side is closed; the server answers what it has and closes too.
//!   Its end is the proof that all replies are in.
//! - `CLIENT-3`: the server's end is the client's end, also when stdin goes on.
//!
//! **Left out**: line editing, which `rlwrap` does; a limit on the time of the connect. Stdout is written as it is
//! everywhere, so a reader of ours that stops reading holds the loop: there is nobody else on it.
//!
//! **Source**: the course's client, which blocks in turn on `input()` and on `recv()`; nc(1).

use std::io;
use std::net::SocketAddr;

use super::command_line::{Args, Subcommand};
use super::connect::connect;
use super::failure::Failure;
use super::output::Output;
use super::stdin::Stdin;
use super::values::Address;
use crate::aio::{AsyncRead, AsyncWrite, Descriptor, Either, WriteHalf, race};
use crate::os::signal::{self, Signal};
use crate::rt::{EventLoop, spawn_named};

/// How much of a line is held back until its end comes. Taste: longer than anyone types.
const HELD_BYTES: usize = 64 * 1024;
/// How much is read at once, from stdin and from the server.
const CHUNK_BYTES: usize = 16 * 1024;

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "client",
    summary: "Talks to a calculator server: lines from stdin, replies to stdout",
    options: &[],
    operands: &[("ADDR", "where the server listens: HOST:PORT")],
    examples: &[
        ("handloom client 127.0.0.1:8888", "Two numbers a line; `close` or ctrl-d ends it."),
        ("echo 5 7 | handloom client 127.0.0.1:8888", "One sum."),
        ("handloom client 127.0.0.1:8888 < sums.txt", "A file of them."),
    ],
    run,
};

/// Talks until one side has ended.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let address = args.operand(0, Address::to_connect)?;
    let address = address.expect("holds because the operand is declared as required");
    // DNS blocks; before the loop begins there is nobody whom that could hold up.
    let addresses = address
        .resolve()
        .map_err(|error| Failure::while_doing(format_args!("look up {address}"), error))?;
    let on_signals = |error| Failure::while_doing("signals", error);
    signal::install(Signal::Interrupt).map_err(on_signals)?;
    // The way out when the loop itself stands still, in a write to a terminal that was stopped.
    signal::exit_on_second(&[Signal::Interrupt]);
    let event_loop = EventLoop::builder().slow_poll(None).build();
    let event_loop = event_loop.map_err(|error| Failure::while_doing("event loop", error))?;
    event_loop.block_on(or_interrupted(talk(&addresses, output)))
}

/// Waits for `work`, but no longer than until ctrl-c.
async fn or_interrupted(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let on_signals = |error| Failure::while_doing("signals", error);
    let pressed = signal::event_fd(Signal::Interrupt).and_then(Descriptor::new);
    let mut pressed = pressed.map_err(on_signals)?;
    // The work first: what it has done in this turn is not thrown away.
    match race(work, pressed.readable()).await {
        Either::First(done) => done,
        Either::Second(_) => Err(Failure::Interrupted),
    }
}

/// Connects, sends and receives.
async fn talk(addresses: &[SocketAddr], output: &mut Output) -> Result<(), Failure> {
    let stream = connect(addresses).await?;
    let stdin = Stdin::new().map_err(|error| Failure::while_doing("stdin", error))?;
    let (mut from_server, to_server) = stream.into_split();
    // A task of its own, else a silent user would keep us from reading what the server says.
    let sending = spawn_named("send", send(stdin, to_server));
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = from_server.read(&mut chunk).await;
        let count = read.map_err(|error| Failure::while_doing("read from the server", error))?;
        if count == 0 {
            break;
        }
        output.bytes(&chunk[..count])?;
        // Also what is not a whole line yet: std would hold it back.
        output.flush()?;
    }
    // CLIENT-3: the end of `block_on` drops a task that still reads; stdin may go on for ever. What went wrong with it before must be told, though.
    if sending.is_finished() {
        let sent = sending.await.expect("holds because nobody cancels it and it does not panic");
        return sent.map_err(|error| Failure::while_doing("read stdin", error));
    }
    Ok(())
}

/// Sends stdin, line by line (`CLIENT-1`), and then closes the sending side (`CLIENT-2`).
///
/// # Errors
/// Those of stdin. One of the socket ends the sending, and is left for the receiving side to find: after a
/// `close` the server may be gone while lines still come, and that is no failure.
async fn send(mut stdin: Stdin, mut to_server: WriteHalf) -> io::Result<()> {
    let mut held = Vec::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = stdin.read(&mut chunk).await?;
        held.extend_from_slice(&chunk[..count]);
        let whole = match held.iter().rposition(|&byte| byte == b'\n') {
            // At the end, and when nothing more can be held back, whatever there is.
            _ if count == 0 => held.len(),
            None if held.len() >= HELD_BYTES => held.len(),
            last_newline => last_newline.map_or(0, |at| at + 1),
        };
        let sent = to_server.write_all(&held[..whole]).await;
        held.drain(..whole);
        if sent.is_err() || count == 0 {
            return Ok(());
        }
    }
}
