//! Jobs: what the owner of a job holds, whichever pool runs it.
//!
//! A pool of threads and a pool of processes run jobs in different ways, but their callers want the same of both: the
//! value, or why there is none; to wait with a time limit; to cancel. Read `error`, `slot` and `handle` in this order.

mod as_completed;
mod error;
mod handle;
mod map;
mod slot;

pub use as_completed::{AsCompleted, as_completed};
pub use error::{JobError, Panic};
pub(crate) use error::{contain, wake_all};
pub(crate) use handle::{Awaited, Outcome};
pub use handle::{Cancel, Counts, JobHandle};
pub(crate) use map::ChunkHandle;
pub use map::Map;
pub(crate) use slot::Slot;

// `slot` takes its locks from here, so that `tests/loom` can compile it with those of the model checker.
use std::sync::{Condvar, Mutex, MutexGuard};
