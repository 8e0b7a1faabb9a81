//! The pool of worker processes, from a submit to its result:
//!
//! | read | about |
//! | --- | --- |
//! | `process_pool` | submit, map, shutdown: what the owner of a pool calls |
//! | `state` | the queue, the workers' places, deaths |
//! | `link`, `ring` | the parent's side of one worker; the shared memory in between |
//! | `fork_server`, `worker` | the process that forks workers; what a worker does with a job |
//! | `shared` | the pool's thread, which delivers the results; what a handle has |

mod fork_server;
mod link;
mod process_pool;
mod ring;
mod shared;
mod state;
mod worker;

pub use process_pool::{ProcessPool, ProcessPoolOptions};
