//! The conformance suite: what a runtime of one thread promises, written once, run on two.
//!
//! Every claim is a function over [`Runtime`](runtime::Runtime), run on handloom's event loop and on tokio's
//! local runtime. It is laid out as a course: each level uses only what the levels below it have shown.
//!
//! | level | what it shows |
//! | --- | --- |
//! | `l1_poll` | a future is polled |
//! | `l2_tasks` | tasks, wakers, panics |
//! | `l3_join` | results, cancellation, the end of the loop, the stuck report |
//! | `l4_time` | sleeping, time-outs, virtual time |
//! | `l5_sockets` | readiness |
//! | `l6_threads` | wakes and calls from other threads, many loops |
//! | `l7_fairness` | nobody starves; what an observer is told |
//! | `l8_limits` | no descriptors left, signals, a thousand sockets |
//!
//! `cargo test --test conformance l1_` runs one level; who writes a runtime of his own implements the trait
//! and climbs. Where the two differ on purpose there is a claim for each side, and a row in
//! `notes/differences.md`; `notes/conformance.md` tells which claim covers which scenario.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]
#![expect(clippy::similar_names, reason = "a reader reads, and wakes come from a waker")]
#![expect(clippy::waker_clone_wake, reason = "a waker is used in every way that it can be")]
#![expect(clippy::async_yields_async, reason = "some claims carry a handle out of its runtime")]
#![expect(
    clippy::needless_pass_by_value,
    reason = "a check takes what it compares, for short calls"
)]

mod on_handloom;
mod on_tokio;
mod runtime;
#[macro_use]
mod support;

mod l1_poll;
mod l2_tasks;
mod l3_join;
mod l4_time;
mod l5_sockets;
mod l6_threads;
mod l7_fairness;
mod l8_limits;
