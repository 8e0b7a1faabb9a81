//! One client of the async server, in its task.
//!
//! **Invariants**
//! - `ASYNC-CLIENT-1` At depth one a request costs one read and one write: a short read tells that the socket is
//!   drained, and replies are written without asking whether there is room.
//! - `ASYNC-CLIENT-2` While replies wait for room nothing is read: memory is bounded.
//! - `ASYNC-CLIENT-3` A client that sends without end gives the thread back after every full buffer.
//! - `ASYNC-CLIENT-4` At the stop what has arrived is answered; where nothing is left to read, that is taken for
//!   the end of the stream. A message that is open then is given its pause, at most `LINGER`: the rest of it may
//!   be under way, and half a number would make a wrong sum.
//!
//! **Left out**: what is told in `farewell`, of why a conversation does not end with its last reply.
//!
//! **Source**: the course's fifth task.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use super::asynchronous::{READ_BYTES, Scratch, Server};
use super::config::Config;
use super::farewell::{LINGER, longest};
use super::session::{Session, SessionState};
use crate::aio::{AsyncWrite, TcpStream, hang_up, timeout, yield_now};

/// One client, in its task.
pub(super) struct Client {
    /// What all tasks share.
    server: Rc<Server>,
    /// The connection.
    stream: TcpStream,
    /// The conversation, without a socket.
    session: Session,
    /// What could not be answered at once, until the next wait.
    rest: Option<Box<Rest>>,
    /// Its place among the server's clients.
    seat: u32,
    /// Whether it has been told that the server stops: once is enough.
    stopping: bool,
}

/// What a wait for the client brought.
#[derive(Clone, Copy)]
enum Received {
    /// So many bytes, in the scratch buffer.
    Bytes(usize),
    /// Nothing, for as long as a pause or an idle client may last.
    Silence,
    /// The end of the client's stream.
    End,
    /// Nothing yet, but the server stops: how long to wait is to be asked anew.
    Stop,
}

/// A wait that is rare, and therefore not a part of every client's task.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + 'a>>;

/// What could not be done at once.
struct Rest {
    /// Received, and not yet taken by the session.
    input: Vec<u8>,
    /// Answered, and not yet taken by the socket.
    out: Vec<u8>,
}

impl Client {
    /// Seats a client.
    pub(super) fn new(server: Rc<Server>, stream: TcpStream, seat: u32) -> Self {
        let session = Session::new(server.config.op, server.config.max_message_bytes);
        Self { server, stream, session, rest: None, seat, stopping: false }
    }

    /// The whole conversation. What is rare waits in a box, so as not to widen every client's task.
    pub(super) async fn converse(&mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        self.leave_waker().await;
        loop {
            let received = match self.patience() {
                None => self.receive().await?,
                Some(limit) => self.receive_within(limit).await?,
            };
            match (received, self.session.state()) {
                (Received::Stop, _) => {
                    self.stopping = true;
                    continue;
                }
                (Received::Silence, SessionState::Idle) if !self.stopping => return Ok(()),
                _ => self.answer(received)?,
            }
            if self.rest.is_some() {
                self.catch_up().await?;
            }
            match received {
                Received::End => return Ok(()),
                _ if self.session.state() == SessionState::Closed => {
                    // FAREWELL-1, FAREWELL-2
                    let at_most = longest(self.server.config.grace);
                    return Box::pin(hang_up(&mut self.stream, LINGER, at_most)).await;
                }
                // There is more, and may be without end (ASYNC-CLIENT-3).
                Received::Bytes(READ_BYTES) => yield_now().await,
                _ => {}
            }
        }
    }

    /// Leaves the task's waker for the stop; a task's waker stays the same.
    async fn leave_waker(&self) {
        poll_fn(|cx| {
            self.server.clients.stay(self.seat, cx.waker());
            Poll::Ready(())
        })
        .await;
    }

    /// Returns how long the client may say nothing.
    fn patience(&self) -> Option<Duration> {
        let Config { pause, idle_timeout, .. } = self.server.config;
        match self.session.state() {
            // ASYNC-CLIENT-4: only what is there already, and the rest of an open message.
            SessionState::Open if self.stopping => Some(pause.min(LINGER)),
            _ if self.stopping => Some(Duration::ZERO),
            // The shorter of the two: a long pause keeps no idle client.
            SessionState::Open => Some(idle_timeout.map_or(pause, |idle| idle.min(pause))),
            _ => idle_timeout,
        }
    }

    /// Waits for bytes, but not for ever.
    fn receive_within(&mut self, limit: Duration) -> Boxed<'_, Received> {
        Box::pin(
            async move { timeout(limit, self.receive()).await.unwrap_or(Ok(Received::Silence)) },
        )
    }

    /// Waits for bytes, in the scratch buffer, where they are good until the task waits again.
    fn receive(&mut self) -> impl Future<Output = io::Result<Received>> {
        poll_fn(|cx| {
            loop {
                match self.stream.poll_readable(cx) {
                    Poll::Ready(outcome) => outcome?,
                    // Nothing has arrived that is not answered.
                    Poll::Pending if self.server.stopping.get() && !self.stopping => {
                        return Poll::Ready(Ok(Received::Stop));
                    }
                    Poll::Pending => return Poll::Pending,
                }
                match self.stream.try_read(&mut self.server.scratch.borrow_mut().input) {
                    Ok(0) => break,
                    Ok(bytes) => return Poll::Ready(Ok(Received::Bytes(bytes))),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            Poll::Ready(Ok(Received::End))
        })
    }

    /// Answers what was received as far as that goes without waiting, which is nearly always all the way.
    fn answer(&mut self, received: Received) -> io::Result<()> {
        let Config { pause, idle_timeout, .. } = self.server.config;
        // Else it is the idle time-out, or the lack of bytes at the stop, which count as the client's end.
        let is_pause = !self.stopping && idle_timeout.is_none_or(|idle| idle > pause);
        let mut scratch = self.server.scratch.borrow_mut();
        let Scratch { input, out } = &mut *scratch;
        out.clear();
        let mut rest = &[][..];
        match received {
            Received::Bytes(bytes) => {
                let taken = self.session.feed(&input[..bytes], out);
                rest = &input[taken..bytes];
            }
            Received::Silence if is_pause => self.session.pause(out),
            Received::Silence | Received::End => self.session.end(out),
            Received::Stop => {}
        }
        let sent = if out.is_empty() { 0 } else { or_nothing(self.stream.try_write(out))? };
        if sent < out.len() || !rest.is_empty() {
            self.rest = Some(Box::new(Rest { input: rest.to_vec(), out: out[sent..].to_vec() }));
        }
        Ok(())
    }

    /// Does what is left, in a box.
    fn catch_up(&mut self) -> Boxed<'_, ()> {
        Box::pin(self.do_rest())
    }

    /// Does what is left: replies out, then more of the input (`ASYNC-CLIENT-2`).
    async fn do_rest(&mut self) -> io::Result<()> {
        let Some(Rest { input, mut out }) = self.rest.take().map(|rest| *rest) else {
            return Ok(());
        };
        let mut input = &input[..];
        loop {
            let mut unsent = &out[..];
            while !unsent.is_empty() {
                // The limit is on each step: a client that reads slowly is served, one that stopped is not.
                let sent = match self.server.config.idle_timeout {
                    None => self.stream.write(unsent).await?,
                    Some(limit) => timeout(limit, self.stream.write(unsent)).await??,
                };
                unsent = &unsent[sent..];
            }
            out.clear();
            if input.is_empty() {
                return Ok(());
            }
            let taken = self.session.feed(input, &mut out);
            input = &input[taken..];
        }
    }
}

/// A socket that takes nothing now has taken no bytes.
fn or_nothing(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.server.clients.leave(self.seat);
    }
}
