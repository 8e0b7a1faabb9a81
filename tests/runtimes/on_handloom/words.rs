//! The suite's words, spoken by handloom's event loop.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use handloom::aio::{self, AsyncRead, AsyncWrite};
use handloom::rt::{self, EventLoop, JoinError, Remote};

use handloom_conformance::runtime::{Ended, Listener, Reader, Runtime, Stream, Task, Writer};

/// Handloom's event loop.
pub(crate) struct Handloom(pub(crate) EventLoop);

impl Runtime for Handloom {
    type Task<T: 'static> = Handle<T>;
    type Remote = Remote;
    type Sleep = aio::Sleep;
    type Listener = Io<aio::TcpListener>;
    type Stream = Io<aio::TcpStream>;

    fn new() -> Self {
        Self(EventLoop::new().unwrap())
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    fn remote(&self) -> Remote {
        self.0.remote()
    }

    fn call(remote: &Remote, function: impl FnOnce() + Send + 'static) {
        // A loop that is gone drops the function; claims about that use `Remote` itself.
        let _ = remote.call_soon(function);
    }

    fn task_table() -> String {
        rt::task_table()
    }

    fn spawn<F>(future: F) -> Handle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Handle(rt::spawn(future))
    }

    fn canceller<T>(remote: &Remote, task: &Handle<T>) -> Box<dyn Fn() + Send> {
        let (remote, id) = (remote.clone(), task.0.id());
        Box::new(move || Self::call(&remote, move || _ = rt::cancel(id)))
    }

    fn yield_now() -> impl Future<Output = ()> {
        aio::yield_now()
    }

    fn sleep(span: Duration) -> aio::Sleep {
        aio::sleep(span)
    }

    fn sleep_until(deadline: Instant) -> aio::Sleep {
        aio::sleep_until(deadline)
    }

    fn reset(sleep: Pin<&mut aio::Sleep>, deadline: Instant) {
        sleep.get_mut().reset(deadline);
    }

    async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
        aio::timeout(limit, future).await.ok()
    }

    fn listen() -> Io<aio::TcpListener> {
        Io(aio::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap())
    }

    fn adopt_listener(listener: std::net::TcpListener) -> Io<aio::TcpListener> {
        Io(aio::TcpListener::from_std(listener).unwrap())
    }

    async fn connect(to: SocketAddr) -> io::Result<Io<aio::TcpStream>> {
        aio::TcpStream::connect(to).await.map(Io)
    }

    fn adopt(stream: TcpStream) -> io::Result<Io<aio::TcpStream>> {
        aio::TcpStream::from_std(stream).map(Io)
    }

    fn watch(descriptor: OwnedFd) -> io::Result<()> {
        aio::Descriptor::new(descriptor).map(drop)
    }
}

/// A join handle that gives [`Ended`].
pub(crate) struct Handle<T>(pub(crate) rt::JoinHandle<T>);

impl<T> Future for Handle<T> {
    type Output = Ended<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<T>> {
        Pin::new(&mut self.0).poll(cx).map(|result| match result {
            Ok(value) => Ended::Value(value),
            Err(JoinError::Panicked(panic)) => Ended::Panicked(panic.into_payload()),
            Err(JoinError::Cancelled) => Ended::Cancelled,
        })
    }
}

impl<T: 'static> Task<T> for Handle<T> {
    fn cancel(&self) {
        self.0.cancel();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// A socket, in a type of this crate, which may implement the suite's traits.
pub(crate) struct Io<T>(pub(crate) T);

/// Passes the suite's words on to `AsyncRead`.
macro_rules! reads {
    ($($type:ty),*) => { $(
        impl Reader for Io<$type> {
            fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
                AsyncRead::read(&mut self.0, buf)
            }
        }
    )* };
}

/// Passes the suite's words on to `AsyncWrite`.
macro_rules! writes {
    ($($type:ty),*) => { $(
        impl Writer for Io<$type> {
            fn write(&mut self, buf: &[u8]) -> impl Future<Output = io::Result<usize>> {
                AsyncWrite::write(&mut self.0, buf)
            }

            fn write_all(&mut self, buf: &[u8]) -> impl Future<Output = io::Result<()>> {
                AsyncWrite::write_all(&mut self.0, buf)
            }
        }
    )* };
}

reads!(aio::TcpStream, aio::ReadHalf);
writes!(aio::TcpStream, aio::WriteHalf);

impl Stream for Io<aio::TcpStream> {
    type ReadHalf = Io<aio::ReadHalf>;
    type WriteHalf = Io<aio::WriteHalf>;

    fn split(self) -> (Self::ReadHalf, Self::WriteHalf) {
        let (reads, writes) = self.0.into_split();
        (Io(reads), Io(writes))
    }

    async fn close_sending(&mut self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }
}

impl Listener for Io<aio::TcpListener> {
    type Stream = Io<aio::TcpStream>;

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    async fn accept(&mut self) -> io::Result<Self::Stream> {
        self.0.accept().await.map(|(stream, _)| Io(stream))
    }
}
