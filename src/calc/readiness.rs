//! Works: serving clients on sockets that never block, for the models `callbacks` and `generators`.
//!
//! [`Connection::drive`] does one portion of work and returns what the connection waits for; the model waits, notes what
//! happened, and calls it again.
//!
//! **Invariants**
//! - `READINESS-1` [`Next::Read`] is returned only if the socket was found empty since readiness was last noted,
//!   because an edge-triggered selector reports a change once. A read that does not fill its buffer has found it empty.
//! - `READINESS-2` One call does at most one read, so a client that sends without end does not starve the others.
//! - `READINESS-3` The buffers belong to the server and are borrowed within one call.
//!
//! **Source**: epoll(7), question 9 (when is the socket empty?).

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Instant;

use mio::Token;
use mio::net::TcpStream;

use super::config::Config;
use super::conversation::{Conversation, Next, READ_BYTES};
use super::limits::Acceptor;
use super::shutdown::grace_end;

/// How many clients are accepted before the others have their turn.
const CLIENTS_PER_TURN: usize = 64;

/// What all handlers of a server share, closures or coroutines. There is one thread, so nothing is locked.
pub(super) struct Server {
    /// What the server was started with.
    config: Config,
    /// The listener's token.
    pub(super) listener: Token,
    /// A buffer for reads, and one for replies (`READINESS-3`).
    buffers: RefCell<(Box<[u8]>, Vec<u8>)>,
    /// How many connections there are.
    open: Cell<usize>,
    /// Whether clients wait until a connection closes, for lack of room or of descriptors.
    wants_room: Cell<bool>,
    /// Set when the server stops: when the grace ends.
    pub(super) grace_end: Cell<Option<Instant>>,
    /// Why the server stopped, if it was not asked to.
    pub(super) failure: Cell<Option<io::Error>>,
}

impl Server {
    /// Makes a server without connections.
    pub(super) fn new(config: &Config, listener: Token) -> Rc<Self> {
        Rc::new(Self {
            config: config.clone(),
            listener,
            buffers: RefCell::new((vec![0; READ_BYTES].into(), Vec::new())),
            open: Cell::new(0),
            wants_room: Cell::new(false),
            grace_end: Cell::new(None),
            failure: Cell::new(None),
        })
    }

    /// Accepts some clients, and calls `start` with each. Returns what to wait for until the next call; [`Next::Close`] if
    /// the listener failed, which ends the server.
    pub(super) fn accept_some(
        self: &Rc<Self>,
        acceptor: &mut Acceptor,
        mut start: impl FnMut(TcpStream),
    ) -> Next {
        self.wants_room.set(false);
        for _ in 0..CLIENTS_PER_TURN {
            if self.open.get() >= self.config.max_connections {
                self.wants_room.set(true);
                return Next::Read(None);
            }
            match acceptor.accept() {
                Ok(Some(stream)) if stream.set_nonblocking(true).is_ok() => {
                    start(TcpStream::from_std(stream));
                }
                // It cannot be switched, and is closed.
                Ok(Some(_)) => {}
                Ok(None) => {
                    self.wants_room.set(acceptor.retry_at.is_some());
                    return Next::Read(acceptor.retry_at);
                }
                Err(error) => {
                    self.failure.set(Some(error));
                    return Next::Close;
                }
            }
        }
        Next::Turn
    }

    /// Takes note that the server stops: its grace begins.
    pub(super) fn stop(&self) {
        self.grace_end.set(Some(grace_end(self.config.grace)));
    }

    /// Takes note that a connection closes; returns whether a client waits for its place.
    pub(super) fn close_one(&self) -> bool {
        self.open.set(self.open.get() - 1);
        self.wants_room.take()
    }
}

/// A client's connection.
pub(super) struct Connection {
    /// The socket.
    pub(super) stream: TcpStream,
    /// Its token.
    pub(super) token: Token,
    /// What to do next.
    conversation: Conversation,
    /// Whether the socket may have bytes: it was not found empty since the last event.
    is_readable: bool,
    /// Whether the stream's end was announced, or may have been while the model did not listen. Then only the end
    /// itself, or `WouldBlock`, proves that everything was read.
    may_have_ended: bool,
    /// The server.
    pub(super) server: Rc<Server>,
}

impl Connection {
    /// Starts the conversation with a client that has just connected.
    pub(super) fn new(server: &Rc<Server>, stream: TcpStream, token: Token) -> Self {
        server.open.set(server.open.get() + 1);
        server.config.tell(|| stream.peer_addr(), "the loop's state machine for its socket");
        Self {
            stream,
            token,
            conversation: Conversation::new(&server.config),
            is_readable: false,
            may_have_ended: false,
            server: Rc::clone(server),
        }
    }

    /// Takes note that the socket is readable; `closed` means that the event announced the stream's end too, or that an
    /// event may have been missed.
    pub(super) fn note_readable(&mut self, closed: bool) {
        self.is_readable = true;
        self.may_have_ended |= closed;
    }

    /// Does the next portion of work and returns what the connection waits for: anything but [`Next::ShutDown`].
    /// `timed_out` means that the last wait ended at its deadline. Fails if the connection is broken.
    pub(super) fn drive(&mut self, timed_out: bool) -> io::Result<Next> {
        let server = Rc::clone(&self.server);
        let (input, out) = &mut *server.buffers.borrow_mut();
        if timed_out {
            self.conversation.timed_out(&server.config, server.grace_end.get().is_some(), out);
        } else {
            match self.next() {
                Next::Read(_) if self.is_readable => self.read(input, out)?,
                Next::Turn => self.conversation.resume(out),
                Next::ShutDown => {
                    self.stream.shutdown(Shutdown::Write)?;
                    self.conversation.linger(&server.config, Instant::now());
                }
                Next::Read(_) | Next::Write(_) | Next::Close => {}
            }
        }
        self.conversation.flush(out, |bytes| self.stream.write(bytes))?;
        Ok(match self.next() {
            Next::Read(_) if self.is_readable => Next::Turn,
            Next::ShutDown => Next::Turn,
            next => next,
        })
    }

    /// Returns what the conversation waits for.
    fn next(&self) -> Next {
        self.conversation.next(&self.server.config, self.server.grace_end.get(), Instant::now)
    }

    /// Reads once and answers.
    fn read(&mut self, input: &mut [u8], out: &mut Vec<u8>) -> io::Result<()> {
        let length = match self.stream.read(input) {
            // It stays readable, so the next call tries again.
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            read => Some(read?),
        };
        let is_short = |length| length == 0 || length < input.len() && !self.may_have_ended;
        if length.is_none_or(is_short) {
            (self.is_readable, self.may_have_ended) = (false, false);
        }
        if let Some(length) = length {
            self.conversation.received(&input[..length], out);
        }
        Ok(())
    }
}
