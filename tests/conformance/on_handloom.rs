//! The suite's words, spoken by handloom's event loop.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use handloom::aio::{self, AsyncRead, AsyncWrite};
use handloom::rt::{self, EventLoop, JoinError, Remote};

use crate::runtime::{Ended, Listener, Reader, Runtime, Stream, Task, Writer};

/// Handloom's event loop.
pub(crate) struct Handloom(pub(crate) EventLoop);

impl Runtime for Handloom {
    type Task<T: 'static> = Handle<T>;
    type Remote = Remote;
    type Sleep = aio::Sleep;
    type Listener = aio::TcpListener;
    type Stream = aio::TcpStream;

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

    fn listen() -> aio::TcpListener {
        aio::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
    }

    fn adopt_listener(listener: std::net::TcpListener) -> aio::TcpListener {
        aio::TcpListener::from_std(listener).unwrap()
    }

    fn connect(to: SocketAddr) -> impl Future<Output = io::Result<aio::TcpStream>> {
        aio::TcpStream::connect(to)
    }

    fn adopt(stream: TcpStream) -> io::Result<aio::TcpStream> {
        aio::TcpStream::from_std(stream)
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
            Err(error) => match JoinError::into_panic(error) {
                Ok(payload) => Ended::Panicked(payload),
                Err(_) => Ended::Cancelled,
            },
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

/// Passes the suite's words on to `AsyncRead`.
macro_rules! reads {
    ($($type:ty),*) => { $(
        impl Reader for $type {
            fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
                AsyncRead::read(self, buf)
            }
        }
    )* };
}

/// Passes the suite's words on to `AsyncWrite`.
macro_rules! writes {
    ($($type:ty),*) => { $(
        impl Writer for $type {
            fn write(&mut self, buf: &[u8]) -> impl Future<Output = io::Result<usize>> {
                AsyncWrite::write(self, buf)
            }

            fn write_all(&mut self, buf: &[u8]) -> impl Future<Output = io::Result<()>> {
                AsyncWrite::write_all(self, buf)
            }
        }
    )* };
}

reads!(aio::TcpStream, aio::ReadHalf);
writes!(aio::TcpStream, aio::WriteHalf);

impl Stream for aio::TcpStream {
    type ReadHalf = aio::ReadHalf;
    type WriteHalf = aio::WriteHalf;

    fn split(self) -> (aio::ReadHalf, aio::WriteHalf) {
        self.into_split()
    }

    async fn close_sending(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Listener for aio::TcpListener {
    type Stream = aio::TcpStream;

    fn address(&self) -> SocketAddr {
        self.local_addr().unwrap()
    }

    async fn accept(&mut self) -> io::Result<aio::TcpStream> {
        Self::accept(self).await.map(|(stream, _)| stream)
    }
}
