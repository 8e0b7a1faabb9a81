//! What the conformance suite asks of a runtime: the words in which every claim is written.
//!
//! A claim is a function that is generic over [`Runtime`]; it is run on handloom's event loop and on
//! tokio's. Nothing here is of use outside tests, and nothing here hides a difference: where the two part,
//! there is a claim for each side, and a row in `notes/differences.md`.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// How a task ended.
pub enum Ended<T> {
    /// With a value.
    Value(T),
    /// With a panic, and its payload.
    Panicked(Box<dyn Any + Send>),
    /// It was cancelled, or its runtime ended.
    Cancelled,
}

impl<T> Ended<T> {
    /// Names the way, without the value.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Value(_) => "a value",
            Self::Panicked(_) => "a panic",
            Self::Cancelled => "cancelled",
        }
    }

    /// Returns the value of a task that ought to have one.
    #[track_caller]
    pub fn value(self) -> T {
        match self {
            Self::Value(value) => value,
            other => panic!("JOIN-1 is broken: the task's end: expected a value, came {other:?}"),
        }
    }

    /// Returns the text of a panic, or says what came instead.
    pub fn panic_text(self) -> String {
        match self {
            Self::Panicked(payload) => text_of(payload.as_ref()),
            other => format!("no panic but {}", other.word()),
        }
    }
}

impl<T> fmt::Debug for Ended<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Returns the text of a panic's payload.
pub fn text_of(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<String>(), payload.downcast_ref::<&str>()) {
        (Some(text), _) => text.clone(),
        (_, Some(text)) => (*text).into(),
        _ => "a payload without text".into(),
    }
}

/// A runtime with one thread.
///
/// A runtime that is being written implements what it has. For a type that it lacks it names [`Missing`]; a function
/// that it lacks has a default, which fails the claim and says what is not there.
pub trait Runtime: Sized + 'static {
    /// Its join handle.
    type Task<T: 'static>: Task<T>;
    /// Its way in for other threads; `()` if it has none.
    type Remote: Clone + Send + 'static;
    /// Its wait for a point in time.
    type Sleep: Future<Output = ()> + 'static;
    /// Its listening socket.
    type Listener: Listener<Stream = Self::Stream>;
    /// Its connection.
    type Stream: Stream;

    /// Makes one.
    fn new() -> Self;
    /// Runs a future to its end.
    fn block_on<F: Future>(&self, future: F) -> F::Output;
    /// Makes the way in for other threads. The judge asks for it before each claim.
    fn remote(&self) -> Self::Remote;
    /// Has the runtime's thread call `function`, where it may spawn.
    fn call(_: &Self::Remote, _: impl FnOnce() + Send + 'static) {
        missing::<()>("call");
    }
    /// Lists the tasks of the runtime that runs on this thread, where it can.
    fn task_table() -> String {
        String::new()
    }

    /// Says what each task waits for, asked from another thread while the runtime does not answer.
    fn table_from_outside(_: &Self::Remote) -> Option<String> {
        None
    }

    /// Starts a task on this thread.
    #[track_caller]
    fn spawn<F>(_: F) -> Self::Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        missing("spawn")
    }
    /// Makes a function that cancels a task from any thread.
    fn canceller<T>(_: &Self::Remote, _: &Self::Task<T>) -> Box<dyn Fn() + Send> {
        missing("canceller")
    }
    /// Lets the others run.
    fn yield_now() -> impl Future<Output = ()> {
        missing::<Missing>("yield_now")
    }

    /// Waits for a span.
    fn sleep(_: Duration) -> Self::Sleep {
        missing("sleep")
    }
    /// Waits until an instant.
    fn sleep_until(_: Instant) -> Self::Sleep {
        missing("sleep_until")
    }
    /// Tells whether two sleeps until one instant have one deadline. A runtime that knows spans only has no equal ones.
    fn has_equal_deadlines() -> bool {
        true
    }
    /// Moves a deadline.
    fn reset(_: Pin<&mut Self::Sleep>, _: Instant) {
        missing::<()>("reset");
    }
    /// Waits for a future, but no longer than a limit; `None` when the time was up.
    fn timeout<F: Future>(_: Duration, _: F) -> impl Future<Output = Option<F::Output>> {
        missing::<Missing<_>>("timeout")
    }

    /// Listens on a free port of loopback.
    fn listen() -> Self::Listener {
        missing("listen")
    }
    /// Takes over a listening socket of the standard library.
    fn adopt_listener(_: std::net::TcpListener) -> Self::Listener {
        missing("adopt_listener")
    }
    /// Connects.
    fn connect(_: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> {
        missing::<Missing<_>>("connect")
    }
    /// Takes over a connected socket of the standard library.
    fn adopt(_: TcpStream) -> io::Result<Self::Stream> {
        missing("adopt")
    }
    /// Registers any descriptor, and takes the registration away again.
    fn watch(_: OwnedFd) -> io::Result<()> {
        missing("watch")
    }
}

/// Fails a claim that needs what the runtime has not.
fn missing<T>(function: &str) -> T {
    panic!("this runtime has no `{function}` yet")
}

/// Stands for a type that a runtime has not yet: `type Task<T: 'static> = Missing<Ended<T>>`, and `Missing` for the
/// others. It has no values.
#[derive(Debug)]
pub struct Missing<T = ()>(Infallible, PhantomData<fn() -> T>);

impl<T> Future for Missing<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        match self.0 {}
    }
}

impl<T: 'static> Task<T> for Missing<Ended<T>> {
    fn cancel(&self) {
        match self.0 {}
    }

    fn is_finished(&self) -> bool {
        match self.0 {}
    }
}

impl Reader for Missing {
    async fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match self.0 {}
    }
}

impl Writer for Missing {
    async fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        match self.0 {}
    }

    async fn write_all(&mut self, _: &[u8]) -> io::Result<()> {
        match self.0 {}
    }
}

impl Stream for Missing {
    type ReadHalf = Self;
    type WriteHalf = Self;

    fn split(self) -> (Self, Self) {
        match self.0 {}
    }

    async fn close_sending(&mut self) -> io::Result<()> {
        match self.0 {}
    }
}

impl Listener for Missing {
    type Stream = Self;

    fn address(&self) -> SocketAddr {
        match self.0 {}
    }

    async fn accept(&mut self) -> io::Result<Self> {
        match self.0 {}
    }
}

/// A join handle.
pub trait Task<T>: Future<Output = Ended<T>> + Unpin + 'static {
    /// Asks for the task's future to be dropped.
    fn cancel(&self);
    /// Tells whether the task is done.
    fn is_finished(&self) -> bool;
}

/// What can be read.
pub trait Reader: 'static {
    /// Reads what there is; 0 is the end.
    fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>>;
}

/// What can be written.
pub trait Writer: 'static {
    /// Writes what fits.
    fn write(&mut self, buf: &[u8]) -> impl Future<Output = io::Result<usize>>;
    /// Writes all.
    fn write_all(&mut self, buf: &[u8]) -> impl Future<Output = io::Result<()>>;
}

/// A connection.
pub trait Stream: Reader + Writer + Sized {
    /// The half that reads.
    type ReadHalf: Reader;
    /// The half that writes.
    type WriteHalf: Writer;

    /// Parts it for two tasks.
    fn split(self) -> (Self::ReadHalf, Self::WriteHalf);
    /// Closes the sending side.
    fn close_sending(&mut self) -> impl Future<Output = io::Result<()>>;
}

/// A listening socket.
pub trait Listener: 'static {
    /// What it accepts.
    type Stream;

    /// Where it listens.
    fn address(&self) -> SocketAddr;
    /// Waits for a connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Stream>>;
}
