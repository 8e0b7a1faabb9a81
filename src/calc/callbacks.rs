//! The calculator with readiness and callbacks: no threads, and no coroutines either.
//!
//! A callback has no place where it goes on: it is called for whatever happens, in any order, and must work out
//! from what it has written down what that means now. It cannot keep anything in a local variable either, because its
//! variables are gone when it returns.
//!
//! | a thread or a coroutine keeps in | a callback keeps in |
//! | --- | --- |
//! | its local variables, and the place where it stopped | the [`Connection`] that the closure owns |
//! | a loop around `read` | the calls that the event loop makes |
//! | `try`, `finally` | a `remove` on every way out |
//! | the order of its statements | nothing; each call copes with every state |
//!
//! **Source**: the reactor pattern; Node's `socket.on('readable', ...)`.

use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;

use mio::Token;
use mio::net::TcpStream;
use mio::unix::SourceFd;

use super::callback_loop::{CallbackLoop, Happening};
use super::config::Start;
use super::conversation::Next;
use super::limits::Acceptor;
use super::readiness::{Connection, Server};

/// Serves until the stop; fails if the selector or the listener does.
pub(super) fn serve(start: Start<'_>) -> io::Result<()> {
    let Start { listener, config, stop, ready } = start;
    let mut acceptor = Acceptor::new(listener)?;
    let mut callbacks = CallbackLoop::new()?;
    let stop = callbacks.watch(&mut SourceFd(&stop.as_raw_fd()))?;
    let listener = callbacks.watch(&mut SourceFd(&acceptor.listener.as_raw_fd()))?;
    let server = Server::new(config, listener);
    let (stopped, accepting) = (Rc::clone(&server), Rc::clone(&server));
    callbacks.on(stop, move |callbacks, happening| {
        if matches!(happening, Happening::Ready { readable: true, .. }) {
            stop_all(&stopped, stop, callbacks);
        }
    });
    callbacks.on(listener, move |callbacks, _| {
        let start = |stream| start_client(&accepting, stream, callbacks);
        match accepting.accept_some(&mut acceptor, start) {
            Next::Read(deadline) => callbacks.set_deadline(listener, deadline),
            Next::Turn => callbacks.call_soon(listener),
            _ => stop_all(&accepting, stop, callbacks),
        }
    });
    ready()?;
    callbacks.run()?;
    server.failure.take().map_or(Ok(()), Err)
}

/// Closes the listener, and calls every client once, to learn that the server stops.
fn stop_all(server: &Server, stop: Token, callbacks: &mut CallbackLoop) {
    server.stop();
    callbacks.remove(stop);
    callbacks.remove(server.listener);
    callbacks.call_all_soon();
}

/// Registers the closure of a client. A client that the selector refuses is closed.
fn start_client(server: &Rc<Server>, mut stream: TcpStream, callbacks: &mut CallbackLoop) {
    let Ok(token) = callbacks.watch(&mut stream) else { return };
    let mut connection = Connection::new(server, stream, token);
    // Dropped with the closure, which closes it.
    callbacks.on(token, move |callbacks, event| handle(&mut connection, event, callbacks));
    // The first call only asks what to wait for: the idle time begins now.
    callbacks.call_soon(token);
}

/// Notes what happened, does a portion of work, and registers what is waited for next. The one way out.
fn handle(connection: &mut Connection, happening: Happening, callbacks: &mut CallbackLoop) {
    if let Happening::Ready { readable: true, closed } = happening {
        // Whether this is a good time to read, the conversation knows.
        connection.note_readable(closed);
    }
    let token = connection.token;
    // A broken connection concerns no other client.
    match connection.drive(matches!(happening, Happening::TimedOut)).unwrap_or(Next::Close) {
        Next::Read(deadline) | Next::Write(deadline) => callbacks.set_deadline(token, deadline),
        Next::Turn => {
            // An earlier wait's deadline must not come in the middle of work.
            callbacks.set_deadline(token, None);
            callbacks.call_soon(token);
        }
        Next::Close | Next::ShutDown => {
            callbacks.remove(token);
            if connection.server.close_one() {
                callbacks.call_soon(connection.server.listener);
            }
        }
    }
}
