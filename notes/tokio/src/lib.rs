//! The programs of handloom once more, on tokio.
//!
//! Each module here does the work of the room of the same name in handloom, with the same sans-IO
//! part, so that what differs is the event loop alone. Lay the two side by side: `block_on`,
//! `spawn`, `sleep`, `timeout` and `JoinHandle` mean the same in both, and where the lines differ,
//! a comment says why.

pub mod calc;
pub mod factorial;
pub mod fetch;
pub mod fetch_logs;
pub mod gateway;
pub mod labs;
pub mod watch;

/// Tokio itself, for the benches and tests that lay it beside handloom's loop, so that its version
/// stands in one place.
pub use tokio;
