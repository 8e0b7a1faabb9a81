//! The conformance suite: what an event loop of one thread promises, as tests for any runtime.
//!
//! Every claim is a function that is generic over [`Runtime`]. A package that has a runtime takes the suite as a
//! dev-dependency, by path or by git:
//!
//! ```toml
//! [dev-dependencies]
//! handloom-conformance = { path = "../handloom/tests/conformance" }
//! # or: handloom-conformance = { git = "ADDRESS OF THE REPOSITORY" }
//! ```
//!
//! In a test it implements the trait and calls [`conformance!`], which makes a test of every claim. A runtime that is
//! being written begins with what it has; this is all that level 0 needs:
//!
//! ```no_run
//! use handloom_conformance::runtime::{Ended, Missing};
//! # mod my_crate { pub fn block_on<F: Future>(_: F) -> F::Output { loop {} } }
//!
//! struct MyLoop;
//!
//! impl handloom_conformance::Runtime for MyLoop {
//!     type Task<T: 'static> = Missing<Ended<T>>;
//!     type Remote = ();
//!     type Sleep = Missing;
//!     type Listener = Missing;
//!     type Stream = Missing;
//!
//!     fn new() -> Self {
//!         Self
//!     }
//!
//!     fn block_on<F: Future>(&self, future: F) -> F::Output {
//!         my_crate::block_on(future)
//!     }
//!
//!     fn remote(&self) {}
//! }
//!
//! handloom_conformance::conformance!(MyLoop, levels: [l0_block_on]);
//! ```
//!
//! When it spawns, it gets a `Task` and a `spawn`, and `l1_poll` joins the list; the whole suite is
//! `conformance!(MyLoop)`. Each level uses only what the levels below it have shown. The suite needs Linux, because it
//! reads `/proc`. In Handloom, `tests/conformance.rs` runs it on four runtimes, the smallest of which is
//! `tests/runtimes/on_park.rs`.
//!
//! | level | what it shows | it may use |
//! | --- | --- | --- |
//! | `l0_block_on` | a future is polled when it was woken; a wait costs nothing | `block_on` |
//! | `l1_poll` | a task is polled when it was woken, and once for many wakes | `spawn`, `yield_now` |
//! | `l2_tasks` | the order of tasks; what wakers and handles that are dropped may do | |
//! | `l3_join` | results, panics, cancels, the end of the loop | join handles |
//! | `l4_time` | sleeping and timeouts | `sleep`, `timeout`, `reset` |
//! | `l5_sockets` | readiness | sockets |
//! | `l6_threads` | wakes, calls and cancels from other threads; many loops | `call`, `canceller` |
//! | `l7_fairness` | no task, socket or timer starves | |
//! | `l8_limits` | signals, a thousand sockets | |
//!
//! `cargo test --test conformance l1_` runs one level.

#![expect(clippy::similar_names, reason = "a reader reads, and wakes come from a waker")]
#![expect(clippy::waker_clone_wake, reason = "a waker is used in every way that it can be")]
#![expect(clippy::async_yields_async, reason = "some claims carry a handle out of its runtime")]
#![expect(
    clippy::needless_pass_by_value,
    reason = "a check takes what it compares, for short calls"
)]

#[macro_use]
mod claims;

pub mod alone;
pub mod check;
pub mod futures;
pub mod judge;
pub mod promises;
pub mod runtime;
pub mod sockets;
pub mod trace;

pub mod l0_block_on;
pub mod l1_poll;
pub mod l2_tasks;
pub mod l3_join;
pub mod l4_time;
pub mod l5_sockets;
pub mod l6_threads;
pub mod l7_fairness;
pub mod l8_limits;

use judge::Claim;
pub use runtime::Runtime;

/// Returns every level with its claims.
pub fn levels<R: Runtime>() -> Vec<(&'static str, Vec<Claim<R>>)> {
    vec![
        ("l0_block_on", l0_block_on::claims()),
        ("l1_poll", l1_poll::claims()),
        ("l2_tasks", l2_tasks::claims()),
        ("l3_join", l3_join::claims()),
        ("l4_time", l4_time::claims()),
        ("l5_sockets", l5_sockets::claims()),
        ("l6_threads", l6_threads::claims()),
        ("l7_fairness", l7_fairness::claims()),
        ("l8_limits", l8_limits::claims()),
    ]
}
