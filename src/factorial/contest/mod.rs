//! The contest: the same factorials one after another, on threads, on processes, and on threads under a GIL.
//!
//! Problem: "processes are for computing, threads for waiting" is a rule that one has to take on trust, until one
//! sees where it begins to hold. A job of a microsecond costs more to hand to another process than to do; a job of a
//! second is worth any handing over. In between lies the size at which a pool begins to pay.
//!
//! Read `task` (what is handed over), `pool_kind` (the four ways), `sizes` (which numbers), `heats` (how it is timed),
//! then `show` (what is made of it).

mod heats;
mod pool_kind;
mod show;
mod sizes;
mod task;

pub use heats::{Contest, Outcome, Row, Run, Stage};
pub use pool_kind::{PoolKind, Ready};
pub use show::{chart, table, to_json};
pub use sizes::{Size, Sizes};
