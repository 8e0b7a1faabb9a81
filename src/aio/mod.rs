//! What a task awaits: sockets, lines, time, other tasks, and work on threads.
//!
//! Every public async function says under "Cancellation" what is lost when it is dropped half-way.

mod buf_reader;
mod condition;
mod descriptor;
mod event;
mod interval;
mod io;
mod lock;
mod queue;
mod semaphore;
mod sleep;
mod tcp_listener;
mod tcp_stream;
mod timeout;
mod wait_list;
mod waiting;
mod yield_now;

pub use buf_reader::{BufReader, LineTooLong};
pub use condition::Condition;
pub use descriptor::Descriptor;
pub use event::Event;
pub use interval::{Interval, MissedTicks, interval};
pub use io::{AsyncRead, AsyncWrite};
pub use lock::{Lock, LockGuard};
pub use queue::{Closed, Queue, TryGetError, TryPutError};
pub use semaphore::{Permit, Semaphore};
pub use sleep::{Sleep, sleep, sleep_until};
pub use tcp_listener::TcpListener;
pub use tcp_stream::{ReadHalf, TcpStream, WriteHalf};
pub use timeout::{Elapsed, timeout};
pub use yield_now::{YieldNow, yield_now};
