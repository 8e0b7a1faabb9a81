//! One load against every server model, with the figures of the client and of the kernel.
//!
//! A client that costs more than the server measures itself, so requests and replies are made beforehand. Each server
//! is a process of its own, on a processor of its own. Where the client is the limit, requests per second say
//! nothing; the server's processor time for each request still does.
//!
//! Reading order: `script` (requests and replies), `histogram` (latencies), `tally`, `client` and `load` (the
//! clients); then `usage` (what the kernel knows of a server), `server` (a server as a child process), `benchmark`
//! (all servers, one after another), and `present` (table, picture, JSON).

mod benchmark;
mod client;
mod histogram;
mod load;
mod present;
mod script;
mod server;
mod tally;
mod usage;

pub use benchmark::{Benchmark, BenchmarkProgress, BenchmarkReport, Measurement, ServerResult};
pub use histogram::Histogram;
pub use load::{End, Load, LoadProgress, LoadReport, MAX_DEPTH};
pub use present::{chart, load_json, table, to_json};
pub use server::{Server, ServerCommand};
pub use usage::Usage;
