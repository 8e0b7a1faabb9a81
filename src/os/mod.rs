//! The only calls into C: each system call wrapped once, safe to call.
//!
//! A raw system call returns an `int`, where -1 means "look at errno", and a descriptor, which is an `int` too, can be used
//! after it was closed.
//!
//! **Invariants**
//! - `OS-1`: a descriptor is an `OwnedFd` or a `BorrowedFd` from the moment the call returns.
//! - `OS-2`: -1 becomes an `io::Error`, and EINTR is retried, in `syscall` and nowhere else. A call that leaves EINTR to its
//!   caller says so.
//! - `OS-3`: every descriptor made here is close-on-exec.
//!
//! **Source**: the man pages of Linux, section 2, named in each file.

mod clock;
mod descriptor;
mod event_fd;
mod poll;
mod shared_memory;
mod syscall;
mod thread_usage;

pub mod affinity;
pub mod context;
pub mod limits;
pub mod process;
pub mod signal;
pub mod socket;
pub mod socket_pair;
pub mod thread_list;

pub use clock::{nanos, tick, wake_on_time};
pub use descriptor::{open_at_once, set_close_on_exec, terminal_columns};
pub use event_fd::EventFd;
pub use poll::{PollFd, poll, wait_readable, write_out};
pub use shared_memory::{SharedMemory, reserve};
pub use thread_usage::ThreadUsage;
