//! The calculator server on tokio: one task per client, all on one thread.
//!
//! It speaks the same wire as handloom's `async` model and shares its parser, [`Session`], so that
//! a measurement of the two compares event loops and nothing else. It is written as lean as tokio
//! allows:
//!
//! - The buffers are the server's, not the connection's. A task borrows them between two awaits and
//!   leaves them empty, so an idle client costs its task and its socket.
//! - Bytes are read by `poll_read`, not by `readable` and `try_read`. The former takes a short read
//!   as the sign that the socket is drained; after the latter, tokio would ask once more and be
//!   told `EAGAIN`: one syscall in three.
//! - Replies are written at once. Only a short write makes a task wait until its socket is
//!   writable.
//! - Rare waits (a time-out, a client that does not read) are futures in a box, so that they do not
//!   make the future of every connection larger.
//!
//! # Stopping
//!
//! No connection waits for the stop, since that would cost each request a check. Instead the server
//! keeps the waker of every task; to stop, it sets a flag and wakes all tasks. A task that finds the
//! flag set and nothing to read shuts the reading side of its socket down. It still reads and answers
//! what the client had sent by then; then it finds the end of the stream, as if the client had closed.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{fmt, io, net};

use handloom::calc::{Config, Session, SessionState};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

/// How much one read can take: as much as the `async` model's. A burst of 16 requests fits many times
/// over; a long message takes some turns.
const READ_BYTES: usize = 16 * 1024;

/// The first wait after `accept` ran out of descriptors; it doubles up to [`LAST_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(10);

/// The longest wait between two attempts of an `accept` that lacks descriptors.
const LAST_BACKOFF: Duration = Duration::from_secs(1);

/// How long a closed connection is still read from, so that bytes after a `close` do not turn into
/// a reset which would destroy the last replies on their way.
const LINGER: Duration = Duration::from_secs(1);

/// Serves the calculator on `listener` until `stop` is ready; then answers what is in flight, for
/// at most `config.grace`.
///
/// Must be called inside a [`LocalRuntime`](tokio::runtime::LocalRuntime) or a `LocalSet`. Tasks
/// that have not finished within the grace are left to be dropped with the runtime.
///
/// # Errors
///
/// The listener's, when it can no longer accept. What goes wrong on a connection ends that
/// connection only.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let server = Rc::new(Server::new(config));
    tokio::select! {
        biased;
        () = stop => {}
        failed = accept_all(&listener, &server) => return failed.map(|never| match never {}),
    }
    drop(listener);
    server.wake_all_to_end();
    // The grace is over: a client that still does not read its replies will not get them.
    let _ = timeout(server.config.grace, server.all_ended()).await;
    Ok(())
}

/// What all tasks of the server share. One thread, hence no lock.
struct Server {
    /// What was asked for on the command line.
    config: Config,
    /// The buffers of the task that runs now; no borrow is held across an await.
    scratch: RefCell<Scratch>,
    /// How to wake each connection's task, by the number of the connection.
    wakers: RefCell<HashMap<u64, Waker>>,
    /// The number of the next connection.
    next_id: Cell<u64>,
    /// Raised once, when the server is to stop.
    stopping: Cell<bool>,
    /// Told whenever a connection has ended.
    ended: Notify,
}

/// Two buffers that serve all connections in turn.
struct Scratch {
    /// What was read last; its length never changes.
    input: Box<[u8]>,
    /// The replies to it; emptied before each use.
    out: Vec<u8>,
}

impl Server {
    /// A server without clients.
    fn new(config: Config) -> Self {
        Self {
            config,
            scratch: RefCell::new(Scratch { input: vec![0; READ_BYTES].into(), out: Vec::new() }),
            wakers: RefCell::default(),
            next_id: Cell::new(0),
            stopping: Cell::new(false),
            ended: Notify::new(),
        }
    }

    /// Raises the flag and wakes every connection to see it.
    fn wake_all_to_end(&self) {
        self.stopping.set(true);
        for waker in self.wakers.borrow().values() {
            waker.wake_by_ref();
        }
    }

    /// Waits until no connection is left.
    async fn all_ended(&self) {
        while !self.wakers.borrow().is_empty() {
            self.ended.notified().await;
        }
    }

    /// Waits until one more connection is allowed.
    async fn room(&self) {
        while self.wakers.borrow().len() >= self.config.max_connections {
            self.ended.notified().await;
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("connections", &self.wakers.borrow().len())
            .finish_non_exhaustive()
    }
}

/// A connection's entry among the wakers; taken out again on drop, also when the task panics.
struct Seat {
    /// The server that keeps the entry.
    server: Rc<Server>,
    /// The key of the entry.
    id: u64,
}

impl Seat {
    /// Enters a connection whose task is about to run. Until its first poll a wake means nothing to
    /// it.
    fn take(server: &Rc<Server>) -> Self {
        let id = server.next_id.get();
        server.next_id.set(id + 1);
        server.wakers.borrow_mut().insert(id, Waker::noop().clone());
        Self { server: Rc::clone(server), id }
    }

    /// Leaves the waker of the running task.
    async fn keep_waker(&self) {
        poll_fn(|cx| {
            self.server.wakers.borrow_mut().insert(self.id, cx.waker().clone());
            Poll::Ready(())
        })
        .await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.server.wakers.borrow_mut().remove(&self.id);
        self.server.ended.notify_one();
    }
}

/// Takes clients for ever; returns only when the listener is broken.
async fn accept_all(listener: &TcpListener, server: &Rc<Server>) -> io::Result<Infallible> {
    let mut backoff = FIRST_BACKOFF;
    loop {
        server.room().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                backoff = FIRST_BACKOFF;
                let seat = Seat::take(server);
                // Detached: an error on a connection concerns its client only.
                spawn_local(async move {
                    seat.keep_waker().await;
                    let _ = converse(stream, &seat.server).await;
                });
            }
            Err(error) if is_clients_fault(&error) => {}
            Err(error) if is_shortage(&error) => {
                if backoff == FIRST_BACKOFF {
                    eprintln!("accept: {error}; waiting for room");
                }
                sleep(backoff).await;
                backoff = (backoff * 2).min(LAST_BACKOFF);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether `accept` failed for a reason that lies with the client that just came: take the next.
fn is_clients_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
        || error.raw_os_error() == Some(libc::EPROTO)
}

/// Whether `accept` failed because descriptors or memory are used up: wait until a connection has ended.
fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// One client, from its first byte to its last reply.
async fn converse(mut stream: TcpStream, server: &Server) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut session = Session::new(server.config.op, server.config.max_message_bytes);
    loop {
        let received = receive(&mut stream, server, session.state()).await?;
        if matches!(received, Received::Silence) && session.state() == SessionState::Idle {
            return Ok(());
        }
        if let Some(rest) = answer(&stream, server, &mut session, &received)? {
            Box::pin(catch_up(&mut stream, server, &mut session, rest)).await?;
        }
        match received {
            Received::End => return Ok(()),
            _ if session.state() == SessionState::Closed => return Box::pin(hang_up(stream)).await,
            _ => {}
        }
    }
}

/// What a wait for the client brought.
enum Received {
    /// So many bytes, in the server's scratch buffer.
    Bytes(usize),
    /// Nothing for as long as the pause or the idle time-out allows.
    Silence,
    /// The end of the client's stream.
    End,
}

/// Waits for bytes, for at most as long as `state` allows.
async fn receive(
    stream: &mut TcpStream,
    server: &Server,
    state: SessionState,
) -> io::Result<Received> {
    let limit = if state == SessionState::Open {
        Some(server.config.pause)
    } else {
        server.config.idle_timeout
    };
    let bytes = poll_fn(|cx| poll_receive(stream, server, cx));
    match limit {
        None => bytes.await,
        Some(limit) => Box::pin(timeout(limit, bytes)).await.unwrap_or(Ok(Received::Silence)),
    }
}

/// Reads into the server's scratch buffer, where the bytes stay good until the calling task's next
/// await.
fn poll_receive(
    stream: &mut TcpStream,
    server: &Server,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Received>> {
    let mut scratch = server.scratch.borrow_mut();
    let mut buffer = ReadBuf::new(&mut scratch.input);
    match Pin::new(&mut *stream).poll_read(cx, &mut buffer)? {
        Poll::Ready(()) if buffer.filled().is_empty() => Poll::Ready(Ok(Received::End)),
        Poll::Ready(()) => Poll::Ready(Ok(Received::Bytes(buffer.filled().len()))),
        Poll::Pending if server.stopping.get() && shut_reading_side(stream).is_err() => {
            Poll::Ready(Ok(Received::End))
        }
        Poll::Pending => Poll::Pending,
    }
}

/// Makes the rest of the stream end here. tokio shuts only the writing side, hence the detour by
/// way of std.
fn shut_reading_side(stream: &TcpStream) -> io::Result<()> {
    let twin = net::TcpStream::from(stream.as_fd().try_clone_to_owned()?);
    twin.shutdown(Shutdown::Read)
}

/// What could not be dealt with at once.
struct Rest {
    /// Bytes received that the session has not taken.
    input: Vec<u8>,
    /// Replies that the socket has not taken.
    out: Vec<u8>,
}

/// Answers what was received as far as that goes without waiting; the common case leaves no rest.
fn answer(
    stream: &TcpStream,
    server: &Server,
    session: &mut Session,
    received: &Received,
) -> io::Result<Option<Rest>> {
    let mut scratch = server.scratch.borrow_mut();
    let Scratch { input, out } = &mut *scratch;
    out.clear();
    let input = match *received {
        Received::Bytes(count) => {
            let taken = session.feed(&input[..count], out);
            &input[taken..count]
        }
        Received::Silence => {
            session.pause(out);
            &[]
        }
        Received::End => {
            session.end(out);
            &[]
        }
    };
    let sent = if out.is_empty() { 0 } else { or_nothing(stream.try_write(out))? };
    let done = sent == out.len() && input.is_empty();
    Ok((!done).then(|| Rest { input: input.to_vec(), out: out[sent..].to_vec() }))
}

/// A socket that takes nothing now has taken zero bytes.
fn or_nothing(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}

/// Answers the rest, a piece at a time: replies out, then more of the input.
///
/// Nothing is read meanwhile, so a client that does not read its replies costs at most these two
/// buffers.
async fn catch_up(
    stream: &mut TcpStream,
    server: &Server,
    session: &mut Session,
    rest: Rest,
) -> io::Result<()> {
    let Rest { input, mut out } = rest;
    let mut input = &input[..];
    loop {
        match server.config.idle_timeout {
            None => stream.write_all(&out).await?,
            Some(limit) => timeout(limit, stream.write_all(&out)).await??,
        }
        out.clear();
        if input.is_empty() {
            return Ok(());
        }
        let taken = session.feed(input, &mut out);
        input = &input[taken..];
    }
}

/// Closes from this side and reads on, into nothing, until the client has closed too or [`LINGER`]
/// has passed.
async fn hang_up(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut sink = [0; 1024];
    let drain = async {
        while stream.read(&mut sink).await? > 0 {}
        io::Result::Ok(())
    };
    timeout(LINGER, drain).await.unwrap_or(Ok(()))
}
