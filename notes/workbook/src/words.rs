// The words of the conformance suite, spoken by a loop of the shape of `first_loop`: the student's, each stage of the
// reference, and `first_loop` itself. The module around this one imports the loop as `the_loop`.
//
// It stands apart from the loop, because it is not what a student writes. Not a doc comment: this text is included.

use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use handloom_conformance::runtime::{Ended, Listener, Reader, Runtime, Stream, Task, Writer};
use handloom_conformance::trace::Trace;
use mio::net;

use super::the_loop::{self, EventLoop, Socket};

/// The claims that a loop of this shape does not meet, each with the file that does.
pub(crate) const UNMET: &[(&str, &str)] = &[
    ("equal_deadlines_fire_in_the_order_of_creation", "src/rt/timers.rs"),
    ("a_sleep_reset_later_fires_later", "src/rt/timers.rs"),
    ("a_sleep_reset_earlier_fires_earlier", "src/rt/timers.rs"),
    ("a_sleep_reset_to_the_past_fires", "src/rt/timers.rs"),
    ("a_sleep_reset_after_it_fired_fires_again", "src/rt/timers.rs"),
    ("a_sleep_reset_under_a_task_that_waits_wakes_it_in_time", "src/rt/timers.rs"),
    ("a_reader_whose_runtime_goes_is_woken_with_an_error", "src/rt/event_loop.rs"),
];

/// A loop, in a type of this crate, which may implement the suite's traits.
pub(crate) struct Words {
    /// The loop.
    event_loop: Rc<EventLoop>,
    /// Functions that other threads want to be called.
    calls: Calls,
}

/// What [`Runtime::call`] needs and the loop has not: functions, and the waker of the main future, which calls them. And
/// a trace, for the table of tasks.
#[derive(Clone)]
pub(crate) struct Calls(Arc<Mutex<CallQueue>>, Trace);

/// The queue behind [`Calls`].
#[derive(Default)]
struct CallQueue {
    /// The functions.
    functions: VecDeque<Box<dyn FnOnce() + Send>>,
    /// Wakes the main future.
    caller: Option<Waker>,
}

impl Calls {
    /// Calls the functions that have come, and leaves the waker for those that will come.
    fn serve(&self, waker: &Waker) {
        self.0.lock().unwrap().caller = Some(waker.clone());
        loop {
            let next = self.0.lock().unwrap().functions.pop_front();
            let Some(function) = next else { return };
            drop::<Result<(), Box<dyn Any + Send>>>(catch_unwind(AssertUnwindSafe(function)));
        }
    }
}

impl Runtime for Words {
    type Task<T: 'static> = Handle<T>;
    type Remote = Calls;
    type Sleep = Sleep;
    type Listener = Io<Socket<net::TcpListener>>;
    type Stream = Io<Socket<net::TcpStream>>;

    fn new() -> Self {
        Self {
            event_loop: EventLoop::new().unwrap(),
            calls: Calls(Arc::default(), Trace::of_this_thread()),
        }
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let calls = self.calls.clone();
        self.event_loop.block_on(async move {
            let mut future = pin!(calls.1.watch("main future".to_owned(), future));
            poll_fn(|context| {
                calls.serve(context.waker());
                future.as_mut().poll(context)
            })
            .await
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
        Trace::of_this_thread().table()
    }

    fn table_from_outside(remote: &Calls) -> Option<String> {
        Some(remote.1.table())
    }

    fn spawn<F>(future: F) -> Handle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let is_finished = Rc::new(Cell::new(false));
        let end = End(is_finished.clone());
        let traced = Trace::of_this_thread().task(future);
        let task = the_loop::spawn(async move {
            // Declared first, so it is dropped after the future.
            let _end = end;
            traced.await
        });
        Handle { task, is_finished }
    }

    fn canceller<T>(_: &Calls, task: &Handle<T>) -> Box<dyn Fn() + Send> {
        let task = task.task.task.clone();
        Box::new(move || task.cancel())
    }

    async fn yield_now() {
        let mut has_yielded = false;
        poll_fn(|context| {
            if mem::replace(&mut has_yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    fn sleep(span: Duration) -> Sleep {
        Box::new(the_loop::sleep(span))
    }

    fn sleep_until(deadline: Instant) -> Sleep {
        loop {
            let begun = Instant::now();
            let sleep = Self::sleep(deadline.saturating_duration_since(begun));
            // The loop has looked at the clock too. If this thread was held up in between, the deadline has moved.
            if begun.elapsed() < Duration::from_micros(200) {
                return sleep;
            }
        }
    }

    fn has_equal_deadlines() -> bool {
        false
    }

    fn reset(_: Pin<&mut Sleep>, _: Instant) {
        panic!("this loop cannot move a deadline");
    }

    fn timeout<F: Future>(limit: Duration, future: F) -> impl Future<Output = Option<F::Output>> {
        the_loop::timeout(limit, future)
    }

    fn listen() -> Self::Listener {
        Self::adopt_listener(std::net::TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn adopt_listener(listener: std::net::TcpListener) -> Self::Listener {
        listener.set_nonblocking(true).unwrap();
        Io(Socket::new(net::TcpListener::from_std(listener)).unwrap())
    }

    async fn connect(to: SocketAddr) -> io::Result<Self::Stream> {
        let stream = Socket::new(net::TcpStream::connect(to)?)?;
        let is_connected = |stream: &net::TcpStream| match stream.take_error()? {
            Some(error) => Err(error),
            None => stream.peer_addr().map_err(|_| io::ErrorKind::WouldBlock.into()),
        };
        stream.perform(1, is_connected).await?;
        Ok(Io(stream))
    }

    fn adopt(stream: TcpStream) -> io::Result<Self::Stream> {
        stream.set_nonblocking(true)?;
        Socket::new(net::TcpStream::from_std(stream)).map(Io)
    }

    fn watch(descriptor: OwnedFd) -> io::Result<()> {
        Self::adopt(descriptor.into()).map(drop)
    }
}

/// A wait for a point in time.
type Sleep = Box<dyn Future<Output = ()> + Unpin>;

/// A join handle that gives [`Ended`], and knows whether it would.
pub(crate) struct Handle<T> {
    /// The loop's own handle.
    task: the_loop::JoinHandle<T>,
    /// Whether the task has ended.
    is_finished: Rc<Cell<bool>>,
}

/// Tells a [`Handle`] that its task has ended, when it is dropped.
struct End(Rc<Cell<bool>>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

impl<T> Future for Handle<T> {
    type Output = Ended<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<T>> {
        Pin::new(&mut self.task).poll(cx).map(|result| match result {
            Ok(Some(value)) => Ended::Value(value),
            Ok(None) => Ended::Cancelled,
            Err(payload) => Ended::Panicked(payload),
        })
    }
}

impl<T: 'static> Task<T> for Handle<T> {
    fn cancel(&self) {
        self.task.task.cancel();
    }

    fn is_finished(&self) -> bool {
        self.is_finished.get()
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
        let (stream, _) = self.0.perform(0, net::TcpListener::accept).await?;
        Socket::new(stream).map(Io)
    }
}
