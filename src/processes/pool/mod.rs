//! The pool of worker processes, in reading order: from the bytes of a job to the pool that takes it.
//!
//! | read | about |
//! | --- | --- |
//! | `message`, `work` | values as bytes; the pool's function on them |
//! | `ring` | the shared memory between the parent and one worker |
//! | `worker`, `fork_server` | the life of a worker; the process that forks them |
//! | `link`, `state` | the parent's side of one worker; the queue, the workers, deaths |
//! | `shared` | the pool's thread, which delivers results; what a handle holds |
//! | `process_pool` | what the owner of a pool sees |
//!
//! `notes/fork.md` has the whole in a drawing.

mod fork_server;
mod link;
mod message;
mod process_pool;
mod ring;
mod shared;
mod state;
mod work;
mod worker;

pub use message::{Message, Unreadable};
pub use process_pool::{ProcessPool, ProcessPoolBuilder};
