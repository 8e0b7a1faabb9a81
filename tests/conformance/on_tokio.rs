//! The suite's words, spoken by tokio's local runtime.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use handloom_tokio::tokio::io::{AsyncReadExt, AsyncWriteExt};
use handloom_tokio::tokio::runtime::{Handle as Remote, LocalRuntime};
use handloom_tokio::tokio::{net, task, time};

use crate::runtime::{Ended, Listener, Reader, Runtime, Stream, Task, Writer};

/// Tokio's runtime with one thread and no `Send` bound.
pub(crate) struct Tokio(pub(crate) LocalRuntime);

impl Runtime for Tokio {
    type Task<T: 'static> = Handle<T>;
    type Remote = Remote;
    type Sleep = time::Sleep;
    type Listener = net::TcpListener;
    type Stream = net::TcpStream;

    fn new() -> Self {
        Self(LocalRuntime::new().unwrap())
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    fn remote(&self) -> Remote {
        self.0.handle().clone()
    }

    fn call(remote: &Remote, function: impl FnOnce() + Send + 'static) {
        // The nearest thing to a call from another thread: a task that is `Send`.
        drop(remote.spawn(async move { function() }));
    }

    fn task_table() -> String {
        "tokio has no table of tasks".into()
    }

    fn spawn<F>(future: F) -> Handle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        Handle(task::spawn_local(future))
    }

    fn canceller<T>(_: &Remote, task: &Handle<T>) -> Box<dyn Fn() + Send> {
        let handle = task.0.abort_handle();
        Box::new(move || handle.abort())
    }

    fn yield_now() -> impl Future<Output = ()> {
        task::yield_now()
    }

    fn sleep(span: Duration) -> time::Sleep {
        time::sleep(span)
    }

    fn sleep_until(deadline: Instant) -> time::Sleep {
        time::sleep_until(deadline.into())
    }

    fn reset(sleep: Pin<&mut time::Sleep>, deadline: Instant) {
        sleep.reset(deadline.into());
    }

    async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
        time::timeout(limit, future).await.ok()
    }

    fn listen() -> net::TcpListener {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Self::adopt_listener(listener)
    }

    fn adopt_listener(listener: std::net::TcpListener) -> net::TcpListener {
        listener.set_nonblocking(true).unwrap();
        net::TcpListener::from_std(listener).unwrap()
    }

    fn connect(to: SocketAddr) -> impl Future<Output = io::Result<net::TcpStream>> {
        net::TcpStream::connect(to)
    }

    fn adopt(stream: TcpStream) -> io::Result<net::TcpStream> {
        stream.set_nonblocking(true)?;
        net::TcpStream::from_std(stream)
    }

    fn watch(descriptor: OwnedFd) -> io::Result<()> {
        // Its own `AsyncFd::register` is unsafe; the same is behind any of its sockets.
        Self::adopt(descriptor.into()).map(drop)
    }
}

/// A join handle that gives [`Ended`].
pub(crate) struct Handle<T>(task::JoinHandle<T>);

impl<T> Future for Handle<T> {
    type Output = Ended<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Ended<T>> {
        Pin::new(&mut self.0).poll(cx).map(|result| match result {
            Ok(value) => Ended::Value(value),
            Err(error) => match error.try_into_panic() {
                Ok(payload) => Ended::Panicked(payload),
                Err(_) => Ended::Cancelled,
            },
        })
    }
}

impl<T: 'static> Task<T> for Handle<T> {
    fn cancel(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// Passes the suite's words on to `AsyncReadExt`.
macro_rules! reads {
    ($($type:ty),*) => { $(
        impl Reader for $type {
            async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                AsyncReadExt::read(self, buf).await
            }
        }
    )* };
}

/// Passes the suite's words on to `AsyncWriteExt`.
macro_rules! writes {
    ($($type:ty),*) => { $(
        impl Writer for $type {
            async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                AsyncWriteExt::write(self, buf).await
            }

            async fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
                AsyncWriteExt::write_all(self, buf).await
            }
        }
    )* };
}

reads!(net::TcpStream, net::tcp::OwnedReadHalf);
writes!(net::TcpStream, net::tcp::OwnedWriteHalf);

impl Stream for net::TcpStream {
    type ReadHalf = net::tcp::OwnedReadHalf;
    type WriteHalf = net::tcp::OwnedWriteHalf;

    fn split(self) -> (Self::ReadHalf, Self::WriteHalf) {
        self.into_split()
    }

    async fn close_sending(&mut self) -> io::Result<()> {
        self.shutdown().await
    }
}

impl Listener for net::TcpListener {
    type Stream = net::TcpStream;

    fn address(&self) -> SocketAddr {
        self.local_addr().unwrap()
    }

    async fn accept(&mut self) -> io::Result<net::TcpStream> {
        Self::accept(self).await.map(|(stream, _)| stream)
    }
}
