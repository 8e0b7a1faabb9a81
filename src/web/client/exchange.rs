//! One request and its response on one connection, without the connection.
//!
//! A request goes out, a head comes in, then a body. Whoever has the socket, blocking or not, sends what is to be
//! sent, hands over what was read, and is told what it was. Nothing is kept of a response but the beginning of a
//! head that is not complete.
//!
//! | stage | bytes | end of the connection |
//! | --- | --- | --- |
//! | `Head` | kept until the head is complete, then `Judged` | too soon |
//! | `Judged` | none are taken before `begin_body` | |
//! | `Body` | lent out as data until the body is complete, then `Done` | right or wrong, as its framing says |
//! | `Done` | none belong here: the connection is not clean | |
//!
//! **Invariants**
//! - `EXCHANGE-1` The connection is clean, and may serve another request, only when the response is complete, all
//!   of the request was sent, nothing came behind the response, and neither side asked for the end.
//! - `EXCHANGE-2` Memory is that of the request and of an incomplete head; a complete one is parsed where it was
//!   read when it came in one piece, as nearly all do.
//! - `EXCHANGE-3` A request that could not be sent to its end may still be answered: servers refuse a large one so.
//!   The failure to send counts only if nothing comes.
//!
//! **Left out**: reading while the request is sent. Two sides that both write and do not read wait for each other
//! until the limit on silence; requests with bodies that large are not made here.

use std::io;

use super::fault::{Fault, Phase};
use crate::http::{Body, Framing, HeadLimits, Method, Piece, ResponseHead, ResponseParser};

/// Below this, what is left of a body is not worth a read of its own: the next head may come with it. Taste.
const DIRECT_BYTES: u64 = 16 * 1024;

/// A request and its response, as far as they have come.
#[derive(Debug)]
pub(super) struct Exchange {
    /// The request.
    out: Vec<u8>,
    /// How much of it has been sent.
    sent: usize,
    /// Why the rest could not be sent (`EXCHANGE-3`).
    unsent: Option<io::Error>,
    /// The beginning of a head that is not complete; else empty.
    kept: Vec<u8>,
    /// Where the response is.
    stage: Stage,
    /// Whether any byte of the response has come.
    has_answer: bool,
    /// Whether both sides let the connection go on, and nothing came that does not belong here.
    goes_on: bool,
}

/// Where a response is; the module's table tells what follows.
#[derive(Debug)]
enum Stage {
    /// In the head.
    Head(ResponseParser),
    /// After it.
    Judged,
    /// In the body, of which at most so many bytes are wanted.
    Body(Body, u64),
    /// At its end.
    Done,
}

/// What the next bytes were.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// All have been taken; more must come.
    More,
    /// The end of the head: `begin_body` is due.
    Head(ResponseHead),
    /// Data of the body.
    Data(&'a [u8]),
    /// The end of the response.
    Done,
}

impl Exchange {
    /// Begins with a request to be sent; `goes_on` tells whether it leaves the connection open.
    pub(super) fn new(out: Vec<u8>, asked: Method, limits: HeadLimits, goes_on: bool) -> Self {
        let stage = Stage::Head(ResponseParser::new(asked, limits));
        let (unsent, kept) = (None, Vec::new());
        Self { out, sent: 0, unsent, kept, stage, has_answer: false, goes_on }
    }

    /// Returns what is still to be sent.
    pub(super) fn to_send(&self) -> &[u8] {
        &self.out[self.sent..]
    }

    /// Takes note of what was sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
        if self.sent == self.out.len() {
            // A response may take a minute; its request need not be kept for so long.
            (self.out, self.sent) = (Vec::new(), 0);
        }
    }

    /// Takes note that the rest cannot be sent (`EXCHANGE-3`).
    pub(super) fn unsent(&mut self, error: io::Error) {
        self.unsent = Some(error);
        self.goes_on = false;
        (self.out, self.sent) = (Vec::new(), 0);
    }

    /// Takes what comes next off the front of `input`.
    ///
    /// # Errors
    /// What came breaks a rule or a limit; the exchange is of no use any more.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Event<'a>, Fault> {
        self.has_answer |= !input.is_empty();
        match &mut self.stage {
            Stage::Head(parser) => {
                let found = read_head(parser, &mut self.kept, input)?;
                Ok(found.map_or(Event::More, |head| {
                    self.stage = Stage::Judged;
                    self.goes_on &= head.keep_alive;
                    Event::Head(head)
                }))
            }
            Stage::Judged => Ok(Event::More),
            Stage::Body(body, limit) => {
                match body.next(input).map_err(|error| Fault::of_body(error, *limit))? {
                    Piece::Data(data) => Ok(Event::Data(data)),
                    Piece::More => Ok(Event::More),
                    Piece::End => {
                        self.stage = Stage::Done;
                        // EXCHANGE-1
                        self.goes_on &= input.is_empty();
                        Ok(Event::Done)
                    }
                }
            }
            Stage::Done => {
                self.goes_on &= input.is_empty();
                Ok(Event::Done)
            }
        }
    }

    /// Begins the body, after the head was looked at.
    ///
    /// # Errors
    /// [`Fault::BodyTooLarge`]: its declared length is beyond the limit.
    pub(super) fn begin_body(&mut self, framing: Framing, limit: u64) -> Result<(), Fault> {
        let body = Body::new(framing, limit).map_err(|error| Fault::of_body(error, limit))?;
        self.stage = Stage::Body(body, limit);
        Ok(())
    }

    /// Returns how many bytes may be read straight to where the body is wanted; 0 if it is not worth it.
    pub(super) fn direct(&self) -> usize {
        match &self.stage {
            Stage::Body(body, _) if body.certain() >= DIRECT_BYTES => {
                usize::try_from(body.certain()).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }

    /// Takes note that so many were read there; no more than `direct` said.
    pub(super) fn skip(&mut self, bytes: usize) {
        if let Stage::Body(body, _) = &mut self.stage {
            body.skip(bytes as u64);
            if body.is_complete() {
                self.stage = Stage::Done;
            }
        }
    }

    /// Takes note that the connection has ended.
    ///
    /// # Errors
    /// It ended too soon.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.goes_on = false;
        match &mut self.stage {
            Stage::Head(_) => Err(self.too_soon(None)),
            Stage::Body(body, limit) => {
                body.end().map_err(|error| Fault::of_body(error, *limit))?;
                self.stage = Stage::Done;
                Ok(())
            }
            Stage::Judged | Stage::Done => Ok(()),
        }
    }

    /// Returns the fault of a connection that ended, or broke with an error, before the response was complete.
    pub(super) fn too_soon(&mut self, error: Option<io::Error>) -> Fault {
        if !self.has_answer
            && let Some(unsent) = self.unsent.take()
        {
            return Fault::Io(Phase::Send, unsent);
        }
        match error {
            Some(error) => Fault::Io(self.phase(), error),
            None => Fault::UnexpectedEof(self.phase()),
        }
    }

    /// Tells what is being waited for.
    pub(super) fn phase(&self) -> Phase {
        match self.stage {
            _ if !self.to_send().is_empty() => Phase::Send,
            Stage::Head(_) => Phase::Head,
            Stage::Judged | Stage::Body(..) | Stage::Done => Phase::Body,
        }
    }

    /// Tells whether the response is complete.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Tells whether any byte of the response has come.
    pub(super) fn has_answer(&self) -> bool {
        self.has_answer
    }

    /// Tells whether the connection may serve another request (`EXCHANGE-1`).
    pub(super) fn is_clean(&self) -> bool {
        self.is_done() && self.goes_on && self.to_send().is_empty()
    }
}

/// Looks for the end of the head in what was kept and what came; takes the head off `input` (`EXCHANGE-2`).
fn read_head(
    parser: &mut ResponseParser,
    kept: &mut Vec<u8>,
    input: &mut &[u8],
) -> Result<Option<ResponseHead>, Fault> {
    // The parser wants all that has come since the request was sent.
    let before = kept.len();
    if before > 0 {
        kept.extend_from_slice(input);
    }
    let Some((head, length)) = parser.parse(if before > 0 { kept } else { input })? else {
        if before == 0 {
            kept.extend_from_slice(input);
        }
        *input = &[];
        return Ok(None);
    };
    *input = &input[length - before..];
    *kept = Vec::new();
    Ok(Some(head))
}
