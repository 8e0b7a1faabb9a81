//! The programs of Handloom once more, on tokio.
//!
//! Each module does the work of Handloom's module of the same name, and uses the same code where nothing waits. So
//! what differs is the event loop. `block_on`, `spawn`, `sleep`, `timeout` and `JoinHandle` mean the same in both;
//! where lines differ, a comment says why.

pub mod calc;
pub mod factorial;
pub mod fetch;
pub mod fetch_logs;
pub mod gateway;
pub mod labs;
pub mod watch;

/// tokio itself, for benches and tests that compare it with Handloom's loop, so that its version
/// stands in one place.
pub use tokio;
