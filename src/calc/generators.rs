//! The calculator on the course's loop: a coroutine that accepts, and a coroutine for each client.
//!
//! The course's server has two generators, and so has this one: one yields `'read', server_socket` and accepts,
//! the other yields `'read', client_socket`, answers, yields `'write', client_socket` and sends. There the
//! states are the places of `yield`; here they are written out as an enum, [`Standing`], because nobody does
//! it for us. A third coroutine waits for the stop descriptor.
//!
//! ```text
//! a client as a generator would have it        and where it stands here
//!     begin                                    Standing::New
//!     forever:
//!         yield read, socket, deadline         Standing::Reading
//!         take a portion of what there is
//!         while replies are left over:
//!             yield write, socket, deadline    Standing::Writing
//!         if there may be more:
//!             yield                            Standing::Aside
//! ```
//!
//! **Invariants**
//! - `YIELD-1` a coroutine says [`Step::Read`] or [`Step::Write`] only for what [`Conversation`] wants (`DRIVE-4`), and
//!   tells it of events it may have missed after any wait but one for reading. So `EDGE-1` of the loop holds.
//! - `YIELD-2` `open` counts the client coroutines that exist. At `max_connections` the listener is left alone, and
//!   further clients wait in its backlog; the client that leaves wakes the accepting coroutine.
//! - `YIELD-3` once `stop_until` is set nobody is accepted, and every client is resumed at least once, told to
//!   answer what has arrived, and given until then.
//!
//! **Left out**: what the loop cannot do, see [`generator`](crate::generator). Here it shows in two places: that
//! descriptors are free again has to be told to the accepting coroutine by the token it waits for, and stopping
//! wakes everybody to look at a shared cell.
//!
//! **Source**: the course's generator server.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::rc::Rc;
use std::time::Instant;

use mio::net::TcpStream;
use mio::unix::SourceFd;
use mio::{Interest, Token};

use super::Config;
use super::door::{Door, Knock};
use super::model::Ready;
use super::nonblocking::{Conversation, Want};
use super::shared::Shared;
use crate::generator::{Coroutine, EventLoop, Step, Woken};

/// How many clients are taken in before the others have their turn. Taste.
const CLIENTS_PER_TURN: usize = 64;

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
    let mut event_loop = EventLoop::new()?;
    let door_token = event_loop.register(&mut door.listener, Interest::READABLE)?;
    let bell = event_loop.register(&mut SourceFd(&stop.as_raw_fd()), Interest::READABLE)?;
    let shared = Shared::new(config, door_token);
    event_loop.spawn(Accept { door, retry_at: None, shared: Rc::clone(&shared) });
    event_loop.spawn(Stop { bell, shared: Rc::clone(&shared) });
    ready()?;
    event_loop.run()?;
    shared.outcome()
}

/// Makes everybody stop (`YIELD-3`).
fn stop_all(shared: &Shared, event_loop: &mut EventLoop) {
    shared.begin_stop();
    event_loop.wake_all();
}

/// Waits for the stop descriptor, and then makes everybody stop.
struct Stop {
    /// The stop descriptor's token. The descriptor is never read; its one edge is told once, and that is enough.
    bell: Token,
    /// The server.
    shared: Rc<Shared>,
}

impl Coroutine for Stop {
    fn resume(&mut self, woken: Woken, event_loop: &mut EventLoop) -> Step {
        match woken {
            Woken::Ready { .. } => stop_all(&self.shared, event_loop),
            _ if self.shared.stop_until.get().is_some() => {}
            _ => return Step::Read(self.bell, None),
        }
        Step::Done
    }
}

/// Takes clients in, and spawns a coroutine for each.
struct Accept {
    /// Where they come in. Dropped, and so closed, when the server stops.
    door: Door,
    /// Set while descriptors have run out: when to try again (`DOOR-2`).
    retry_at: Option<Instant>,
    /// The server.
    shared: Rc<Shared>,
}

impl Coroutine for Accept {
    fn resume(&mut self, woken: Woken, event_loop: &mut EventLoop) -> Step {
        if self.shared.stop_until.get().is_some() {
            return Step::Done;
        }
        // `DOOR-2`: a further client knocks, but there is still no descriptor for it. When one of ours leaves there
        // is one, and then it is `Woken::Called`.
        if matches!(woken, Woken::Ready { .. }) && self.retry_at.is_some() {
            return Step::Read(self.shared.door, self.retry_at);
        }
        self.retry_at = None;
        self.shared.wants_room.set(false);
        for _ in 0..CLIENTS_PER_TURN {
            if self.shared.open.get() >= self.shared.config.max_connections {
                self.shared.wants_room.set(true);
                return Step::Read(self.shared.door, None);
            }
            match self.door.next() {
                Knock::Client(stream) => self.take_in(stream, event_loop),
                Knock::Nobody => return Step::Read(self.shared.door, None),
                Knock::Shortage(retry_at) => {
                    self.retry_at = Some(retry_at);
                    self.shared.wants_room.set(true);
                    return Step::Read(self.shared.door, self.retry_at);
                }
                Knock::Broken(error) => {
                    self.shared.failure.replace(Some(error));
                    stop_all(&self.shared, event_loop);
                    return Step::Done;
                }
            }
        }
        Step::Yield
    }
}

impl Accept {
    /// Spawns the coroutine of a client. One that the selector has no room for is turned away.
    fn take_in(&mut self, mut stream: TcpStream, event_loop: &mut EventLoop) {
        // Both directions at once: then a short write costs no further call, and edge triggering tells of
        // writing once at the start and then only after the socket was full.
        let Ok(token) = event_loop.register(&mut stream, Interest::READABLE | Interest::WRITABLE)
        else {
            return;
        };
        self.shared.open.set(self.shared.open.get() + 1);
        event_loop.spawn(Client {
            stream,
            token,
            conversation: Conversation::new(&self.shared.config),
            standing: Standing::New,
            stopping: false,
            shared: Rc::clone(&self.shared),
        });
    }
}

/// Where a client's coroutine stands: the places where a generator would have its `yield`.
#[derive(Clone, Copy, Debug)]
enum Standing {
    /// Before its first statement.
    New,
    /// At `yield 'read', socket`.
    Reading,
    /// At `yield 'write', socket`.
    Writing,
    /// At a bare `yield`: between two portions of a long stream.
    Aside,
}

/// Serves one client.
struct Client {
    /// The client's socket. Dropped with the coroutine.
    stream: TcpStream,
    /// Its token.
    token: Token,
    /// What has been read and answered so far.
    conversation: Conversation,
    /// Which `yield` it stopped at.
    standing: Standing,
    /// Whether it has been told that the server stops (`YIELD-3`): once is enough.
    stopping: bool,
    /// The server.
    shared: Rc<Shared>,
}

impl Coroutine for Client {
    fn resume(&mut self, woken: Woken, event_loop: &mut EventLoop) -> Step {
        match (self.standing, woken) {
            // Nothing to read before the selector says so; it reports what was there before the registration.
            (Standing::New, _) | (Standing::Reading, Woken::Turn | Woken::Called) => {}
            (_, Woken::TimedOut) => self.conversation.note_timeout(&self.shared.config),
            (Standing::Reading, Woken::Ready { closed }) => self.conversation.note_readable(closed),
            // `YIELD-1`: nobody was there to hear of readable bytes, so a read has to tell.
            (Standing::Writing | Standing::Aside, _) => self.conversation.note_missed(),
        }
        if !self.stopping && self.shared.stop_until.get().is_some() {
            self.stopping = true;
            self.conversation.note_stop();
        }
        self.go_on(event_loop)
    }
}

impl Client {
    /// Does one portion and yields what the conversation wants.
    fn go_on(&mut self, event_loop: &mut EventLoop) -> Step {
        let late = self.shared.stop_until.get().is_some_and(|until| until <= Instant::now());
        let wanted =
            self.conversation.drive(&mut self.stream, &mut self.shared.buffers.borrow_mut());
        match wanted {
            Ok(Want::Read) if !late => {
                self.standing = Standing::Reading;
                Step::Read(self.token, self.deadline())
            }
            Ok(Want::Write) if !late => {
                self.standing = Standing::Writing;
                Step::Write(self.token, self.deadline())
            }
            Ok(Want::Turn) if !late => {
                self.standing = Standing::Aside;
                Step::Yield
            }
            // The end, the end of patience, or a broken connection, which concerns nobody else.
            Ok(_) | Err(_) => {
                if self.shared.leave() {
                    event_loop.wake(self.shared.door);
                }
                Step::Done
            }
        }
    }

    /// Returns when the wait that begins now must end, be it the client's fault or the server's.
    fn deadline(&self) -> Option<Instant> {
        let own = self.conversation.deadline(&self.shared.config);
        own.into_iter().chain(self.shared.stop_until.get()).min()
    }
}
