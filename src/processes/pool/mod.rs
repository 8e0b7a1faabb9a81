//! The pool of worker processes, file by file.
//!
//! | read | for |
//! | --- | --- |
//! | `process_pool`, `builder`, `entry`, `ending` | what its owner sees; a start, a job's way in, the end |
//! | `fork_server`, `server_line`, `worker`, `work` | who forks, what a child of fork must do, and its jobs |
//! | `message`, `codecs`, `payload`, `frame` | values as bytes, and where one ends and the next begins |
//! | `ledger`, `doze`, `link`, `outbox` | how a job's bytes travel, and which jobs a worker has |
//! | `state`, `recall`, `deaths` | the queue and the workers' places; jobs taken back; workers that end |
//! | `cell`, `leader`, `waiting`, `sources`, `watch` | where a result is left, and who reads while others sleep |
//!
//! `notes/fork.md` has the whole in a drawing.

mod builder;
mod cell;
mod codecs;
mod deaths;
mod doze;
mod ending;
mod entry;
mod fork_server;
mod frame;
mod leader;
mod ledger;
mod link;
mod message;
mod outbox;
mod payload;
mod process_pool;
mod recall;
mod server_line;
mod sources;
mod state;
mod waiting;
mod watch;
mod work;
mod worker;

pub use builder::ProcessPoolBuilder;
pub use message::{Message, Unreadable};
pub use process_pool::ProcessPool;
