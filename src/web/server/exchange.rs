//! One request and its answer, from a head that was parsed to a reply that is ready to be sent.
//!
//! **Invariants**
//! - `ANSWERING-1` A handler gets the body whole. A request whose body is refused, or does not come, reaches none.
//! - `ANSWERING-2` `100 Continue` is sent when a handler wants the body and the client waits to be asked; who is
//!   answered with an error instead need not send it, and so the connection ends.
//! - `ANSWERING-3` A panic of a handler is a 500, and the end of the connection.
//! - `ANSWERING-4` While a handler waits the connection is watched: at its end, or a reset, the handler's future is
//!   dropped. Requests that come meanwhile are kept, up to a limit; beyond it they stay in the kernel, and what is
//!   behind them is not seen.
//! - `ANSWERING-5` Earlier replies do not wait for a handler that waits.
//!
//! ```text
//! client            connection                      handler
//! GET /slow ──────► head, find
//!                   call ─────────────────────────► polled: Pending
//!                   sends earlier replies
//! GET /next ──────► kept                            …
//! close ──────────► read gives 0
//!                   drops the future ─────────────► destructors run
//! ```
//!
//! **Source**: RFC 9110, section 10.1.1; Go's `net/http`, which reads in the background likewise.

use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::answered::Answered;
use super::connection::{Connection, Received, Then};
use super::handler::Handler;
use super::pools::READ_BYTES;
use super::request::Request;
use super::response::Response;
use super::router::Found;
use crate::http::{Asked, Body, BodyError, Framing, Piece, Status};
use crate::rt::now;

/// What a body is begun with, when its length is known: this much memory at most, in bytes. The rest when it comes.
const FIRST_BODY_BYTES: u64 = 64 * 1024;

/// What became of something that was awaited while the client was watched.
pub(super) enum Watched<T> {
    /// It is done.
    Done(T),
    /// It panicked.
    Panicked,
    /// The client is gone.
    Gone,
}

impl<S: 'static> Connection<S> {
    /// Answers a request whose head has been read.
    pub(super) async fn exchange(&mut self, request: &mut Request) -> io::Result<Then> {
        // The table and the state must outlive what borrows them, whatever becomes of `self`.
        let server = self.server.clone();
        // Without a log nobody asks how long it took, and the clock is not read.
        let begun = server.log.as_ref().map(|_| now());
        request.peer = self.peer;
        let asked = request.head.asked();
        let found = server.router.find(&request.head);
        // ANSWERING-2
        let waits_for_nothing = request.head.expects_continue && matches!(found, Found::Answer(_));
        // Also of a request that will be 404: only behind its body the next request begins.
        if request.head.framing != Framing::None && !waits_for_nothing {
            let collected = self.collect(request).await?;
            if collected != Then::GoOn {
                return Ok(collected);
            }
        }
        let watched = match found {
            Found::Answer(response) => Watched::Done(response),
            Found::Handler(Handler::AtOnce(function)) => {
                let call = AssertUnwindSafe(|| function(&server.state, request));
                catch_unwind(call).map_or(Watched::Panicked, Watched::Done)
            }
            Found::Handler(Handler::Awaited(handler)) => {
                self.watch(handler.call(&server.state, request)).await?
            }
        };
        let (response, keep_alive) = match watched {
            Watched::Done(response) => (response, asked.keep_alive && !waits_for_nothing),
            // ANSWERING-3
            Watched::Panicked => (Response::error(Status::INTERNAL_SERVER_ERROR), false),
            Watched::Gone => return Ok(Then::Close),
        };
        if let Some(begun) = begun {
            self.log(Some(request), response.status, now() - begun);
        }
        self.reply(Asked { keep_alive, ..asked }, response).await
    }

    /// Tells whoever keeps a log (`ANSWERED-1`).
    pub(super) fn log(&self, request: Option<&Request>, status: Status, took: Duration) {
        if let Some(log) = &self.server.log {
            log(&Answered { peer: self.peer, request, status, took });
        }
    }

    /// Reads the body of a request (`ANSWERING-1`).
    async fn collect(&mut self, request: &mut Request) -> io::Result<Then> {
        let mut body = match Body::new(request.head.framing, self.server.config.max_body_bytes) {
            Ok(body) => body,
            Err(error) => return Ok(self.refuse(Some(request), error.status())),
        };
        if let Framing::Length(length) = request.head.framing {
            // What is announced need not come: more memory than this is had by sending, not by saying.
            let first = usize::try_from(length.min(FIRST_BODY_BYTES)).unwrap_or_default();
            request.body.reserve(first);
        }
        let mut is_asked_for = !request.head.expects_continue;
        loop {
            match self.take_body(&mut body, &mut request.body) {
                Ok(true) => return Ok(Then::GoOn),
                Ok(false) => {}
                Err(error) => return Ok(self.refuse(Some(request), error.status())),
            }
            if !is_asked_for {
                self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                is_asked_for = true;
            }
            // Earlier replies must not wait for this client's next byte.
            self.flush().await?;
            match self.receive_body().await? {
                Received::Bytes(_) => {}
                Received::Silence => return Ok(self.refuse(Some(request), Status::REQUEST_TIMEOUT)),
                Received::End | Received::Stop => {
                    return Ok(self.refuse(Some(request), Status::BAD_REQUEST));
                }
            }
        }
    }

    /// Takes what has come of a body; tells whether that was the end of it.
    fn take_body(&mut self, body: &mut Body, into: &mut Vec<u8>) -> Result<bool, BodyError> {
        let mut input = self.input.unused();
        let before = input.len();
        let is_complete = loop {
            match body.next(&mut input)? {
                Piece::Data(data) => into.extend_from_slice(data),
                Piece::More => break false,
                Piece::End => break true,
            }
        };
        let taken = before - input.len();
        self.input.consume(taken);
        Ok(is_complete)
    }

    /// Awaits what a handler does, and watches the client meanwhile (`ANSWERING-4`).
    ///
    /// The future is the handler's own, and polled within this task: a task of its own would cost a spawn for each
    /// request, and would have to be cancelled by hand, where here the drop of `future` is enough.
    pub(super) async fn watch<T>(
        &mut self,
        mut future: Pin<Box<dyn Future<Output = T> + '_>>,
    ) -> io::Result<Watched<T>> {
        let mut has_waited = false;
        let watched = poll_fn(|cx| {
            // First the handler: what is ready beats an end that comes in the same turn.
            let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
            match polled {
                Ok(Poll::Ready(value)) => return Poll::Ready(Ok(Watched::Done(value))),
                Err(_) => return Poll::Ready(Ok(Watched::Panicked)),
                Ok(Poll::Pending) => {}
            }
            if !has_waited {
                has_waited = true;
                // ANSWERING-5
                self.flush_now()?;
                self.input.settle(&self.server.pools);
            }
            self.poll_gone(cx).map(|()| Ok(Watched::Gone))
        })
        .await;
        if has_waited {
            self.server.pools.refresh_date();
        }
        watched
    }

    /// Ready when the client is gone. What it sends is kept.
    ///
    /// There is no way to see the end of a stream but to read up to it, so what comes before must be put somewhere;
    /// with a limit, or a handler that waits would be a way to fill the server's memory (`ANSWERING-4`).
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.input.unused().len() < READ_BYTES {
            match self.stream.poll_readable(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => break,
            }
            match self.read_once() {
                // The stream stays readable for ever, and so nobody need be woken by it again.
                Ok((0, _)) if self.server.config.half_close => break,
                Ok((0, _)) => return Poll::Ready(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Poll::Ready(()),
            }
        }
        self.input.settle(&self.server.pools);
        Poll::Pending
    }
}
