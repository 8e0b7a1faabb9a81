//! What a task awaits: sockets, lines, time, other tasks, and work on threads.
//!
//! Read `source`, `tcp_stream`, `tcp_listener`, `sleep`, `timeout`, `waiters`, `event`, `gather` and `run_blocking` in
//! this order; the other files are built on them. Every public async function says under "Cancellation" what is lost
//! when its future is dropped between two polls.

mod accept_back_off;
mod buf_reader;
mod children;
mod descriptor;
mod event;
mod gather;
mod interval;
mod io;
mod lingering_close;
mod lock;
mod queue;
mod race;
mod resolve;
mod run_blocking;
mod semaphore;
mod shared_wait;
mod signals;
mod sleep;
mod source;
mod task_group;
mod task_set;
mod tcp_listener;
mod tcp_stream;
mod timeout;
mod waiters;

use std::sync::{Mutex, MutexGuard, atomic::AtomicBool};

pub use accept_back_off::AcceptBackOff;
pub use buf_reader::BufReader;
pub use descriptor::Descriptor;
pub use event::Event;
pub use gather::{bounded, gather, try_gather};
pub use interval::{Interval, MissedTicks, interval};
pub use io::{AsyncRead, AsyncWrite};
pub use lingering_close::lingering_close;
pub use lock::{Condition, Lock, LockGuard};
pub use queue::Queue;
pub use race::{AsCompleted, Either, as_completed, race};
pub use resolve::resolve;
pub use run_blocking::{Blocking, run_blocking};
pub use semaphore::{Permit, Semaphore};
pub use signals::{ctrl_c, terminate};
pub use sleep::{Sleep, sleep, sleep_until, yield_now};
pub use source::Source;
pub use task_group::{Child, TaskGroup, task_group};
pub use task_set::TaskSet;
pub use tcp_listener::TcpListener;
pub use tcp_stream::{ReadHalf, TcpStream, WriteHalf};
pub use timeout::{Elapsed, timeout};

pub use crate::jobs::JobError;
pub use crate::threads::{GetError, PutError};
