//! A benchmark: the same factorials one after another, on threads, on processes, and on threads under a GIL.
//!
//! A job of a microsecond costs more to send to another process than to do; a job of a second is worth any transfer.
//! The benchmark finds the size between them at which a pool begins to gain.
//!
//! Reading order: `task` (what a worker gets), `pool_kind` (the four pools), `sizes` (which numbers), `outcome` (what is
//! measured, and what follows from it), `runs` (the measurement), `show` and `chart` (tables, JSON and picture).

mod chart;
mod outcome;
mod pool_kind;
mod runs;
mod show;
mod sizes;
mod task;

pub use chart::chart;
pub use outcome::{BenchmarkOutcome, Row, Run};
pub use pool_kind::{PoolKind, StartTimes, Watch};
pub use runs::Benchmark;
pub use show::{table, to_json};
pub use sizes::Size;
