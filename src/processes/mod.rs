//! Processes: workers that share nothing but what they inherited, and the ones that watch over them.
//!
//! Problem: threads share their memory, so one that writes where it should not, or aborts, ends them all; and one
//! that never returns cannot be stopped. A process dies alone, and can be killed; then somebody must notice, reap
//! it, and start another.
//!
//! Two ways to have several: the [`Supervisor`] keeps servers running that find their work themselves; the
//! [`ProcessPool`] gives jobs to workers and brings their values back.

mod pool;
mod supervisor;

pub use pool::{Message, ProcessPool, ProcessPoolBuilder, Unreadable};
pub use supervisor::{Stopped, Supervisor};
