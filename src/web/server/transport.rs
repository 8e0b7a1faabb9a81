//! Waiting for a client: for its bytes, for space to write, and for its end, each with a deadline.
//!
//! **Invariants**
//! - `ANSWERING-4` While a handler waits the connection is observed. At a reset the handler's future is dropped; at
//!   the end of the client's stream it is dropped after `half_close`. Requests that come meanwhile are kept, up to a
//!   limit. Beyond it they stay in the kernel, and an end behind them is not seen.
//! - `ANSWERING-5` Earlier responses do not wait for a handler that waits.
//!
//! **Source**: Go's `net/http`, which reads in the background too.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::super::lazy_timer::LazyTimer;
use super::response::BoxedFuture;
use super::state::{Input, READ_BYTES, ServerState};
use crate::aio::{AsyncWrite, TcpStream, lingering_close};
use crate::rt::now;

/// How long a client may be silent during a lingering close: some round trips.
const LINGER_SILENCE: Duration = Duration::from_millis(500);

/// How long a lingering close may take: enough for a body of some megabytes.
const LONGEST_LINGER: Duration = Duration::from_secs(5);

/// A client's socket with its buffers.
pub(super) struct Transport<S> {
    /// What all connections share.
    pub(super) server: Rc<ServerState<S>>,
    /// The client's address.
    pub(super) peer: SocketAddr,
    /// Received, and not used.
    pub(super) input: Input,
    /// Answered, and not sent.
    pub(super) out: Vec<u8>,
    /// The socket.
    stream: TcpStream,
    /// Wakes the task at the deadline.
    timer: LazyTimer,
    /// When the present wait ends; `None` for never.
    deadline: Option<Instant>,
    /// When the client closed its sending side while a handler waited.
    half_closed: Option<Instant>,
}

/// What a wait for bytes brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// Bytes; and whether they filled the buffer, so that there may be more.
    Bytes(bool),
    /// Nothing before the deadline.
    Timeout,
    /// The end of the client's stream.
    End,
    /// Nothing, and the server stops.
    Stop,
}

/// What became of a future that was awaited while the client was observed.
pub(super) enum Observed<T> {
    /// It is ready.
    Done(T),
    /// It panicked.
    Panicked,
    /// The client is gone.
    ClientGone,
}

impl<S> Transport<S> {
    /// Wraps a new socket; an error if the client is gone already.
    pub(super) fn new(
        server: Rc<ServerState<S>>,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> io::Result<Self> {
        // Responses are written whole; the kernel need not wait for more bytes to fill a segment.
        stream.set_nodelay(true)?;
        let (input, out, half_closed) = (Input::default(), Vec::new(), None);
        let deadline = now().checked_add(server.config.head_timeout);
        let timer = LazyTimer::new(deadline.unwrap_or_else(now));
        Ok(Self { server, peer, input, out, stream, timer, deadline, half_closed })
    }

    /// Sets the deadline of the next wait.
    pub(super) fn set_timeout(&mut self, timeout: Duration) {
        self.deadline = now().checked_add(timeout);
    }

    /// Waits for a request, or for the stop.
    pub(super) async fn receive_request(&mut self) -> io::Result<Received> {
        poll_fn(|cx| self.poll_receive(cx, true)).await
    }

    /// Waits for more of a body, until its deadline.
    pub(super) async fn receive_body(&mut self, deadline: Option<Instant>) -> io::Result<Received> {
        self.settle();
        self.deadline = deadline;
        poll_fn(|cx| self.poll_receive(cx, false)).await
    }

    /// Gives a lent buffer back before a wait.
    pub(super) fn settle(&mut self) {
        self.input.settle(&self.server.pool);
    }

    /// Waits for bytes. Bytes that have come are read before the stop and the deadline count.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        ends_at_stop: bool,
    ) -> Poll<io::Result<Received>> {
        loop {
            match self.stream.poll_readable(cx) {
                Poll::Ready(outcome) => outcome?,
                Poll::Pending => {
                    if ends_at_stop && self.server.is_stopping() && self.input.is_blank() {
                        return Poll::Ready(Ok(Received::Stop));
                    }
                    ready!(self.poll_deadline(self.deadline, cx));
                    return Poll::Ready(Ok(Received::Timeout));
                }
            }
            match self.try_read() {
                Ok((0, _)) => return Poll::Ready(Ok(Received::End)),
                Ok((_, is_full)) => return Poll::Ready(Ok(Received::Bytes(is_full))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.settle(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Ready when a deadline has passed.
    fn poll_deadline(&mut self, deadline: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        deadline.map_or(Poll::Pending, |deadline| self.timer.poll(deadline, cx))
    }

    /// Reads now; returns the number of bytes, and whether they filled the buffer.
    fn try_read(&mut self) -> io::Result<(usize, bool)> {
        let Self { input, server, stream, .. } = self;
        input.read(&server.pool, |buffer| stream.try_read(buffer))
    }

    /// Sends the output.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        // Taken out of `self`, which `write` borrows.
        let out = std::mem::take(&mut self.out);
        let flushed = self.write(&out).await;
        self.server.pool.take_back(out);
        flushed
    }

    /// Sends bytes. The first write does not wait for readiness, because there is nearly always space.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut sent = or_nothing(self.stream.try_write(bytes))?;
        while sent < bytes.len() {
            self.set_timeout(self.server.config.write_timeout);
            sent += poll_fn(|cx| self.poll_write(cx, &bytes[sent..])).await?;
        }
        Ok(())
    }

    /// Sends what there is space for; `TimedOut` when there is none before the deadline.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.stream.poll_write(cx, bytes) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(written) => Poll::Ready(written),
            Poll::Pending => {
                self.poll_deadline(self.deadline, cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }

    /// Closes with a lingering close, so that the last answer arrives.
    pub(super) async fn linger(&mut self) -> io::Result<()> {
        self.settle();
        lingering_close(&mut self.stream, LINGER_SILENCE, LONGEST_LINGER).await
    }

    /// Awaits a future of a handler, and observes the client meanwhile (`ANSWERING-4`). The future is polled in the
    /// connection's task: a task of its own would cost a spawn for each request.
    pub(super) async fn observe<T>(
        &mut self,
        mut future: BoxedFuture<'_, T>,
    ) -> io::Result<Observed<T>> {
        let mut has_waited = false;
        let observed = poll_fn(|cx| {
            // The handler first: a result beats an end of the client in the same turn.
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(Poll::Ready(value)) => return Poll::Ready(Ok(Observed::Done(value))),
                Err(_) => return Poll::Ready(Ok(Observed::Panicked)),
                Ok(Poll::Pending) => {}
            }
            if !has_waited && !self.out.is_empty() {
                // ANSWERING-5; the rest is sent with the next answer.
                let sent = or_nothing(self.stream.try_write(&self.out))?;
                self.out.drain(..sent);
            }
            has_waited = true;
            self.poll_gone(cx).map(|()| Ok(Observed::ClientGone))
        })
        .await;
        if has_waited {
            self.server.pool.refresh_date();
        }
        observed
    }

    /// Ready when the client is gone. Its bytes are kept, because the end of a stream is only seen behind them.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.half_closed.is_none() && self.input.unused().len() < READ_BYTES {
            match self.stream.poll_readable(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => break,
            }
            match self.try_read() {
                Ok((0, _)) => self.half_closed = Some(now()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(()),
            }
        }
        self.settle();
        let half_close = self.server.config.half_close;
        match self.half_closed {
            None => Poll::Pending,
            Some(_) if half_close.is_zero() => Poll::Ready(()),
            Some(at) => self.poll_deadline(at.checked_add(half_close), cx),
        }
    }
}

/// A socket without space has accepted no bytes.
fn or_nothing(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}
