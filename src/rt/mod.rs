//! The event loop: tasks, a run queue, a reactor on mio, timers, and the turn that drives them.
//!
//! `generator` is the same loop one step earlier, driven by coroutines that yield what they wait for. What
//! it cannot do is done here: waits inside nested calls (every `.await`), results (`join`), cancellation
//! (`join`), wakes from other threads (`remote`), any number of deadlines (`timers`).
//!
//! Read `event_loop` first, then `run_queue`, `task`, `reactor` and `timers`: they are the path of a turn.
//! `core` holds what they share; `aio::Source` is what a socket does with the reactor.
//!
//! ```text
//!             spawn ─► task table ◄─ id ─ run queue ◄── wake ──┐
//!                          │                  │                │
//!                          └──────► poll ◄────┘                │
//!                                     │ Pending: leaves waker  │
//!              to_read, to_write ◄────┼────► timers            │
//!                     │                         │              │
//!                selector (epoll) ──── ready ───┴── due ───────┤
//!                     ▲                                        │
//!   other threads ──► inbox, unparker ─────────────────────────┘
//! ```

mod builder;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod core;
mod ending;
mod event_loop;
mod join;
mod observer;
pub(crate) mod reactor;
mod remote;
mod run_queue;
pub(crate) mod slab;
mod stuck;
mod table;
mod task;
pub(crate) mod timers;
mod wake;

pub use builder::{Builder, block_on};
pub use context::{cancel, now, poll_budget, spawn, spawn_named, task_table, waits_for};
pub use event_loop::EventLoop;
pub use join::{JoinError, JoinHandle};
pub use observer::{Moment, Observer, Wait};
pub use reactor::Direction;
pub use remote::{LoopGone, Remote};
pub use task::TaskId;
pub(crate) use wake::wake_all;

pub use crate::jobs::Panic;
