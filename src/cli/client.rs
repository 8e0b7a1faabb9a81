//! `handloom client`: lines from stdin to a server, replies to stdout.
//!
//! Two threads, because two calls block: one reads what the user types, the other what the server sends.
//!
//! **Invariants**
//! - `CLIENT-1`: a line is sent when it is whole, so that the half line of a slow typist never counts as a message.
//!   A line longer than [`HELD_BYTES`] is sent in pieces: memory is bounded.
//! - `CLIENT-2`: when stdin ends, the sending side is closed. The server answers what it has and closes too; its end
//!   proves that all replies have come.
//! - `CLIENT-3`: the server's end is the client's end, also when stdin goes on. It is a failure if a line before a
//!   `close` has no reply.
//!
//! **Source**: the course's client, which blocks in turn on `input()` and on `recv()`; nc(1).

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::command_line::{Args, Subcommand};
use super::interrupt::end_at_once;
use super::output::{Doing, Failure, Output};
use super::values::Address;
use crate::os::{PollFd, poll};

/// How much of a line is held back until its end comes.
const HELD_BYTES: usize = 64 * 1024;
/// How much is read at once, from stdin and from the server.
const CHUNK_BYTES: usize = 16 * 1024;

/// What is declared.
pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    name: "client",
    summary: "Talks to a calculator server: lines from stdin, replies to stdout",
    options: &["ADDR: where the server listens: HOST:PORT"],
    examples: &[
        "handloom client 127.0.0.1:8888  # Two numbers a line; `close` or ctrl-d ends it.",
        "echo 5 7 | handloom client 127.0.0.1:8888  # One sum.",
        "handloom client 127.0.0.1:8888 < sums.txt  # A file of them.",
    ],
    run,
};

/// Talks until one side has ended.
fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let address = args.operand(Address::reader(1))?;
    end_at_once()?;
    let mut stream = address.connect().map_err(|error| Failure::Failed(error.to_string()))?;
    let to_server = stream.try_clone().doing("dup")?;
    let (result, sent) = mpsc::channel();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let sender = move || {
        // First the result: when the server has closed because of the shutdown, the result is there.
        drop(result.send(send(&to_server, &count)));
        // It fails when the server has closed, which the receiving thread sees.
        drop(to_server.shutdown(Shutdown::Write));
    };
    thread::Builder::new().name("send".to_owned()).spawn(sender).doing("start a thread")?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut replies = 0;
    while let count @ 1.. = stream.read(&mut chunk).doing("read from the server")? {
        replies += chunk[..count].split(|&byte| byte == b'\n').count() - 1;
        output.bytes(&chunk[..count])?;
    }
    // CLIENT-3: a thread that still reads ends with the process.
    sent.try_recv().unwrap_or(Ok(())).doing("read stdin")?;
    let asked = asked.load(Ordering::Acquire);
    if asked <= replies {
        return Ok(());
    }
    let missing = asked - replies;
    Err(Failure::Failed(format!("the server closed: {missing} of {asked} replies are missing")))
}

/// Sends stdin, line by line (`CLIENT-1`), to its end; the caller closes the sending side then (`CLIENT-2`).
///
/// The errors are those of stdin. An error of the socket ends the sending; the receiving thread reports it. After a
/// `close` the server may have ended while lines still come, and that is no failure. `asked` counts the lines before it.
fn send(mut to_server: &TcpStream, asked: &AtomicUsize) -> io::Result<()> {
    // A copy of the descriptor, without std's buffer.
    let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut held = Vec::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut closes = false;
    loop {
        // The program that shares the terminal may have made it non-blocking, so a read alone may not wait.
        poll(&mut [PollFd::readable(stdin.as_fd())], None)?;
        let count = match stdin.read(&mut chunk) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        held.extend_from_slice(&chunk[..count]);
        let whole = match held.iter().rposition(|&byte| byte == b'\n') {
            // At the end, and when nothing more can be held back, everything.
            _ if count == 0 => held.len(),
            None if held.len() >= HELD_BYTES => held.len(),
            last_newline => last_newline.map_or(0, |at| at + 1),
        };
        // Lines before a `close`, counted before the write: no reply comes before its line. Pairs with `run`.
        for line in held[..whole].split_inclusive(|&byte| byte == b'\n') {
            closes |= line.trim_ascii() == b"close";
            if !closes && (count == 0 || line.ends_with(b"\n")) {
                asked.fetch_add(1, Ordering::Release);
            }
        }
        let sent = to_server.write_all(&held[..whole]);
        held.drain(..whole);
        if sent.is_err() || count == 0 {
            return Ok(());
        }
    }
}
