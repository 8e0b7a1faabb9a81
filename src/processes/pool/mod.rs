//! The pool of worker processes, from a submit to its result:
//!
//! ```text
//! process_pool   submit, map, shutdown                │                    join, await
//! state          the queue, the places, deaths        ▼ argument               ▲
//! link           the parent's side of one worker      │                        │ value
//! ring           the shared memory in between         ▼ job     answer ─▶ shared
//! worker         what a worker does with a job        └─▶ run ────┘
//! fork_server    the process that forks workers, kills and reaps them
//! ```

mod fork_server;
mod link;
mod process_pool;
mod ring;
mod shared;
mod state;
mod worker;

pub use process_pool::{ProcessPool, ProcessPoolOptions};
