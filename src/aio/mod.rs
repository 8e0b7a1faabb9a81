//! What a task awaits: sockets, lines, time, other tasks, and work on threads.
//!
//! Every public async function says under "Cancellation" what is lost when it is dropped half-way.

mod as_completed;
mod bounded;
mod buf_reader;
mod children;
mod condition;
mod descriptor;
mod event;
mod gather;
mod interval;
mod io;
mod job_error;
mod job_threads;
mod lock;
mod queue;
mod queue_error;
mod race;
mod resolve;
mod run_blocking;
mod semaphore;
mod signals;
mod sleep;
mod source;
mod task_group;
mod tcp_listener;
mod tcp_stream;
mod timeout;
mod wait_list;
mod waiting;
mod yield_now;

pub use as_completed::{AsCompleted, as_completed};
pub use bounded::bounded;
pub use buf_reader::{BufReader, LineTooLong};
pub use condition::Condition;
pub use descriptor::Descriptor;
pub use event::Event;
pub use gather::{gather, try_gather};
pub use interval::{Interval, MissedTicks, interval};
pub use io::{AsyncRead, AsyncWrite};
pub use job_error::JobError;
pub use lock::{Lock, LockGuard};
pub use queue::Queue;
pub use queue_error::{Closed, TryGetError, TryPutError};
pub use race::{Either, race, race_all};
pub use resolve::resolve;
pub use run_blocking::{Blocking, run_blocking};
pub use semaphore::{Permit, Semaphore};
pub use signals::{ctrl_c, terminate};
pub use sleep::{Sleep, sleep, sleep_until};
pub use source::Source;
pub use task_group::{Child, TaskGroup, task_group};
pub use tcp_listener::TcpListener;
pub use tcp_stream::{ReadHalf, TcpStream, WriteHalf};
pub use timeout::{Elapsed, timeout};
pub use yield_now::{YieldNow, yield_now};
