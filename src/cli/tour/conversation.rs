//! The first and the fifth task: the same three clients with the sequential server, the threaded and the async one.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::super::output::{Failure, Output};
use super::part::{Part, Shown, Tour};
use crate::calc::Model;
use crate::compare::{Server, ServerCommand, Usage};
use crate::os::{PollFd, poll};

/// The part.
pub(super) const PART: Part = Part {
    title: "a server that adds two numbers (tasks 1 and 5)",
    introduction: "Three clients at once, A, B and C, send two numbers and get the sum; \"close\" closes both sides. They \
        meet three servers: one client after another, a thread for each client, and one event loop.",
    run,
    notices: &[
        "sequential: B and C are connected, and wait until A has closed. The kernel holds them in its backlog.",
        "threads: all three are answered at once, each by a thread of its own, which ends when its client closes.",
        "async: all three are answered at once by one thread. While one client is silent, it serves another.",
        "All servers say the same, to the byte: they share one parser and one arithmetic (src/calc/session.rs).",
        "0.1 and 0.2 make 0.3: numbers are computed exactly, in decimal, of any size.",
        "A message without an end of line is answered after a pause; so the course's own clients are understood.",
    ],
};

/// The clients: their names, what each sends, and how the reply must begin.
const TALK: [(&str, &str, &str); 3] =
    [("A", "5 7", "12\n"), ("B", "0.1 0.2\n", "0.3\n"), ("C", "five 7\n", "error: ")];
/// How long the clients listen before A closes: longer than the pause after a message without an end of line.
const LISTEN: Duration = Duration::from_millis(400);
/// How long a reply may take that must come.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Talks to the three servers.
fn run(tour: &Tour<'_>, output: &mut Output) -> Result<Shown, Failure> {
    let mut shown = Shown::default();
    for model in [Model::Sequential, Model::Threads, Model::Async] {
        output.progress(format_args!("the {model} server"));
        match talk(model, tour, &mut shown.text).map_err(|error| Failure::of_io(&error)) {
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Err(failure) => shown.failure = Some(failure),
            Ok(()) => {}
        }
    }
    Ok(shown)
}

/// Starts a server, has three clients talk to it, ends it; notes what was said and when.
fn talk(model: Model, tour: &Tour<'_>, text: &mut String) -> io::Result<()> {
    let server = Server::start(&ServerCommand::of_model(model), Some(tour.stop))?;
    let connect = |_| TcpStream::connect(server.address());
    let clients = TALK.iter().map(connect).collect::<io::Result<Vec<_>>>()?;
    let begun = Instant::now();
    let mut lines = Vec::new();
    let mut note = |client: usize, what: &str, words: &str| {
        let seconds = begun.elapsed().as_secs_f64();
        lines.push(format!("  {seconds:.3} s  {} {what}  {words:?}\n", TALK[client].0));
    };
    for (client, (_, words, _)) in TALK.iter().enumerate() {
        note(client, "sends", words);
        (&clients[client]).write_all(words.as_bytes())?;
    }
    let mut unanswered = vec![0, 1, 2];
    listen(&clients, &mut unanswered, tour, LISTEN, &mut note)?;
    let threads = Usage::of(server.pid())?.threads;
    let before_close: &[usize] = if model == Model::Sequential { &[1, 2] } else { &[] };
    let is_right = unanswered == before_close;
    for (client, mut stream) in clients.iter().enumerate() {
        note(client, "sends", "close\n");
        stream.write_all(b"close\n")?;
    }
    listen(&clients, &mut unanswered, tour, TIMEOUT, &mut note)?;
    let gap = if text.is_empty() { "" } else { "\n" };
    lines.insert(0, format!("{gap}{model} server, 3 clients, threads: {threads}\n"));
    text.push_str(&lines.concat());
    drop(clients);
    let is_right = server.end()? && is_right && unanswered.is_empty();
    let wrong = || io::Error::other(format!("the {model} server did not answer as it should"));
    if is_right { Ok(()) } else { Err(wrong()) }
}

/// Notes replies until no client waits for one, or for so long.
fn listen(
    clients: &[TcpStream],
    unanswered: &mut Vec<usize>,
    tour: &Tour<'_>,
    limit: Duration,
    note: &mut dyn FnMut(usize, &str, &str),
) -> io::Result<()> {
    let deadline = Instant::now() + limit;
    while !unanswered.is_empty() {
        let mut fds = vec![PollFd::readable(tour.stop)];
        fds.extend(unanswered.iter().map(|&client| PollFd::readable(clients[client].as_fd())));
        poll(&mut fds, Some(deadline.saturating_duration_since(Instant::now())))?;
        if fds[0].is_ready() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let Some(place) = fds[1..].iter().position(PollFd::is_ready) else { break };
        let client = unanswered.remove(place);
        let mut reply = String::new();
        BufReader::new(&clients[client]).read_line(&mut reply)?;
        note(client, "hears", &reply);
        if !reply.starts_with(TALK[client].2) {
            return Err(io::Error::other(format!("{:?}: came {reply:?}", TALK[client].1)));
        }
    }
    Ok(())
}
