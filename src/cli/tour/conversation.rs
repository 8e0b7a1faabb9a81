//! The first and the fifth task: one conversation with the threaded server, and the same with the async one.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::super::failure::{Doing, Failure};
use super::super::output::Output;
use super::part::{Part, Shown, Tour};
use crate::calc::Model;
use crate::compare::{Server, ServerCommand, Usage};

/// The part.
pub(super) const PART: Part = Part {
    title: "Tasks 1 and 5: a server that adds two numbers",
    introduction: &[
        "Three clients at once send two numbers, get the sum, send the next pair; \"close\" closes both sides.",
        "First the server with a thread for each client, then the one with an event loop and one thread.",
    ],
    run,
    notices: &[
        "Both servers say the same, to the byte: they share one parser and one arithmetic (src/calc/session.rs).",
        "Threads: one for each client, and one that accepts. A client that closes ends its thread.",
        "The event loop answers all three on one thread: while one client is silent, it serves another.",
        "0.1 and 0.2 make 0.3: numbers are computed exactly, in decimal, of any size.",
        "A message without an end of line is answered after a pause; so the course's own clients are understood.",
    ],
};

/// What the first client sends, and how the replies must begin.
const TALK: [(&str, &str); 4] = [
    ("5 7\n", "12\n"),
    ("0.1 0.2", "0.3\n"),
    ("99999999999999999999, 1\n", "100000000000000000000\n"),
    ("five 7\n", "error: "),
];
/// How many clients there are.
const CLIENTS: usize = 3;
/// How long a reply may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Talks to both servers.
fn run(tour: &Tour<'_>, output: &mut Output) -> Result<Shown, Failure> {
    let mut lines = Vec::new();
    let mut verdict = Ok(());
    for model in [Model::Threads, Model::Async] {
        output.progress(format_args!("the {model} server"));
        match talk(model, tour, &mut lines) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Err(Failure::Interrupted);
            }
            talked => verdict = verdict.and(talked.doing(format_args!("the {model} server"))),
        }
    }
    Ok(Shown::lines(lines, verdict))
}

/// Starts a server, talks to it, ends it; notes what was said, and how many threads the server had.
fn talk(model: Model, tour: &Tour<'_>, lines: &mut Vec<String>) -> io::Result<()> {
    let server = Server::start(&ServerCommand::of_model(model)?, Some(tour.stop))?;
    let threads = || Usage::of(server.pid()).map(|usage| usage.threads);
    let before = threads()?;
    let clients = (0..CLIENTS).map(|_| connect(&server)).collect::<io::Result<Vec<_>>>();
    let mut clients = clients?;
    for client in &mut clients {
        // After its answer a client has certainly been accepted.
        ask(client, "1 1\n", "2\n")?;
    }
    let during = threads()?;
    lines.push(format!(
        "{model} server, a process of its own: {before} thread, with {CLIENTS} clients {during}"
    ));
    for (said, expected) in TALK {
        let heard = ask(&mut clients[0], said, expected)?;
        lines.push(format!("  client: {said:<28?} server: {heard:?}"));
    }
    clients[0].write_all(b"close\n")?;
    let rest = clients[0].read(&mut [0])?;
    lines.push(format!("  client: {:<28?} server: closes too", "close\n"));
    // The other two are still connected.
    ask(&mut clients[1], "3 4\n", "7\n")?;
    drop(clients);
    let ended_well = server.end()?;
    if rest > 0 || !ended_well {
        return Err(io::Error::other("it did not close, or not end, when it was asked to"));
    }
    Ok(())
}

/// Connects one client.
fn connect(server: &Server) -> io::Result<TcpStream> {
    let client = TcpStream::connect(server.address())?;
    client.set_read_timeout(Some(TIMEOUT))?;
    client.set_nodelay(true)?;
    Ok(client)
}

/// Sends a request and reads a line; it must begin as expected.
fn ask(client: &mut TcpStream, said: &str, expected: &str) -> io::Result<String> {
    client.write_all(said.as_bytes())?;
    let mut heard = String::new();
    // The server sends one line, so the buffer takes no byte of a later one.
    BufReader::new(client).read_line(&mut heard)?;
    if heard.ends_with('\n') && heard.starts_with(expected) {
        return Ok(heard);
    }
    Err(io::Error::other(format!("{said:?}: expected {expected:?}, came {heard:?}")))
}
