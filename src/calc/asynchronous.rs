//! The calculator on the event loop: a task for each client, all on one thread.
//!
//! `generators` keeps where a conversation stands in a state that is written by hand. Here the compiler writes it.
//!
//! **Invariants**
//! - `ASYNC-1` The buffers hold nothing across an `.await`: an idle client costs its task and its socket, no buffer.
//!   Waits that are rare are boxed, so that they do not widen every client's task.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use std::{io, mem, net};

use super::config::{Config, Start};
use super::conversation::{Conversation, Next, READ_BYTES};
use super::shutdown::grace_end;
use crate::aio::{Descriptor, Either, TaskSet, TcpListener, TcpStream, race, timeout, yield_now};
use crate::rt::{EventLoop, spawn};

/// Serves until the stop; fails if the listener does.
pub(super) fn serve(start: Start<'_>) -> io::Result<()> {
    // A server does not report that the machine was busy.
    let named = |error: io::Error| io::Error::new(error.kind(), format!("event loop: {error}"));
    EventLoop::builder().slow_poll(None).build().map_err(named)?.block_on(run(start))
}

/// The main task: accepts clients until the stop, then waits for the open connections.
async fn run(start: Start<'_>) -> io::Result<()> {
    let Start { listener, config, stop, ready } = start;
    let server = Rc::new(Server {
        config: config.clone(),
        buffers: RefCell::new((vec![0; READ_BYTES].into(), Vec::new())),
        clients: TaskSet::new(),
        grace_end: Cell::new(None),
    });
    let listener = TcpListener::from_std(listener)?;
    ready()?;
    match race(Descriptor::new(stop)?.readable(), server.accept_all(listener)).await {
        Either::First(stopped) => stopped?,
        Either::Second(failed) => return failed,
    }
    server.grace_end.set(Some(grace_end(config.grace)));
    server.clients.wake_all();
    // A client that does not take its replies within the grace will not get them.
    timeout(config.grace, server.clients.wait_below(1)).await.or(Ok(()))
}

/// What all tasks of the server share.
struct Server {
    /// What the server was started with.
    config: Config,
    /// A buffer for reads, and one for replies, of the task that runs (`ASYNC-1`).
    buffers: RefCell<(Box<[u8]>, Vec<u8>)>,
    /// The clients' tasks.
    clients: TaskSet,
    /// Set when the server stops: when the grace ends.
    grace_end: Cell<Option<Instant>>,
}

impl Server {
    /// Accepts clients until the listener fails. A broken connection concerns its client only.
    async fn accept_all(self: &Rc<Self>, mut listener: TcpListener) -> io::Result<()> {
        loop {
            self.clients.wait_below(self.config.max_connections).await;
            let (stream, peer) = listener.accept().await?;
            self.config.tell(|| Ok(peer), "a task of its own");
            // If this fails, the client has gone, and the first read says so.
            drop(stream.set_nodelay(true));
            let (server, conversation) = (self.clone(), Conversation::new(&self.config));
            let seat = server.clients.add();
            let mut client = Client { server, stream, conversation, seat, can_read: false };
            drop(spawn(async move {
                // One state machine for each client: that of a function would lie within this one.
                let own_waker = poll_fn(|cx| Poll::Ready(cx.waker().clone()));
                client.server.clients.set_waker(client.seat, &own_waker.await);
                while let Ok(()) = poll_fn(|cx| client.poll_answers(cx)).await
                    && let Ok(false) = Box::pin(client.do_next()).await
                {}
            }));
        }
    }
}

/// One client, in its task.
struct Client {
    /// What all tasks share.
    server: Rc<Server>,
    /// The connection.
    stream: TcpStream,
    /// What to do next.
    conversation: Conversation,
    /// Its place among the server's clients.
    seat: u32,
    /// Set when the next read has been waited for.
    can_read: bool,
}

impl Client {
    /// Returns what the conversation waits for.
    fn next(&self) -> Next {
        self.conversation.next(&self.server.config, self.server.grace_end.get(), Instant::now)
    }

    /// Reads and answers as long as the conversation waits for bytes without a deadline, where it spends most of its time.
    fn poll_answers(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.next() == Next::Read(None) {
                ready!(self.stream.poll_readable(cx))?;
            } else if !mem::take(&mut self.can_read) {
                return Poll::Ready(Ok(()));
            }
            let (input, out) = &mut *self.server.buffers.borrow_mut();
            let length = match self.stream.try_read(input) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                read => read?,
            };
            self.conversation.received(&input[..length], out);
            self.conversation.flush(out, |bytes| self.stream.try_write(bytes))?;
            if length == READ_BYTES {
                // A client that sends without end lets the others run.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// Does what is rarer than waiting for bytes without a deadline; returns whether the conversation is over.
    async fn do_next(&mut self) -> io::Result<bool> {
        let server = Rc::clone(&self.server);
        let grace_end = &server.grace_end;
        let stopping = grace_end.get().is_some();
        let mut in_time = true;
        match self.next() {
            Next::Read(until) => {
                let readable = poll_fn(|cx| match self.stream.poll_readable(cx) {
                    // The stop has come, and changes what the conversation waits for.
                    Poll::Pending if stopping != grace_end.get().is_some() => Poll::Ready(Ok(())),
                    polled => polled,
                });
                in_time = within(until, readable).await?.is_some();
                self.can_read = in_time;
            }
            Next::Write(until) => in_time = within(until, self.stream.writable()).await?.is_some(),
            Next::Turn => {
                yield_now().await;
                self.conversation.resume(&mut server.buffers.borrow_mut().1);
            }
            Next::ShutDown => {
                self.stream.shutdown(net::Shutdown::Write)?;
                self.conversation.linger(&server.config, Instant::now());
            }
            Next::Close => return Ok(true),
        }
        let (_, out) = &mut *server.buffers.borrow_mut();
        if !in_time {
            self.conversation.timed_out(&server.config, stopping, out);
        }
        self.conversation.flush(out, |bytes| self.stream.try_write(bytes))?;
        Ok(false)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.server.clients.remove(self.seat);
    }
}

/// Waits for a future until the deadline, if there is one; `None` means that the deadline came first.
async fn within<T>(
    until: Option<Instant>,
    future: impl Future<Output = io::Result<T>>,
) -> io::Result<Option<T>> {
    let left = until.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
    timeout(left, future).await.ok().transpose()
}
