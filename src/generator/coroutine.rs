//! What a coroutine says when it stops, and why it is resumed.
//!
//! A coroutine is a function that can stop in the middle: it says what it waits for ([`Step`]), gives the thread
//! back, and goes on from the same place when it is resumed ([`Woken`]).
//!
//! **Invariants**
//! - `CORO-1` Between two calls a coroutine is owned by exactly one of: the queue of tasks, `to_read`, `to_write`,
//!   `aside`. So it is never resumed twice for one reason, and never while it runs.
//! - `CORO-2` After [`Step::Done`] it is dropped and never resumed again.
//!
//! **Source**: Python's PEP 342, coroutines via enhanced generators.

use std::time::Instant;

use mio::Token;

/// What a coroutine hands to the loop when it stops: the course's `yield reason, socket`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Resume me when the socket of this token can be read, or at the deadline. Try to read first: see `EDGE-1`.
    Read(Token, Option<Instant>),
    /// Resume me when the socket of this token can be written, or at the deadline. Try to write first: see `EDGE-1`.
    Write(Token, Option<Instant>),
    /// Let the others go first: resume me after the selector was asked once.
    Yield,
    /// The end: the course's `StopIteration`.
    Done,
}

/// Why a coroutine is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// It is its turn: it was spawned, or it had yielded.
    Turn,
    /// The socket is ready. Sometimes it is not, so an operation may still find nothing to do.
    Ready {
        /// The peer will send no more, or the connection broke. No further event will say so: what is left in the
        /// socket must be read to its end now.
        closed: bool,
    },
    /// The deadline came first. The socket was not ready when the selector was last asked.
    TimedOut,
    /// Another coroutine called [`EventLoop::wake`](super::EventLoop::wake) or
    /// [`EventLoop::wake_all`](super::EventLoop::wake_all).
    Called,
}
