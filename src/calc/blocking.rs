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
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::config::Start;
use super::conversation::{Conversation, Next, READ_BYTES};
use super::limits::Acceptor;
use super::shutdown::{OpenConnection, OpenConnections};
use crate::os::PollFd;

/// How long a read or a write may take before the stop is looked for.
const STALL: Duration = Duration::from_millis(100);

/// Accepts clients until the stop; then waits for the open connections. `prepare` gets their number and returns what
/// serves the next client. If it fails, that client waits in the backlog. Fails if the listener does.
pub(super) fn accept_all<S: FnOnce(OpenConnection)>(
    start: Start<'_>,
    mut prepare: impl FnMut(usize) -> io::Result<S>,
) -> io::Result<()> {
    let connections = OpenConnections::new(start.config, start.stop)?;
    let mut acceptor = Acceptor::new(start.listener)?;
    (start.ready)()?;
    let served = serve_until_stop(&mut acceptor, &connections, &mut prepare);
    // Now, so that clients that come during the grace are refused instead of left waiting.
    drop(acceptor);
    let grace_end = connections.begin_grace();
    while connections.open() > 0 && connections.wait_for_close(Some(grace_end), true)? {}
    served
}

/// Accepts clients until the stop.
fn serve_until_stop<S: FnOnce(OpenConnection)>(
    acceptor: &mut Acceptor,
    connections: &Arc<OpenConnections>,
    prepare: &mut impl FnMut(usize) -> io::Result<S>,
) -> io::Result<()> {
    let most = connections.config.max_connections.max(1);
    loop {
        let open = connections.open();
        if open >= most || acceptor.retry_at.is_some() {
            connections.wait_for_close(acceptor.retry_at, false)?;
        } else {
            connections.wait(PollFd::readable(acceptor.listener.as_fd()), None, false)?;
        }
        // The stop goes first: a flood of clients must not put it off.
        if connections.grace_end().is_some() {
            return Ok(());
        }
        if open >= most {
            continue;
        }
        match prepare(open) {
            Ok(serve) => {
                if let Some(stream) = acceptor.accept()? {
                    serve(connections.enter(stream));
                }
            }
            Err(shortage) => acceptor.back_off(&shortage),
        }
    }
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
    /// When the stop was last looked for.
    looked_at: Instant,
    /// The buffer for reads.
    input: Vec<u8>,
    /// The buffer for replies.
    out: Vec<u8>,
}

impl Driver {
    /// Prepares to serve a client.
    fn new(connection: OpenConnection) -> Self {
        let config = &connection.counted.0.config;
        config.tell(|| connection.stream.peer_addr(), "calls that block");
        Self {
            conversation: Conversation::new(config),
            connection,
            looked_at: Instant::now(),
            input: vec![0; READ_BYTES],
            out: Vec::new(),
        }
    }

    /// Does what the conversation says, until its end, or until it lingers: then it may be called again.
    fn run(&mut self) -> io::Result<Next> {
        let connections = Arc::clone(&self.connection.counted.0);
        let config = &connections.config;
        self.connection.stream.set_read_timeout(Some(STALL))?;
        self.connection.stream.set_write_timeout(Some(STALL))?;
        loop {
            let grace_end = connections.grace_end();
            let is_stopping = grace_end.is_some();
            let next = self.conversation.next(config, grace_end, Instant::now);
            let in_time = match next {
                Next::Read(until) | Next::Write(until) => self.wait(next, until, is_stopping)?,
                Next::Turn => true,
                Next::ShutDown => {
                    self.connection.stream.shutdown(Shutdown::Write)?;
                    self.conversation.linger(config, Instant::now());
                    return Ok(next);
                }
                Next::Close => return Ok(next),
            };
            match next {
                // The stop has come, and changes what the conversation waits for.
                _ if grace_end != connections.grace_end() => {}
                _ if !in_time => self.conversation.timed_out(config, is_stopping, &mut self.out),
                Next::Read(_) => self.read()?,
                Next::Turn => self.conversation.resume(&mut self.out),
                _ => {}
            }
            let mut stream = &self.connection.stream;
            self.conversation.flush(&mut self.out, |bytes| stream.write(bytes))?;
        }
    }

    /// Reads once; nothing, if the stream stalls.
    fn read(&mut self) -> io::Result<()> {
        match self.connection.stream.read(&mut self.input) {
            Ok(length) => self.conversation.received(&self.input[..length], &mut self.out),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Waits for the stream or the stop; leaves the waiting to the read where it can. False if the deadline came first.
    fn wait(&mut self, next: Next, until: Option<Instant>, is_stopping: bool) -> io::Result<bool> {
        if until.is_none() && self.looked_at.elapsed() < STALL {
            return Ok(true);
        }
        let stream = self.connection.stream.as_fd();
        let stream = match next {
            Next::Write(_) => PollFd::writable(stream),
            _ => PollFd::readable(stream),
        };
        let in_time = self.connection.counted.0.wait(stream, until, is_stopping)?;
        self.looked_at = Instant::now();
        Ok(in_time)
    }
}
