//! The conformance suite (`tests/conformance/`, a package of its own) on the runtimes that this project has at hand:
//! its event loop, the one in a single file, tokio's local runtime as the measure of what is normal, and a `block_on` alone.
//!
//! `on_handloom` and `on_tokio` hold the suite's words for a runtime, and in `own` the claims that only it makes. Each
//! difference has a claim on both sides, and a row in `notes/differences.md`; `notes/internals/conformance.md` tells which claim
//! covers which scenario.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]
#![expect(clippy::similar_names, reason = "a reader reads, and wakes come from a waker")]
#![expect(clippy::async_yields_async, reason = "some claims carry a sleep out of its runtime")]

#[path = "runtimes/descriptors.rs"]
mod descriptors;
#[path = "runtimes/hangs.rs"]
mod hangs;
#[path = "runtimes/levels.rs"]
mod levels;
#[path = "support/many_at_a_time.rs"]
mod many_at_a_time;
#[path = "runtimes/on_first_loop/mod.rs"]
mod on_first_loop;
#[path = "runtimes/on_handloom/mod.rs"]
mod on_handloom;
#[path = "runtimes/on_park.rs"]
mod on_park;
#[path = "runtimes/on_tokio/mod.rs"]
mod on_tokio;
#[path = "runtimes/watch.rs"]
mod watch;
