//! Processes: workers that share nothing but what they inherited, and the ones that watch over them.
//!
//! Problem: threads share their memory, so one that writes where it should not, or aborts, ends them all; and one
//! that never returns cannot be stopped. A process dies alone, and can be killed; then somebody must notice, reap
//! it, and start another.
//!
//! Two ways to have several: the [`Supervisor`] keeps servers running that find their work themselves; the
//! [`ProcessPool`] gives jobs to workers and brings their values back. Read `pool`, then `fork_server` and `worker`
//! (what a child of fork must do), `ledger` and `link` (how a job's bytes travel), `state` and `leader` (who has the
//! job, who waits for it). `notes/fork.md` has the whole in a drawing.

mod cell;
mod fork_server;
mod frame;
mod leader;
mod ledger;
mod link;
mod message;
mod payload;
mod pool;
mod server_line;
mod state;
mod supervisor;
mod work;
mod worker;

pub use message::{Message, Unreadable};
pub use pool::{ProcessPool, ProcessPoolBuilder};
pub use supervisor::{Stopped, Supervisor};
