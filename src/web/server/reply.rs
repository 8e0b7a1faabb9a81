//! From a response to bytes on their way.
//!
//! **Invariants**
//! - `REPLY-1` A head is always complete in `out` before a byte of its body is sent, and nothing comes between.
//! - `REPLY-2` A small body is copied behind its head, so that both leave in one write; a large one is sent from where
//!   it lies.
//! - `REPLY-3` A body that cannot be brought to its right end ends the connection, without the mark of an end.
//!
//! **Source**: RFC 9112, sections 6 and 7.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use super::connection::{Connection, Then};
use super::exchange::Watched;
use super::pools::push_type;
use super::request::Request;
use super::response::{Content, Pieces, Response};
use crate::http::{Asked, Framing, LAST_CHUNK, Method, Reply, Sent, Status, Version, encode_chunk};

/// Bodies up to this size are copied, in bytes. Taste: a copy of this size costs about as much as a system call.
const SMALL_BYTES: usize = 16 * 1024;

impl<S: 'static> Connection<S> {
    /// Refuses what was no request, or one that is not taken (`CONN-4`).
    pub(super) fn refuse(&mut self, request: Option<&Request>, status: Status) -> Then {
        self.log(request, status, Duration::ZERO);
        let mut response = Response::error(status);
        // The body is a few words, so it need not be sent from where it lies.
        // Of what was no request nothing is known, and so it is answered as a `GET` would be.
        let method = request.map_or(Method::Get, Request::method);
        let asked = Asked { method, version: Version::Http11, keep_alive: false };
        let sent = self.encode(asked, &mut response);
        if let (Content::Whole(bytes), Framing::Length(_)) = (&response.body, sent.framing) {
            self.out.extend_from_slice(bytes);
        }
        Then::HangUp
    }

    /// Sends a response, or leaves it in `out` if it is small.
    pub(super) async fn reply(&mut self, asked: Asked, mut response: Response) -> io::Result<Then> {
        // What the client's version and method make of it is in `sent`: to `HEAD` no body, to HTTP/1.0 no chunks.
        let sent = self.encode(asked, &mut response);
        match response.body {
            _ if sent.framing == Framing::None => {}
            Content::Whole(bytes) if bytes.len() <= SMALL_BYTES => {
                self.out.extend_from_slice(&bytes);
            }
            // What is rare waits in a box, so as not to widen every connection's task.
            Content::Whole(bytes) => Box::pin(self.send_large(bytes)).await?,
            Content::Pieces { source, .. } => {
                let is_whole = Box::pin(self.send_pieces(source, sent.framing)).await?;
                if !is_whole {
                    return Ok(Then::Close);
                }
            }
        }
        Ok(if sent.keep_alive { Then::GoOn } else { Then::HangUp })
    }

    /// Appends the head of a response.
    ///
    /// Nothing is allocated for the commonest ones: the only field that they have was made before.
    fn encode(&mut self, asked: Asked, response: &mut Response) -> Sent {
        let pools = &self.server.pools;
        if self.out.capacity() == 0 {
            self.out = pools.lend_output();
        }
        let framing = response.framing();
        let lent;
        let fields = match response.content_type {
            None => &response.fields,
            Some(content_type) if response.fields.is_empty() => {
                lent = pools.fields_of(content_type);
                &*lent
            }
            Some(content_type) => {
                push_type(&mut response.fields, content_type);
                &response.fields
            }
        };
        let date = pools.date();
        // CONN-6: with more requests in hand it is not the last answer.
        let keep_alive = !(self.server.is_stopping() && self.input.is_blank());
        let status = response.status;
        let head = Reply { status, fields, framing, keep_alive, date: Some(&date) };
        head.encode(&mut self.out, asked)
    }

    /// Sends what is to be sent, and then a body from where it lies.
    async fn send_large(&mut self, bytes: Cow<'static, [u8]>) -> io::Result<()> {
        self.flush().await?;
        self.write(&bytes).await
    }

    /// Sends a body as it is made; tells whether it came to its right end (`REPLY-3`).
    async fn send_pieces(
        &mut self,
        mut source: Box<dyn Pieces>,
        framing: Framing,
    ) -> io::Result<bool> {
        let mut left = match framing {
            Framing::Length(length) => length,
            _ => u64::MAX,
        };
        while left > 0 {
            // Watched like a handler: a page that takes an hour is not made for nobody.
            let mut piece = match self.watch(source.next()).await? {
                Watched::Done(Some(piece)) => piece,
                Watched::Done(None) => break,
                Watched::Panicked | Watched::Gone => {
                    // What came before is sent; what is missing the client notices.
                    self.flush().await?;
                    return Ok(false);
                }
            };
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= piece.len() as u64;
            // An empty chunk would be the last one; `encode_chunk` leaves it out.
            if framing == Framing::Chunked {
                encode_chunk(&mut self.out, &piece);
            } else {
                self.out.extend_from_slice(&piece);
            }
            // Each piece by itself: whoever makes pieces wants them to be seen when they are made.
            self.flush().await?;
        }
        if framing == Framing::Chunked {
            self.out.extend_from_slice(LAST_CHUNK);
        }
        Ok(left == 0 || !matches!(framing, Framing::Length(_)))
    }
}
