//! The event loop: tasks, a run queue, a reactor on mio, timers, and the turn that drives them.
//!
//! `generator` is the same loop one step earlier, and `first_loop` has all of it in its simplest form. Read `id`, `slab`,
//! `timers`, `reactor`; then `task`, `join`, `core` and `context`, which import each other: a waker points to its task,
//! the task finds the loop that runs, and the loop's table holds the tasks. In `event_loop` one function shows a turn.
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

pub(crate) mod context;
pub(crate) mod core;
mod event_loop;
mod id;
mod join;
pub(crate) mod reactor;
pub(crate) mod slab;
mod task;
pub(crate) mod timers;
mod works;

pub use context::{
    cancel, now, poll_budget, spawn, spawn_named, task_table, waits_for, watch_loops,
};
pub use event_loop::EventLoop;
pub use id::TaskId;
pub use join::{JoinError, JoinHandle};
pub use reactor::Direction;
pub use works::builder::{Builder, block_on};
pub(crate) use works::clock;
pub use works::observer::{Moment, Observer, Wait};
pub use works::remote::{LoopGone, Remote};

pub use crate::jobs::Panic;
pub(crate) use crate::jobs::wake_all;
