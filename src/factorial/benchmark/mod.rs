//! A benchmark: the same factorials one after another, on threads, on processes, and on threads under a GIL.
//!
//! A job of a microsecond costs more to send to another process than to do; a job of a second is worth any transfer.
//! The benchmark finds the size between them at which a pool begins to gain.
//!
//! Reading order: `pool` (the four pools, and what a worker gets), `outcome` (sizes, what is measured of each, and what
//! follows from it), `runs` (the measurement), `show` and `chart` (tables, JSON and picture).

mod chart;
mod outcome;
mod pool;
mod runs;
mod show;

pub use chart::chart;
pub use outcome::{BenchmarkOutcome, Row, Run, Size};
pub use pool::{PoolKind, Watch};
pub use runs::Benchmark;
pub use show::{table, to_json};
