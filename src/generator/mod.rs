//! The ancestor of the event loop: the course's server, driven by generators.
//!
//! The course keeps three things: a queue `tasks` of generators that can run, a map `to_read` and a map
//! `to_write` from a socket to the generator that waits for it. A generator says what it waits for by
//! `yield 'read', socket`; the loop takes a task, runs it to its next `yield`, and stores it. Only if the queue is empty
//! it asks the selector. That is the whole idea of an event loop.
//!
//! Rust has no stable generators, so each one is written by hand: an enum of the places where it can stand, and
//! [`Coroutine::resume`], which goes on from there. The compiler makes the same out of an `async fn`.
//!
//! | course | here | `rt/` |
//! | --- | --- | --- |
//! | `tasks` | [`EventLoop`]'s `tasks` | `core`'s `ready` and the table of tasks |
//! | `to_read`, `to_write` | the same | the same, in `reactor` |
//! | `next(task)` | [`Coroutine::resume`] | `Future::poll` |
//! | `yield 'read', socket` | [`Step::Read`] | `Poll::Pending`, after the waker was left in `to_read` |
//! | `select` | mio's `Poll` | the same |
//!
//! **What it cannot do**, and the file of `rt/` that does it:
//! - Wait in a function that a coroutine calls: the callee's states must be in the caller's enum. `.await` nests to any
//!   depth, because a wait is a waker in a table and not a value handed up to the loop (`task.rs`).
//! - Return a value, survive a panic, or cancel one coroutine (`task.rs`, `join.rs`).
//! - Wait for several things at once: a [`Step`] has room for one (`task.rs`: a waker may be left in any number of
//!   places). Sleep (`timers.rs`), or in virtual time (`clock.rs`).
//! - Be woken from another thread (`remote.rs`).
//! - Remember readiness that comes while the coroutine waits for something else; see `EDGE-1` in
//!   [`event_loop`](EventLoop) for the rule that makes up for it (`reactor.rs`).
//! - Keep a coroutine that is always ready from starving the sockets, unless it returns [`Step::Yield`].
//!
//! **Source**: the course's lesson; David Beazley, "A Curious Course on Coroutines and Concurrency" (2009), part 7.

mod coroutine;
mod event_loop;

pub use coroutine::{Step, Woken};
pub use event_loop::{Coroutine, EventLoop};
