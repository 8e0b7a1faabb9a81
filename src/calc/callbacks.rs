//! The calculator with readiness and callbacks: no threads, and no coroutines either.
//!
//! Read it after `calc/generators.rs`. The wire and the loop's work are the same; what is missing is the place to
//! go on from. A coroutine that waits for room to write *stands* at its `yield 'write'`, and a readable socket
//! is no concern of it. A callback stands nowhere: it is called for whatever happens, in any order, and each time
//! has to work out from what it has written down what that means now. It cannot keep anything in a local variable
//! either, since its variables are gone when it returns. So:
//!
//! | a thread or a coroutine keeps in | a callback has to keep in |
//! | --- | --- |
//! | its local variables | fields of [`Client`], which the closure owns |
//! | the place where it stands | the fields of `Conversation`: `unsent`, `readable`, the session's state |
//! | a loop around `read` | the calls that the event loop makes |
//! | `try`, `finally` | a `forget` on every way out, [`Client::settle`] |
//! | the order of its statements | nothing; each handler copes with every state |
//!
//! What a long reply to a client that reads slowly looks like from here, where a coroutine has three lines:
//!
//! ```text
//! on_readable   read, answer; the write is short   -> remember the rest, watch writing
//! on_readable   more came: not now                 -> remember that it is readable, no event will say so again
//! on_writable   a part of the rest goes out        -> remember what is left of the rest
//! on_timeout    (idle) nobody reads                -> the only way to give up is to be called for it
//! on_writable   all of it is out; was it readable? -> then read now, or wait for ever
//! ```
//!
//! **Invariants**
//! - `CLOSURE-1` each handler ends in [`Client::settle`], which puts the table in order for what is wanted next: a
//!   deadline, a further call, interest in writing, or the end. It is the one way out.
//! - `CLOSURE-2` the selector is asked about writing from a client's first short write on, and not before; since mio
//!   tells of changes only, this need not be taken back.
//! - `CLOSURE-3` `open` counts the clients in the table. At `max_connections` the listener is left alone; a client that
//!   leaves has the listener's handler called.
//! - `CLOSURE-4` once `stop_until` is set nobody is accepted, and every client is told once to answer what has arrived.
//!
//! **Left out**: closures nested in closures, where each step of a conversation registers the next one. It hides
//! the state in what is captured, and costs an allocation for each step.
//!
//! **Source**: the reactor pattern; Node's `socket.on('readable', ...)`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::rc::Rc;
use std::time::Instant;

use mio::Token;
use mio::net::TcpStream;
use mio::unix::SourceFd;

use super::Config;
use super::callback_loop::{CallbackLoop, Happening};
use super::door::{Door, Knock};
use super::model::Ready;
use super::nonblocking::{Conversation, Want};
use super::shared::Shared;

/// How many clients are taken in before the others are heard. Taste.
const CLIENTS_PER_CALL: usize = 64;

/// Serves until `stop` becomes readable, and then ends in good order.
///
/// # Errors
/// If the selector or the listener fails.
///
/// # Blocking
/// The calling thread is the event loop's until the server has stopped.
pub(super) fn serve(
    listener: std::net::TcpListener,
    config: &Config,
    stop: BorrowedFd<'_>,
    ready: Ready<'_>,
) -> io::Result<()> {
    let mut door = Door::new(listener)?;
    let mut callbacks = CallbackLoop::new()?;
    let bell = callbacks.watch(&mut SourceFd(&stop.as_raw_fd()))?;
    let door_token = callbacks.watch(&mut door.listener)?;
    let shared = Shared::new(config, door_token);
    let server = Rc::clone(&shared);
    callbacks.on(bell, move |callbacks, _| stop_all(&server, bell, callbacks));
    let mut acceptor = Acceptor { door, bell, short: false, shared: Rc::clone(&shared) };
    callbacks.on(door_token, move |callbacks, happening| {
        acceptor.on_happening(callbacks, happening);
    });
    ready()?;
    callbacks.run()?;
    shared.outcome()
}

/// Closes the listener, and makes every client look at `stop_until` (`CLOSURE-4`).
fn stop_all(shared: &Shared, bell: Token, callbacks: &mut CallbackLoop) {
    shared.begin_stop();
    callbacks.forget(bell);
    callbacks.forget(shared.door);
    callbacks.call_all_soon();
}

/// The state of the closure that takes clients in.
struct Acceptor {
    /// Where they come in.
    door: Door,
    /// The stop descriptor's token, to be forgotten when the listener breaks.
    bell: Token,
    /// Whether descriptors have run out and a deadline is set to try again (`DOOR-2`).
    short: bool,
    /// The server.
    shared: Rc<Shared>,
}

impl Acceptor {
    /// Takes clients in, as many as there is room for.
    fn on_happening(&mut self, callbacks: &mut CallbackLoop, happening: Happening) {
        // A further client knocks, and there is still no descriptor for it: its time comes with the deadline.
        if matches!(happening, Happening::Readable { .. }) && self.short {
            return;
        }
        self.short = false;
        self.shared.wants_room.set(false);
        callbacks.set_deadline(self.shared.door, None);
        for _ in 0..CLIENTS_PER_CALL {
            if self.shared.open.get() >= self.shared.config.max_connections {
                self.shared.wants_room.set(true);
                return;
            }
            match self.door.next() {
                Knock::Client(stream) => self.take_in(stream, callbacks),
                Knock::Nobody => return,
                Knock::Shortage(retry_at) => {
                    self.short = true;
                    self.shared.wants_room.set(true);
                    return callbacks.set_deadline(self.shared.door, Some(retry_at));
                }
                Knock::Broken(error) => {
                    self.shared.failure.replace(Some(error));
                    return stop_all(&self.shared, self.bell, callbacks);
                }
            }
        }
        callbacks.call_soon(self.shared.door);
    }

    /// Registers the closure of a client. One that the selector has no room for is turned away.
    fn take_in(&mut self, mut stream: TcpStream, callbacks: &mut CallbackLoop) {
        let Ok(token) = callbacks.watch(&mut stream) else {
            return;
        };
        self.shared.open.set(self.shared.open.get() + 1);
        let conversation = Conversation::new(&self.shared.config);
        // Its idle time begins now.
        let deadline = conversation.deadline(&self.shared.config);
        let mut client = Client {
            stream,
            token,
            conversation,
            watches_writing: false,
            has_deadline: deadline.is_some(),
            stopping: false,
            shared: Rc::clone(&self.shared),
        };
        callbacks.on(token, move |callbacks, happening| match happening {
            Happening::Readable { closed } => client.on_readable(callbacks, closed),
            Happening::Writable => client.on_writable(callbacks),
            Happening::TimedOut => client.on_timeout(callbacks),
            Happening::Turn => client.on_turn(callbacks),
        });
        callbacks.set_deadline(token, deadline);
    }
}

/// All that a client's closure has to remember between two calls.
struct Client {
    /// The client's socket. Dropped with the closure.
    stream: TcpStream,
    /// Its token.
    token: Token,
    /// What has been read and answered so far.
    conversation: Conversation,
    /// Whether the selector tells of writing (`CLOSURE-2`).
    watches_writing: bool,
    /// Whether the table has a deadline for it; spares the look when there was none and is none.
    has_deadline: bool,
    /// Whether it has been told that the server stops (`CLOSURE-4`).
    stopping: bool,
    /// The server.
    shared: Rc<Shared>,
}

impl Client {
    /// There is something to read. Whether this is a good time for it, the conversation knows: it reads nothing
    /// while replies are unsent, and remembers that it could.
    fn on_readable(&mut self, callbacks: &mut CallbackLoop, closed: bool) {
        self.conversation.note_readable(closed);
        self.go_on(callbacks);
    }

    /// There is room to write. Perhaps nothing is to be written; then nothing happens.
    fn on_writable(&mut self, callbacks: &mut CallbackLoop) {
        self.go_on(callbacks);
    }

    /// A pause, or the end of patience.
    fn on_timeout(&mut self, callbacks: &mut CallbackLoop) {
        self.has_deadline = false;
        self.conversation.note_timeout(&self.shared.config);
        self.go_on(callbacks);
    }

    /// Its turn has come to do the next portion, or everybody is called since the server stops.
    fn on_turn(&mut self, callbacks: &mut CallbackLoop) {
        if !self.stopping && self.shared.stop_until.get().is_some() {
            self.stopping = true;
            self.conversation.note_stop();
        }
        self.go_on(callbacks);
    }

    /// Does one portion.
    fn go_on(&mut self, callbacks: &mut CallbackLoop) {
        let wanted =
            self.conversation.drive(&mut self.stream, &mut self.shared.buffers.borrow_mut());
        let wanted = wanted.and_then(|want| {
            if want == Want::Write && !self.watches_writing {
                self.watches_writing = true;
                callbacks.watch_writing(&mut self.stream, self.token)?;
            }
            Ok(want)
        });
        // A broken connection concerns nobody else.
        self.settle(callbacks, wanted.unwrap_or(Want::Close));
    }

    /// Puts the table in order for what is wanted next (`CLOSURE-1`).
    fn settle(&mut self, callbacks: &mut CallbackLoop, want: Want) {
        let stop_until = self.shared.stop_until.get();
        let late = stop_until.is_some_and(|until| until <= Instant::now());
        match want {
            Want::Read | Want::Write if !late => {
                let own = self.conversation.deadline(&self.shared.config);
                self.set_deadline(callbacks, own.into_iter().chain(stop_until).min());
            }
            Want::Turn if !late => {
                // An earlier wait's deadline must not come in the middle of work.
                self.set_deadline(callbacks, None);
                callbacks.call_soon(self.token);
            }
            _ => {
                callbacks.forget(self.token);
                if self.shared.leave() {
                    callbacks.call_soon(self.shared.door);
                }
            }
        }
    }
    /// Sets or takes back the client's deadline.
    fn set_deadline(&mut self, callbacks: &mut CallbackLoop, deadline: Option<Instant>) {
        if deadline.is_some() || self.has_deadline {
            self.has_deadline = deadline.is_some();
            callbacks.set_deadline(self.token, deadline);
        }
    }
}
