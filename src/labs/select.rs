//! Many connections on one thread, with a list of sockets and one question to the kernel.
//!
//! **Invariants**
//! - `LAB-SELECT-1`: one thread answers every client while all of them are connected.
//! - `LAB-SELECT-2`: it answers in the order in which they speak, not in which they connected.
//!
//! **Source**: the course's second server, `select([server_socket, *clients], [], [])`; select(2), ppoll(2).

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::iter;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use super::Journal;
use crate::os::{PollFd, poll};

/// How many clients there are.
pub const CLIENTS: usize = 50;
/// How long server and clients wait for each other. Even a loaded machine is not this slow.
const LIMIT: Duration = Duration::from_secs(10);
/// One answer in so many is written down.
const SHOWN_EACH: usize = 10;
/// The longest message.
const MESSAGE_BYTES: usize = 64;

/// What the server has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectReport {
    /// The most connections that were open at once.
    pub most_at_once: usize,
    /// Which clients were answered, in order.
    pub answered: Vec<String>,
    /// How often the kernel was asked.
    pub questions: usize,
}

/// Runs the experiment, which takes some milliseconds.
pub(crate) fn run(journal: &Journal) -> io::Result<()> {
    let SelectReport { most_at_once, answered, questions } = experiment(journal)?;
    journal.line(format_args!(
        "\n{most_at_once} connections were open at once; one thread answered {} messages, with {questions} \
         calls of select.",
        answered.len(),
    ))?;
    journal.notices(&[
        "The last client to connect spoke first, and was answered first. A server that reads from its first \
         client would wait there forever.",
        "Each call passes the whole list to the kernel and searches the whole answer. That is the price of \
         select; epoll keeps the list in the kernel.",
        "Nothing here remembers the state of a client. When a reply takes more than one step, something must: \
         a callback, a generator, a future.",
    ])
}

/// The experiment itself: a server on this thread, and its clients on another.
///
/// # Errors
/// As `run`.
///
/// # Panics
/// Never: the clients' thread returns its errors.
pub fn experiment(journal: &Journal) -> io::Result<SelectReport> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    journal
        .line(format_args!("One thread serves, {CLIENTS} clients connect, and then speak backwards. Of ten, one is shown:"))?;
    journal.start_clock();
    let clients = thread::spawn(move || speak_backwards(address));
    let report = serve(&listener, journal);
    // The clients' error explains the server's, so it comes first.
    clients.join().expect("holds because that thread does not panic")?;
    report
}

/// Serves until every client has come and gone.
fn serve(listener: &TcpListener, journal: &Journal) -> io::Result<SelectReport> {
    let (mut report, mut open, mut came) = (SelectReport::default(), Vec::new(), 0);
    while came < CLIENTS || !open.is_empty() {
        report.questions += 1;
        let (is_client_new, ready) = select(listener, &open)?;
        // Backwards, so that taking one out does not move those that are still to be looked at.
        for place in (0..open.len()).rev().filter(|place| ready[*place]) {
            match answer(&open[place])? {
                Some(words) => {
                    if report.answered.len().is_multiple_of(SHOWN_EACH) {
                        journal
                            .event(format_args!("of {} open, \"{words}\" speaks", open.len()))?;
                    }
                    report.answered.push(words);
                }
                None => drop(open.remove(place)),
            }
        }
        if is_client_new {
            let (client, _) = listener.accept()?;
            client.set_nonblocking(true)?;
            open.push(client);
            came += 1;
            report.most_at_once = report.most_at_once.max(open.len());
        }
    }
    Ok(report)
}

/// Waits until the listener or a client has something, and tells of each whether it does.
fn select(listener: &TcpListener, open: &[TcpStream]) -> io::Result<(bool, Vec<bool>)> {
    let sockets = iter::once(listener.as_fd()).chain(open.iter().map(AsFd::as_fd));
    let mut asked: Vec<_> = sockets.map(PollFd::readable).collect();
    if poll(&mut asked, Some(LIMIT))? == 0 {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok((asked[0].is_ready(), asked[1..].iter().map(PollFd::is_ready).collect()))
}

/// Reads a client's words and sends them back; `None` when it has gone.
fn answer(mut client: &TcpStream) -> io::Result<Option<String>> {
    let mut message = [0; MESSAGE_BYTES];
    let length = client.read(&mut message)?;
    client.write_all(&message[..length])?;
    Ok((length > 0).then(|| String::from_utf8_lossy(&message[..length]).trim_end().to_owned()))
}

/// All clients: each connects, and then each asks and waits for its answer, the last one first.
fn speak_backwards(address: SocketAddr) -> io::Result<()> {
    let connected: io::Result<Vec<_>> = (0..CLIENTS).map(|_| TcpStream::connect(address)).collect();
    let connected = connected?;
    for (number, mut client) in connected.iter().enumerate().rev() {
        client.set_read_timeout(Some(LIMIT))?;
        let words = format!("client {number}\n");
        client.write_all(words.as_bytes())?;
        let mut reply = String::new();
        BufReader::new(client).read_line(&mut reply)?;
        if reply != words {
            return Err(io::Error::other(format!("sent {words:?}, came {reply:?}")));
        }
    }
    Ok(())
}
