//! Processes: workers that share only what they inherited, and the parents that watch over them. A process dies alone, and
//! can be killed; then its parent must notice, reap it, and start another.
//!
//! The [`Supervisor`] keeps servers running that find their work themselves. The [`ProcessPool`] gives jobs to workers.

mod message;
mod pool;
mod supervisor;

pub use message::Message;
pub use pool::{ProcessPool, ProcessPoolOptions};
pub use supervisor::{Stopped, Supervisor};
