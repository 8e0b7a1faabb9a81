//! The calculator on the course's loop: a coroutine that accepts, and a coroutine for each client.
//!
//! The course's server has two generators, and so has this one: one yields `'read', server_socket` and accepts,
//! the other yields `'read', client_socket`, answers, yields `'write', client_socket` and sends. There the
//! states are the places of `yield`; here they are an enum, [`Standing`]. A third coroutine waits for the stop.
//!
//! ```text
//! a client as a generator would have it        and where it stands here
//!     begin                                    Standing::New
//!     forever:
//!         yield read, socket, deadline         Standing::Reading
//!         read and answer
//!         while replies are left over:
//!             yield write, socket, deadline    Standing::Writing
//!         while input is left over:
//!             yield                            Standing::Aside
//! ```
//!
//! **Source**: the course's generator server.

use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;

use mio::net::TcpStream;
use mio::unix::SourceFd;
use mio::{Interest, Token};

use super::config::Start;
use super::conversation::Next;
use super::limits::Acceptor;
use super::readiness::{Connection, Server};
use crate::generator::{Coroutine, EventLoop, Step, Woken};

/// Serves until the stop; fails if the selector or the listener does.
pub(super) fn serve(start: Start<'_>) -> io::Result<()> {
    let Start { listener, config, stop, ready } = start;
    let acceptor = Acceptor::new(listener)?;
    let mut event_loop = EventLoop::new()?;
    let mut listener = SourceFd(&acceptor.listener.as_raw_fd());
    let listener = event_loop.register(&mut listener, Interest::READABLE)?;
    let stop = event_loop.register(&mut SourceFd(&stop.as_raw_fd()), Interest::READABLE)?;
    let server = Server::new(config, listener);
    event_loop.spawn(Accept { acceptor, server: Rc::clone(&server) });
    event_loop.spawn(Stop { stop, server: Rc::clone(&server) });
    ready()?;
    event_loop.run()?;
    server.failure.take().map_or(Ok(()), Err)
}

/// Waits for the stop, and then stops the others.
struct Stop {
    /// The token of the descriptor, which is never read; its one edge is enough.
    stop: Token,
    /// The server.
    server: Rc<Server>,
}

impl Coroutine for Stop {
    fn resume(&mut self, woken: Woken, event_loop: &mut EventLoop) -> Step {
        if matches!(woken, Woken::Ready { .. }) {
            self.server.stop();
            event_loop.wake_all();
        }
        if self.server.grace_end.get().is_some() { Step::Done } else { Step::Read(self.stop, None) }
    }
}

/// Accepts clients, and spawns a coroutine for each.
struct Accept {
    /// Where they come in. Dropped, and so closed, when the server stops.
    acceptor: Acceptor,
    /// The server.
    server: Rc<Server>,
}

impl Coroutine for Accept {
    fn resume(&mut self, _woken: Woken, event_loop: &mut EventLoop) -> Step {
        if self.server.grace_end.get().is_some() {
            return Step::Done;
        }
        let start = |stream| start_client(&self.server, stream, event_loop);
        match self.server.accept_some(&mut self.acceptor, start) {
            Next::Read(deadline) => Step::Read(self.server.listener, deadline),
            Next::Turn => Step::Yield,
            // The listener failed.
            _ => {
                self.server.stop();
                event_loop.wake_all();
                Step::Done
            }
        }
    }
}

/// Spawns the coroutine of a client. A client that the selector refuses is closed.
fn start_client(server: &Rc<Server>, mut stream: TcpStream, event_loop: &mut EventLoop) {
    // For both directions at once: then a short write costs no further call.
    let both = Interest::READABLE | Interest::WRITABLE;
    if let Ok(token) = event_loop.register(&mut stream, both) {
        let connection = Connection::new(server, stream, token);
        event_loop.spawn(Client { connection, standing: Standing::New });
    }
}

/// Where a client's coroutine stands: where a generator would have its `yield`.
#[derive(Clone, Copy, Debug)]
enum Standing {
    /// Before its first statement.
    New,
    /// At `yield 'read', socket`.
    Reading,
    /// At `yield 'write', socket`.
    Writing,
    /// At a bare `yield`, so that the other clients have their turn.
    Aside,
}

/// Serves one client.
struct Client {
    /// The client's connection. Dropped with the coroutine, which closes it.
    connection: Connection,
    /// Which `yield` it stopped at.
    standing: Standing,
}

impl Coroutine for Client {
    fn resume(&mut self, woken: Woken, event_loop: &mut EventLoop) -> Step {
        match (self.standing, woken) {
            (Standing::Reading, Woken::Ready { closed }) => self.connection.note_readable(closed),
            // The selector reports what was there before the registration.
            (_, Woken::TimedOut) | (Standing::New | Standing::Reading, _) => {}
            // EDGE-1: events may have been missed, because the task did not wait for them.
            (Standing::Writing | Standing::Aside, _) => self.connection.note_readable(true),
        }
        let driven = self.connection.drive(matches!(woken, Woken::TimedOut));
        let token = self.connection.token;
        // A broken connection concerns no other client.
        let (standing, step) = match driven.unwrap_or(Next::Close) {
            Next::Read(deadline) => (Standing::Reading, Step::Read(token, deadline)),
            Next::Write(deadline) => (Standing::Writing, Step::Write(token, deadline)),
            Next::Turn => (Standing::Aside, Step::Yield),
            Next::Close | Next::ShutDown => {
                if self.connection.server.close_one() {
                    event_loop.wake(self.connection.server.listener);
                }
                return Step::Done;
            }
        };
        self.standing = standing;
        step
    }
}
