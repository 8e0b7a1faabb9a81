//! One load against every server model, with the figures of the client and of the kernel.
//!
//! Reading order: `script` (requests and replies), `histogram` (latencies), `tally`, `client` and `load` (the
//! clients); then `usage` (what the kernel knows of a server), `server` (a server as a child process), `benchmark`
//! (all servers, one after another), `present` (tables, JSON) and `picture`.

mod benchmark;
mod client;
mod histogram;
mod load;
mod picture;
mod present;
mod script;
mod server;
mod tally;
mod usage;

pub use benchmark::{Benchmark, BenchmarkReport, Measurement, ServerResult, Watch};
pub use histogram::Histogram;
pub use load::{Load, MAX_DEPTH};
pub use picture::chart;
pub use present::{load_json, table, to_json};
pub use server::{Server, ServerCommand};
pub(crate) use server::{THIS_PROGRAM, command};
pub use tally::{End, LoadReport};
pub use usage::Usage;
