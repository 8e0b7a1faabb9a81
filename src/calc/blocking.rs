//! Serving a client on a thread that may block: the driver of the models `sequential`, `threads`, `pool`, `prefork`.
//!
//! A read that blocks hears nothing but its stream: no pause after an unterminated message, no timeout, no stop. So
//! the driver waits in ppoll(2) where there is something else to wait for; elsewhere the read itself waits, which saves
//! a system call.
//!
//! | beside its stream it waits for | calls for each input |
//! | --- | --- |
//! | nothing, and it looked for the stop less than [`STALL`] ago | read |
//! | the stop, because nothing came for so long | ppoll, read |
//! | a deadline, and the stop | ppoll, read |
//!
//! **Invariants**
//! - `BLOCKING-1` The stop is looked for at least every [`STALL`]. A busy client costs no call because of it, and an
//!   idle one no wake-up.
//!
//! **Left out**: shutting down the input of a stream from another thread. It ends a read at once, but what the client
//! sends after that is answered by a reset: the stop would cost it the last replies.
//!
//! **Source**: ppoll(2); socket(7) under `SO_RCVTIMEO`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::config::{Config, Ready};
use super::conversation::{Conversation, Next, READ_BYTES};
use super::limits::{Accepted, Acceptor};
use super::shutdown::{OpenConnection, OpenConnections};
use crate::os::{PollFd, poll};

/// How long a read or a write may take before the stop is looked for.
const STALL: Duration = Duration::from_millis(100);

/// Accepts clients and calls `start` with each, until `stop` is readable; then waits for the open connections.
///
/// If `start` fails, its client's connection is closed, and the next client is accepted a little later.
///
/// # Errors
/// The listener failed for good.
///
/// # Blocking
/// Until the stop, and then for the grace at most.
pub(super) fn accept_all(
    listener: TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
    mut start: impl FnMut(OpenConnection) -> io::Result<()>,
) -> io::Result<()> {
    let connections = OpenConnections::new(config, stop)?;
    let mut acceptor = Acceptor::new(listener)?;
    ready()?;
    let stopped = loop {
        match accept(&mut acceptor, config, &connections) {
            Ok(Some(connection)) => {
                if let Err(shortage) = start(connection) {
                    let until = acceptor.back_off(&shortage);
                    connections.wait(None, Some(until))?;
                }
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    // Now, so that clients that come during the grace are refused instead of left waiting.
    drop(acceptor);
    connections.wait_until_closed();
    stopped
}

/// Waits for the next client; `None` once the server must stop.
fn accept(
    acceptor: &mut Acceptor,
    config: &Config,
    connections: &Arc<OpenConnections>,
) -> io::Result<Option<OpenConnection>> {
    while connections.wait_for_room(config.max_connections)? {
        // The stop goes first: a flood of clients must not put it off.
        if connections.wait(Some(PollFd::readable(acceptor.as_fd())), None)? {
            break;
        }
        match acceptor.accept()? {
            Accepted::Client(stream) => return Ok(Some(connections.enter(stream))),
            // Another process was faster, or the client has gone again.
            Accepted::Empty => {}
            Accepted::Shortage(until) => drop(connections.wait(None, Some(until))?),
        }
    }
    Ok(None)
}

/// Serves one client until the conversation is over.
///
/// # Blocking
/// As long as the client likes; after the stop, for the grace at most.
pub(super) fn converse(connection: OpenConnection, config: &Config) {
    // A broken connection ends this conversation only, and its client knows why.
    if let Ok(Next::Linger) = Driver::new(&connection, config).run() {
        connection.close_lingering();
    }
}

/// A conversation on a stream that blocks.
struct Driver<'a> {
    /// The client.
    stream: &'a TcpStream,
    /// Tells of the stop.
    connections: &'a OpenConnections,
    /// The deadlines.
    config: &'a Config,
    /// What to do next.
    conversation: Conversation,
    /// When the grace ends; set once the stop was seen.
    grace_end: Option<Instant>,
    /// When the stop was last looked for (`BLOCKING-1`).
    looked_at: Instant,
    /// The buffer for reads. On the heap, because a thread's stack is scarce.
    input: Vec<u8>,
    /// The buffer for replies.
    out: Vec<u8>,
}

/// Why a wait for the client ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waited {
    /// The call that was waited for will not block for long.
    Ready,
    /// The deadline passed.
    TimedOut,
    /// The stop was seen, now and for the first time.
    Stopped,
}

impl<'a> Driver<'a> {
    /// Prepares to serve a client.
    fn new(connection: &'a OpenConnection, config: &'a Config) -> Self {
        Self {
            stream: connection.stream(),
            connections: connection.all(),
            config,
            conversation: Conversation::new(config),
            grace_end: None,
            looked_at: Instant::now(),
            input: vec![0; READ_BYTES],
            out: Vec::new(),
        }
    }

    /// Does what the conversation says, until its end: [`Next::Close`] or [`Next::Linger`].
    fn run(&mut self) -> io::Result<Next> {
        self.stream.set_read_timeout(Some(STALL))?;
        self.stream.set_write_timeout(Some(STALL))?;
        loop {
            let next = self.conversation.next(self.config, self.grace_end, Instant::now);
            let waited = match next {
                Next::Read(until) => self.wait(PollFd::readable(self.stream.as_fd()), until)?,
                Next::Write(until) => self.wait(PollFd::writable(self.stream.as_fd()), until)?,
                Next::Turn => Waited::Ready,
                Next::Close | Next::Linger => return Ok(next),
            };
            match (waited, next) {
                (Waited::Ready, Next::Read(_)) => self.read()?,
                (Waited::Ready, Next::Turn) => self.conversation.resume(&mut self.out),
                (Waited::TimedOut, _) => {
                    let stopping = self.grace_end.is_some();
                    self.conversation.timed_out(self.config, stopping, &mut self.out);
                }
                _ => {}
            }
            let mut stream = self.stream;
            self.conversation.flush(&mut self.out, |bytes| stream.write(bytes))?;
        }
    }

    /// Reads once; nothing, if the stream stalls.
    fn read(&mut self) -> io::Result<()> {
        let mut stream = self.stream;
        match stream.read(&mut self.input) {
            Ok(length) => self.conversation.received(&self.input[..length], &mut self.out),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits for the stream, for the deadline, and for the stop; leaves the waiting to the read where it can.
    fn wait(&mut self, on_stream: PollFd<'_>, until: Option<Instant>) -> io::Result<Waited> {
        if until.is_none() && self.looked_at.elapsed() < STALL {
            return Ok(Waited::Ready);
        }
        let mut fds = [on_stream, PollFd::readable(self.connections.stop())];
        // The stop stays readable: looked at again, it would end every further wait at once.
        let watched = if self.grace_end.is_some() { 1 } else { 2 };
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let ready = poll(&mut fds[..watched], left)?;
        self.looked_at = Instant::now();
        if fds[1].is_ready() {
            self.grace_end = Some(self.connections.grace_end());
            return Ok(Waited::Stopped);
        }
        Ok(if ready == 0 { Waited::TimedOut } else { Waited::Ready })
    }
}
