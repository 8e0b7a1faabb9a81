//! Serving a client on a thread that may block: the driver of the models `sequential`, `threads`, `pool`, `prefork`.
//!
//! A read that blocks hears nothing but its stream: no pause after an unterminated message, no timeout, no stop. So
//! the driver waits in ppoll(2) where there is a deadline, or where it has not looked for the stop for [`STALL`].
//! Elsewhere the read itself waits, which saves a system call.
//!
//! **Invariants**
//! - `BLOCKING-1` A client that keeps its side open after its conversation delays no other: where the thread is needed
//!   for the next client, the connection lingers on a thread of its own.
//!
//! **Source**: ppoll(2); socket(7) under `SO_RCVTIMEO`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::config::{Config, Ready};
use super::conversation::{Conversation, Next, READ_BYTES};
use super::limits::{Accepted, Acceptor};
use super::shutdown::{OpenConnection, OpenConnections};
use crate::os::{PollFd, poll};

/// How long a read or a write may take before the stop is looked for.
const STALL: Duration = Duration::from_millis(100);

/// Accepts clients until `stop` is readable; then waits for the open connections. `prepare` gets their number and returns
/// what serves the next client. If it fails, that client waits in the backlog until a later attempt.
///
/// # Errors
/// The listener failed for good.
pub(super) fn accept_all<S: FnOnce(OpenConnection)>(
    listener: TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
    mut prepare: impl FnMut(usize) -> io::Result<S>,
) -> io::Result<()> {
    let connections = OpenConnections::new(config, stop)?;
    let mut acceptor = Acceptor::new(listener)?;
    ready()?;
    let served = serve_until_stop(&mut acceptor, &connections, &mut prepare);
    // Now, so that clients that come during the grace are refused instead of left waiting.
    drop(acceptor);
    connections.wait_until_closed()?;
    served
}

/// Accepts clients until the stop.
fn serve_until_stop<S: FnOnce(OpenConnection)>(
    acceptor: &mut Acceptor,
    connections: &Arc<OpenConnections>,
    prepare: &mut impl FnMut(usize) -> io::Result<S>,
) -> io::Result<()> {
    while connections.wait_for_room()? {
        // The stop goes first: a flood of clients must not put it off.
        if connections.wait(PollFd::readable(acceptor.as_fd()), None)? {
            break;
        }
        let retry_at = match prepare(connections.open()) {
            Err(shortage) => acceptor.back_off(&shortage),
            Ok(serve) => match acceptor.accept()? {
                Accepted::Shortage(retry_at) => retry_at,
                Accepted::Client(stream) => {
                    serve(connections.enter(stream));
                    continue;
                }
                Accepted::Empty => continue,
            },
        };
        connections.wait(PollFd::readable(connections.stop()), Some(retry_at))?;
    }
    Ok(())
}

/// Serves one client until its connection can be closed.
pub(super) fn converse(connection: OpenConnection) {
    let mut driver = Driver::new(connection);
    while let Ok(Next::ShutDown) = driver.run() {}
}

/// Serves one client until its conversation is over, and leaves the lingering to another thread (`BLOCKING-1`).
pub(super) fn converse_and_hand_over(connection: OpenConnection) {
    let mut driver = Driver::new(connection);
    if let Ok(Next::ShutDown) = driver.run() {
        let thread = thread::Builder::new().name("linger".to_owned());
        // Without a thread the connection is closed at once.
        drop(thread.spawn(move || drop(driver.run())));
    }
}

/// A conversation on a stream that blocks.
struct Driver {
    /// The client.
    connection: OpenConnection,
    /// What to do next.
    conversation: Conversation,
    /// When the grace ends; set once the stop was seen.
    grace_end: Option<Instant>,
    /// When the stop was last looked for.
    looked_at: Instant,
    /// The buffer for reads.
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

impl Driver {
    /// Prepares to serve a client.
    fn new(connection: OpenConnection) -> Self {
        Self {
            conversation: Conversation::new(&connection.all.config),
            connection,
            grace_end: None,
            looked_at: Instant::now(),
            input: vec![0; READ_BYTES],
            out: Vec::new(),
        }
    }

    /// Does what the conversation says, until its end, or until it lingers: then it may be called again.
    fn run(&mut self) -> io::Result<Next> {
        let connections = Arc::clone(&self.connection.all);
        let config = &connections.config;
        self.connection.stream().set_read_timeout(Some(STALL))?;
        self.connection.stream().set_write_timeout(Some(STALL))?;
        loop {
            let next = self.conversation.next(config, self.grace_end, Instant::now);
            let waited = match next {
                Next::Read(until) | Next::Write(until) => self.wait(next, until)?,
                Next::Turn => Waited::Ready,
                Next::ShutDown => {
                    self.connection.stream().shutdown(Shutdown::Write)?;
                    self.conversation.linger(config, Instant::now());
                    return Ok(next);
                }
                Next::Close => return Ok(next),
            };
            match (waited, next) {
                (Waited::Ready, Next::Read(_)) => self.read()?,
                (Waited::Ready, Next::Turn) => self.conversation.resume(&mut self.out),
                (Waited::TimedOut, _) => {
                    self.conversation.timed_out(config, self.grace_end.is_some(), &mut self.out);
                }
                _ => {}
            }
            let mut stream = self.connection.stream();
            self.conversation.flush(&mut self.out, |bytes| stream.write(bytes))?;
        }
    }

    /// Reads once; nothing, if the stream stalls.
    fn read(&mut self) -> io::Result<()> {
        match self.connection.stream().read(&mut self.input) {
            Ok(length) => self.conversation.received(&self.input[..length], &mut self.out),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits for the stream, for the deadline, and for the stop; leaves the waiting to the read where it can.
    fn wait(&mut self, next: Next, until: Option<Instant>) -> io::Result<Waited> {
        if until.is_none() && self.looked_at.elapsed() < STALL {
            return Ok(Waited::Ready);
        }
        let all = &self.connection.all;
        let stream = self.connection.stream().as_fd();
        let on_stream = match next {
            Next::Write(_) => PollFd::writable(stream),
            _ => PollFd::readable(stream),
        };
        let mut fds = [on_stream, PollFd::readable(all.stop())];
        // The stop stays readable: looked at again, it would end every further wait at once.
        let watched = if self.grace_end.is_some() { 1 } else { 2 };
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let ready = poll(&mut fds[..watched], left)?;
        self.looked_at = Instant::now();
        if fds[1].is_ready() {
            self.grace_end = Some(all.grace_end());
            return Ok(Waited::Stopped);
        }
        Ok(if ready == 0 { Waited::TimedOut } else { Waited::Ready })
    }
}
