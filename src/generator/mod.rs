//! The ancestor of the event loop: the course's server, driven by generators.
//!
//! The course keeps three things: a queue `tasks` of generators that can run, a map `to_read` and a map
//! `to_write` from a socket to the generator that waits for it. A generator says what it waits for by
//! `yield 'read', socket`; the loop takes the first task, runs it to its next `yield`, and files it. Only
//! when the queue is empty does it ask the selector. That is the whole idea of an event loop, and `rt/`
//! adds nothing to it but comfort. Read this first.
//!
//! Rust has no stable generators, so each one is written by hand as a state machine: an enum of the places
//! where it can stand, and [`Coroutine::resume`], which goes on from there. The compiler makes the same enum
//! out of an `async fn`; who has written one knows what a future is.
//!
//! | course | here | `rt/` |
//! | --- | --- | --- |
//! | `tasks` | [`EventLoop`]'s `tasks` | `run_queue` and the table of tasks |
//! | `to_read`, `to_write` | the same | the same, in `reactor` |
//! | `next(task)` | [`Coroutine::resume`] | `Future::poll` |
//! | `yield 'read', socket` | [`Step::Read`] | `Poll::Pending`, after the waker was left in `to_read` |
//! | `StopIteration` | [`Step::Done`] | `Poll::Ready` |
//! | `select` | mio's `Poll` | the same |
//!
//! **What this ancestor cannot do**, and the file of `rt/` that does it:
//! - `yield from`: a function called by a coroutine cannot wait, only the coroutine itself can; one that wants
//!   to wait in a nested call has to put the callee's states into its own enum. `.await` nests to any depth,
//!   because a wait is a waker in a table and not a value handed up to the loop (`rt/task.rs`).
//! - Return a value, or let another wait for the end: [`Step::Done`] carries nothing, and nobody is told
//!   (`rt/join.rs`).
//! - Survive a panic: it unwinds through the loop and takes every other coroutine along (`rt/task.rs` catches
//!   it, `rt/join.rs` hands it to who waits for it).
//! - Cancel one coroutine: nobody has its name. All there is is [`EventLoop::wake_all`], after which each has to
//!   look for itself whether it should end (`rt/join.rs`).
//! - Wait for anything but a socket: two coroutines can talk to each other only through a socket or through
//!   [`EventLoop::wake`], which must know what the other waits for (`rt/task.rs`: the waker).
//! - Be woken from another thread: the queue belongs to the loop (`rt/remote.rs`).
//! - Sleep: a deadline exists only as the end of a wait for a socket (`rt/timers.rs`), and always in real time
//!   (`rt/clock.rs`).
//! - Wait for several things at once: a [`Step`] has room for one (`rt/task.rs`: one waker may be left in any
//!   number of places).
//! - Remember readiness that comes while the coroutine waits for something else; see `EDGE-1` in
//!   [`event_loop`](EventLoop) for the rule that makes up for it (`rt/reactor.rs`).
//! - Find the loop without being handed it: `resume` gets it as an argument (`rt/context.rs`).
//! - Be watched: no hooks, no names, no report when nothing can ever run again (`rt/observer.rs`, `rt/stuck.rs`).
//! - Keep a busy coroutine from starving the sockets, unless that one is polite and says [`Step::Yield`]
//!   (`rt/event_loop.rs` asks the selector once a turn).
//!
//! **Source**: the course's lesson on an event loop made of generators, and David Beazley, "A Curious Course
//! on Coroutines and Concurrency" (2009), part 7.

mod coroutine;
mod event_loop;

pub use coroutine::{Coroutine, Step, Woken};
pub use event_loop::EventLoop;
