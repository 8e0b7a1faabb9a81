//! Processes: workers that share nothing but what they inherited, and the one that watches over them.
//!
//! Problem: threads share their memory, so one that writes where it should not, or aborts, ends them all.
//! A process dies alone; then somebody must notice, reap it, and start another.

mod supervisor;

pub use supervisor::{Stopped, Supervisor};
