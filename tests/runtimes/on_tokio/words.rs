//! The suite's words, spoken by tokio's local runtime.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Handle as Remote, LocalRuntime};
use tokio::{net, task, time};

use handloom_conformance::runtime::{Ended, Listener, Reader, Runtime, Stream, Task, Writer};

/// Tokio's runtime with one thread and no `Send` bound.
pub(crate) struct Tokio(pub(crate) LocalRuntime);

impl Runtime for Tokio {
    type Task<T: 'static> = Handle<T>;
    type Remote = Remote;
    type Sleep = time::Sleep;
    type Listener = Io<net::TcpListener>;
    type Stream = Io<net::TcpStream>;

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

    fn listen() -> Io<net::TcpListener> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Self::adopt_listener(listener)
    }

    fn adopt_listener(listener: std::net::TcpListener) -> Io<net::TcpListener> {
        listener.set_nonblocking(true).unwrap();
        Io(net::TcpListener::from_std(listener).unwrap())
    }

    async fn connect(to: SocketAddr) -> io::Result<Io<net::TcpStream>> {
        net::TcpStream::connect(to).await.map(Io)
    }

    fn adopt(stream: TcpStream) -> io::Result<Io<net::TcpStream>> {
        stream.set_nonblocking(true)?;
        net::TcpStream::from_std(stream).map(Io)
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

/// A socket, in a type of this crate, which may implement the suite's traits.
pub(crate) struct Io<T>(pub(crate) T);

/// Passes the suite's words on to `AsyncReadExt`.
macro_rules! reads {
    ($($type:ty),*) => { $(
        impl Reader for Io<$type> {
            async fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                AsyncReadExt::read(&mut self.0, buf).await
            }
        }
    )* };
}

/// Passes the suite's words on to `AsyncWriteExt`.
macro_rules! writes {
    ($($type:ty),*) => { $(
        impl Writer for Io<$type> {
            async fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                AsyncWriteExt::write(&mut self.0, buf).await
            }

            async fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
                AsyncWriteExt::write_all(&mut self.0, buf).await
            }
        }
    )* };
}

reads!(net::TcpStream, net::tcp::OwnedReadHalf);
writes!(net::TcpStream, net::tcp::OwnedWriteHalf);

impl Stream for Io<net::TcpStream> {
    type ReadHalf = Io<net::tcp::OwnedReadHalf>;
    type WriteHalf = Io<net::tcp::OwnedWriteHalf>;

    fn split(self) -> (Self::ReadHalf, Self::WriteHalf) {
        let (reads, writes) = self.0.into_split();
        (Io(reads), Io(writes))
    }

    async fn close_sending(&mut self) -> io::Result<()> {
        self.0.shutdown().await
    }
}

impl Listener for Io<net::TcpListener> {
    type Stream = Io<net::TcpStream>;

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    async fn accept(&mut self) -> io::Result<Self::Stream> {
        self.0.accept().await.map(|(stream, _)| Io(stream))
    }
}
