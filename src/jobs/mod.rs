//! Jobs: what the owner of a job holds, whichever pool runs it.
//!
//! Problem: a pool of threads and a pool of processes run jobs in ways that have nothing in common, and their
//! callers want the same of both: the value, or why there is none; to wait for a while; to call it off.
//! Here is that face, and what both pools need to put it on: neither may import the other.

mod as_completed;
mod chunks;
mod counts;
mod error;
mod fence;
mod handle;
mod map;
mod slot;
mod submit_error;
mod sync;

pub use as_completed::AsCompleted;
pub(crate) use chunks::{ChunkHandle, Chunks};
pub use counts::Counts;
pub use error::{JobError, JobPanic};
pub(crate) use fence::fenced;
pub(crate) use handle::{Awaited, Outcome};
pub use handle::{Cancel, JobHandle};
pub use map::Map;
pub(crate) use slot::Slot;
pub use submit_error::{SubmitError, TrySubmitError};
