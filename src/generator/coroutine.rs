//! A coroutine: a function that stops in the middle, written out as a state machine.
//!
//! A server that waits for one client in a plain call stands still for all the others. A coroutine gives the
//! thread back instead, says what it waits for, and goes on from the same place later.
//!
//! **Invariants**
//! - `CORO-1` between two calls a coroutine is owned by exactly one of: the queue of tasks, `to_read`,
//!   `to_write`, the line of those that stepped aside. So it is never resumed twice for one reason, and never
//!   while it runs.
//! - `CORO-2` after [`Step::Done`] it is dropped and never resumed again.
//!
//! | it returned | it stands in | it is resumed with |
//! | --- | --- | --- |
//! | nothing yet (spawned) | `tasks` | [`Woken::Turn`] |
//! | [`Step::Read`], [`Step::Write`] | `to_read`, `to_write` | [`Woken::Ready`], [`Woken::TimedOut`], [`Woken::Called`] |
//! | [`Step::Yield`] | the line aside | [`Woken::Turn`], once the selector has been asked |
//! | [`Step::Done`] | nowhere | |
//!
//! **Left out**: values sent into the coroutine (`generator.send`), and exceptions thrown into it
//! (`generator.throw`): [`Woken`] is all that comes in.
//!
//! **Source**: Python's PEP 342, coroutines via enhanced generators.

use std::time::Instant;

use mio::Token;

use super::EventLoop;

/// A function that can stop in the middle and go on later.
pub trait Coroutine {
    /// Runs on to the next place where the coroutine has to wait, and says for what.
    ///
    /// The loop is lent for the time of the call: to spawn others, to register sockets, to wake who waits.
    ///
    /// # Blocking
    /// Nobody else runs before this returns, so it must not block, and long computations belong cut into
    /// slices with a [`Step::Yield`] between them.
    fn resume(&mut self, woken: Woken, event_loop: &mut EventLoop) -> Step;
}

/// What a coroutine hands to the loop when it stops: the course's `yield reason, socket`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Resume me when the socket of this token can be read, or at the deadline.
    ///
    /// Try to read first, in the same call: see `EDGE-1` at [`EventLoop`].
    Read(Token, Option<Instant>),
    /// Resume me when the socket of this token can be written, or at the deadline.
    ///
    /// Try to write first, in the same call: see `EDGE-1` at [`EventLoop`].
    Write(Token, Option<Instant>),
    /// Let the others go first: resume me after the selector was asked once.
    ///
    /// The course's way to say it is `yield 'write', socket` on a socket that is always writable.
    Yield,
    /// The end: the course's `StopIteration`.
    Done,
}

/// Why a coroutine is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// It is its turn: it was spawned, or it had stepped aside.
    Turn,
    /// The socket is ready; spuriously at times, so an operation may still find nothing to do.
    Ready {
        /// The peer will send no more, or the connection broke. It is told once: what is left in the socket has
        /// to be read to its very end now, since no further event will announce the end.
        closed: bool,
    },
    /// The deadline came first. The socket was not ready when the selector was last asked.
    TimedOut,
    /// Another coroutine called [`EventLoop::wake`] or [`EventLoop::wake_all`].
    Called,
}
