//! The suite's words, spoken by the event loop in one file, and the claims that it does not meet.

use std::any::Any;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use handloom::first_loop::{self, EventLoop, JoinError, Socket};
use handloom_conformance::runtime::{Ended, Listener, Reader, Runtime, Stream, Task, Writer};
use mio::net;

handloom_conformance::conformance!(FirstLoop, except: UNMET);

/// The claims that the loop does not meet, each with the file that does.
const UNMET: &[(&str, &str)] = &[
    ("a_sleep_reset_later_fires_later", "src/rt/timers.rs"),
    ("a_sleep_reset_earlier_fires_earlier", "src/rt/timers.rs"),
    ("a_sleep_reset_to_the_past_fires", "src/rt/timers.rs"),
    ("a_sleep_reset_after_it_fired_fires_again", "src/rt/timers.rs"),
    ("a_sleep_reset_under_a_task_that_waits_wakes_it_in_time", "src/rt/timers.rs"),
    ("a_reader_whose_runtime_goes_is_woken_with_an_error", "src/rt/event_loop.rs"),
];

#[test]
fn the_file_that_meets_an_unmet_claim_exists() {
    for (claim, file) in UNMET {
        assert!(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists(),
            "{claim}: there is no {file}"
        );
    }
}

/// The event loop in one file.
pub(crate) struct FirstLoop {
    /// The loop.
    event_loop: Rc<EventLoop>,
    /// Functions that other threads want to be called.
    calls: Calls,
}

/// What [`Runtime::call`] needs and the loop has not: functions, and the waker of a task that calls them.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<CallQueue>>);

/// The queue behind [`Calls`].
#[derive(Default)]
struct CallQueue {
    /// The functions.
    functions: VecDeque<Box<dyn FnOnce() + Send>>,
    /// The task that calls them.
    caller: Option<Waker>,
}

impl Calls {
    /// Calls functions as they come.
    async fn serve(self) {
        poll_fn(|context| {
            self.0.lock().unwrap().caller = Some(context.waker().clone());
            loop {
                let next = self.0.lock().unwrap().functions.pop_front();
                let Some(function) = next else { return Poll::<()>::Pending };
                drop::<Result<(), Box<dyn Any + Send>>>(catch_unwind(AssertUnwindSafe(function)));
            }
        })
        .await;
    }
}

impl Runtime for FirstLoop {
    type Task<T: 'static> = Handle<T>;
    type Remote = Calls;
    type Sleep = first_loop::Sleep;
    type Listener = Io<Socket<net::TcpListener>>;
    type Stream = Io<Socket<net::TcpStream>>;

    fn new() -> Self {
        Self { event_loop: EventLoop::new().unwrap(), calls: Calls::default() }
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let calls = self.calls.clone();
        self.event_loop.block_on(async {
            drop(first_loop::spawn(calls.serve()));
            future.await
        })
    }

    fn remote(&self) -> Calls {
        self.calls.clone()
    }

    fn call(remote: &Calls, function: impl FnOnce() + Send + 'static) {
        let mut queue = remote.0.lock().unwrap();
        queue.functions.push_back(Box::new(function));
        let caller = queue.caller.take();
        drop(queue);
        caller.into_iter().for_each(Waker::wake);
    }

    fn task_table() -> String {
        "this loop has no table of tasks (src/rt/works/stuck.rs has)".into()
    }

    fn spawn<F>(future: F) -> Handle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Handle(first_loop::spawn(future))
    }

    fn canceller<T>(_: &Calls, task: &Handle<T>) -> Box<dyn Fn() + Send> {
        task.0.canceller()
    }

    fn yield_now() -> impl Future<Output = ()> {
        first_loop::yield_now()
    }

    fn sleep(span: Duration) -> first_loop::Sleep {
        first_loop::sleep(span)
    }

    fn sleep_until(deadline: Instant) -> first_loop::Sleep {
        first_loop::sleep_until(deadline)
    }

    fn reset(_: Pin<&mut first_loop::Sleep>, _: Instant) {
        panic!("this loop cannot move a deadline");
    }

    fn timeout<F: Future>(limit: Duration, future: F) -> impl Future<Output = Option<F::Output>> {
        first_loop::timeout(limit, future)
    }

    fn listen() -> Self::Listener {
        Self::adopt_listener(std::net::TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn adopt_listener(listener: std::net::TcpListener) -> Self::Listener {
        listener.set_nonblocking(true).unwrap();
        Io(Socket::new(net::TcpListener::from_std(listener)).unwrap())
    }

    async fn connect(to: SocketAddr) -> io::Result<Self::Stream> {
        Socket::connect(to).await.map(Io)
    }

    fn adopt(stream: TcpStream) -> io::Result<Self::Stream> {
        stream.set_nonblocking(true)?;
        Socket::new(net::TcpStream::from_std(stream)).map(Io)
    }

    fn watch(descriptor: OwnedFd) -> io::Result<()> {
        Self::adopt(descriptor.into()).map(drop)
    }
}

/// A join handle that gives [`Ended`].
pub(crate) struct Handle<T>(first_loop::JoinHandle<T>);

impl<T> Future for Handle<T> {
    type Output = Ended<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<T>> {
        Pin::new(&mut self.0).poll(cx).map(|result| match result {
            Ok(value) => Ended::Value(value),
            Err(JoinError::Panicked(payload)) => Ended::Panicked(payload),
            Err(JoinError::Cancelled) => Ended::Cancelled,
        })
    }
}

impl<T: 'static> Task<T> for Handle<T> {
    fn cancel(&self) {
        self.0.canceller()();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// A socket, in a type of this crate, which may implement the suite's traits.
pub(crate) struct Io<T>(T);

/// A connection that two tasks share.
type Shared = Rc<Socket<net::TcpStream>>;

/// The half that writes; closes the sending side when it is dropped.
pub(crate) struct WriteHalf(Shared);

impl Drop for WriteHalf {
    fn drop(&mut self) {
        // The connection may be gone, and then there is nothing to close.
        drop(self.0.inner.shutdown(Shutdown::Write));
    }
}

/// Writes all, with the one call that the loop has.
async fn write_all(stream: &Socket<net::TcpStream>, mut buf: &[u8]) -> io::Result<()> {
    while !buf.is_empty() {
        match stream.write(buf).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => buf = &buf[written..],
        }
    }
    Ok(())
}

/// Passes the suite's words on.
macro_rules! writes {
    ($type:ty) => {
        impl Writer for $type {
            async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                self.0.write(buf).await
            }

            async fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
                write_all(&self.0, buf).await
            }
        }
    };
}

/// Passes the suite's words on.
macro_rules! reads {
    ($type:ty) => {
        impl Reader for $type {
            async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.0.read(buf).await
            }
        }
    };
}

reads!(Io<Socket<net::TcpStream>>);
reads!(Io<Shared>);
writes!(Io<Socket<net::TcpStream>>);
writes!(WriteHalf);

impl Stream for Io<Socket<net::TcpStream>> {
    type ReadHalf = Io<Shared>;
    type WriteHalf = WriteHalf;

    fn split(self) -> (Io<Shared>, WriteHalf) {
        let shared = Rc::new(self.0);
        (Io(shared.clone()), WriteHalf(shared))
    }

    async fn close_sending(&mut self) -> io::Result<()> {
        self.0.inner.shutdown(Shutdown::Write)
    }
}

impl Listener for Io<Socket<net::TcpListener>> {
    type Stream = Io<Socket<net::TcpStream>>;

    fn address(&self) -> SocketAddr {
        self.0.inner.local_addr().unwrap()
    }

    async fn accept(&mut self) -> io::Result<Self::Stream> {
        self.0.accept().await.map(Io)
    }
}
