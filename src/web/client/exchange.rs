//! One request through its redirects to its final response, without sockets and without a clock.
//!
//! Both clients share this. Each does what [`Exchange::want`] says, with a connection to the host of
//! [`Exchange::url`]:
//!
//! ```text
//! begin ─► want ─┬─ Send ────► wrote ──────┐
//!   ▲       ▲    ├─ Receive ─► read_with ──┤
//!   │       └────┼─────────────────────────┘
//!   │            └─ Nothing ─► take_redirect ── false ─► finish
//!   └────────────────────────────── true
//! ```
//!
//! **Invariants**
//! - `EXCHANGE-1` A connection is clean, and may be used for another request, only when the response is complete, the
//!   whole request was sent, nothing came behind the response, and neither side asked for the end.
//! - `EXCHANGE-3` A request that could not be sent to its end may still be answered: servers refuse a large one so.
//!   The failure to send counts only when no answer comes.
//! - `EXCHANGE-4` The body of a redirect is not waited for. If it came with its head, the connection is clean, and
//!   else it is not. A server cannot hold a client with a page that the client does not want.
//! - `EXCHANGE-5` Fields with the caller's credentials go to the host that the caller named and to no other.
//!
//! **Source**: the Fetch standard, "HTTP-redirect fetch", on fields that are not sent elsewhere.

use std::io::{self, ErrorKind};

use super::fault::{Fault, Phase};
use super::request::{Options, Request, Response, Sink};
use crate::http::{
    Body, Fields, Framing, Method, Piece, Redirects, ResponseHead, ResponseParser, Status, Url,
    encode_request,
};

/// Fields with credentials (`EXCHANGE-5`).
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Fields that every request has, unless the caller sets them.
const DEFAULT_FIELDS: [(&str, &str); 3] = [
    ("User-Agent", concat!("handloom/", env!("CARGO_PKG_VERSION"))),
    ("Accept", "*/*"),
    // Without it, a server may choose any compression.
    ("Accept-Encoding", "identity"),
];

/// A request on its way.
pub(super) struct Exchange<'a> {
    /// The caller's request.
    request: &'a Request,
    /// The limits.
    options: &'a Options,
    /// The destination of the final body.
    sink: &'a mut dyn Sink,
    /// The redirects so far; the last one is the present method and address.
    redirects: Redirects,
    /// Whether the caller's body is sent; a redirect may end that.
    sends_body: bool,
    /// Whether the present response is a redirect.
    is_redirect: bool,
    /// What happens on the present connection.
    transfer: Transfer,
    /// The head of the present response.
    head: Option<ResponseHead>,
    /// Bytes of the final body so far.
    body_bytes: u64,
}

/// One request and its response on one connection.
struct Transfer {
    /// The request's bytes.
    out: Vec<u8>,
    /// How many of them have been sent.
    sent: usize,
    /// Why the rest could not be sent (`EXCHANGE-3`).
    send_error: Option<io::Error>,
    /// The beginning of a head that is not complete; else empty.
    kept: Vec<u8>,
    /// Where the response is.
    stage: Stage,
    /// Whether the connection has served another request before.
    is_reused: bool,
    /// Whether any byte of the response has come.
    has_answer: bool,
    /// Whether both sides leave the connection open, and nothing came behind the response.
    keep_alive: bool,
}

/// Where a response is, from the first stage to the last.
enum Stage {
    /// In its head: an end of the connection is too soon.
    Head(ResponseParser),
    /// In its body, with the limit in bytes: the framing says whether an end of the connection is right.
    Body(Body, u64),
    /// At its end: bytes do not belong here, and the connection is not clean then.
    Done,
}

/// What the client does next with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Write.
    Send,
    /// Read.
    Receive,
    /// Nothing: this connection has served its purpose.
    Nothing,
}

impl<'a> Exchange<'a> {
    /// Makes an exchange; [`begin`](Self::begin) comes next, when there is a connection.
    pub(super) fn new(request: &'a Request, options: &'a Options, sink: &'a mut dyn Sink) -> Self {
        Self {
            request,
            options,
            sink,
            redirects: Redirects::new(request.method, request.url.clone(), options.redirects),
            sends_body: !request.body.is_empty(),
            is_redirect: false,
            transfer: Transfer::new(Vec::new(), Stage::Done, false, false),
            head: None,
            body_bytes: 0,
        }
    }

    /// Returns the address to connect to.
    pub(super) fn url(&self) -> &Url {
        &self.redirects.last().1
    }

    /// Tells whether the present method changes nothing, so that the request may be sent twice.
    pub(super) fn is_safe(&self) -> bool {
        matches!(self.redirects.last().0, Method::Get | Method::Head | Method::Options)
    }

    /// Begins on a connection, which may have served other requests; `keep_alive` leaves it open for later ones.
    pub(super) fn begin(&mut self, is_reused: bool, keep_alive: bool) {
        let (method, url) = self.redirects.last();
        let framing = match self.request.body.len() as u64 {
            length if self.sends_body => Framing::Length(length),
            _ if matches!(method, Method::Post | Method::Put | Method::Patch) => Framing::Length(0),
            _ => Framing::None,
        };
        let mut out = Vec::new();
        encode_request(&mut out, *method, url, &self.fields(), framing, keep_alive);
        if self.sends_body {
            out.extend_from_slice(&self.request.body);
        }
        let parser = ResponseParser::new(*method, self.options.head);
        self.transfer = Transfer::new(out, Stage::Head(parser), is_reused, keep_alive);
    }

    /// Returns the fields of a request: the caller's, then the default ones that the caller did not set.
    fn fields(&self) -> Fields {
        let mut fields = self.request.fields.clone();
        if !self.url().is_same_origin(&self.request.url) {
            // EXCHANGE-5
            for name in CREDENTIALS {
                fields.remove(name);
            }
        }
        for (name, value) in DEFAULT_FIELDS {
            if fields.get(name).is_none() {
                fields
                    .push(name, value)
                    .expect("holds because these are names and values of fields");
            }
        }
        fields
    }

    /// Tells what the client does next.
    pub(super) fn want(&self) -> Want {
        // EXCHANGE-4
        if self.is_redirect || matches!(self.transfer.stage, Stage::Done) {
            Want::Nothing
        } else if self.to_send().is_empty() {
            Want::Receive
        } else {
            Want::Send
        }
    }

    /// Tells what the client waits for.
    pub(super) fn phase(&self) -> Phase {
        match self.transfer.stage {
            _ if !self.to_send().is_empty() => Phase::Send,
            Stage::Head(_) => Phase::Head,
            Stage::Body(..) | Stage::Done => Phase::Body,
        }
    }

    /// Returns the bytes to write.
    pub(super) fn to_send(&self) -> &[u8] {
        &self.transfer.out[self.transfer.sent..]
    }

    /// Records the result of a write; returns false when it would block or was interrupted.
    pub(super) fn wrote(&mut self, written: io::Result<usize>) -> bool {
        let transfer = &mut self.transfer;
        match written {
            Ok(bytes @ 1..) => transfer.sent += bytes,
            Err(error) if is_passing(&error) => return false,
            failed => {
                // EXCHANGE-3
                let error = failed.err().unwrap_or_else(|| ErrorKind::WriteZero.into());
                transfer.send_error = Some(error);
                transfer.keep_alive = false;
                transfer.sent = transfer.out.len();
            }
        }
        if transfer.sent == transfer.out.len() {
            // A response may take a minute; the request need not be kept for so long.
            (transfer.out, transfer.sent) = (Vec::new(), 0);
        }
        true
    }

    /// Reads once with `read` into `buffer`, and processes the bytes; returns false when the read would block or was
    /// interrupted.
    pub(super) fn read_with(
        &mut self,
        buffer: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> Result<bool, Fault> {
        match read(buffer) {
            // The end of the stream, because no buffer here is empty.
            Ok(0) => self.transfer.end()?,
            Ok(bytes) => self.process(&buffer[..bytes])?,
            Err(error) if is_passing(&error) => return Ok(false),
            Err(error) => return Err(self.transfer.broken(Some(error))),
        }
        Ok(true)
    }

    /// Processes bytes of the response.
    fn process(&mut self, mut input: &[u8]) -> Result<(), Fault> {
        let transfer = &mut self.transfer;
        transfer.has_answer |= !input.is_empty();
        loop {
            match &mut transfer.stage {
                Stage::Head(parser) => {
                    let Some(head) = read_head(parser, &mut transfer.kept, &mut input)? else {
                        return Ok(());
                    };
                    // The server ends an idle connection; it has not seen this request (RFC 9110, section 15.5.9).
                    if transfer.is_reused && head.status == Status::REQUEST_TIMEOUT {
                        transfer.has_answer = false;
                        return Err(Fault::UnexpectedEof(Phase::Head));
                    }
                    transfer.keep_alive &= head.keep_alive;
                    let mut limit = self.options.body_bytes.unwrap_or(u64::MAX);
                    if let Some(next) = self.redirects.follow(head.status, &head.fields)? {
                        self.is_redirect = true;
                        // Once dropped, the body stays dropped: after a 303, a 307 has nothing to send again.
                        self.sends_body &= next.keeps_body;
                        // A body that is not kept may have any size.
                        limit = u64::MAX;
                    }
                    let body = Body::new(head.framing, limit);
                    let body = body.map_err(|error| Fault::of_body(error, limit))?;
                    if !self.is_redirect {
                        if self.options.fails && head.status.is_failure() {
                            return Err(Fault::Status(head.status));
                        }
                        self.sink.begin(&head).map_err(|error| Fault::Io(Phase::Store, error))?;
                    }
                    transfer.stage = Stage::Body(body, limit);
                    self.head = Some(head);
                }
                Stage::Body(body, limit) => match body.next(&mut input) {
                    // EXCHANGE-4: the body of a redirect may even be malformed.
                    Err(_) if self.is_redirect => return Ok(()),
                    Err(error) => return Err(Fault::of_body(error, *limit)),
                    Ok(Piece::Data(_)) if self.is_redirect => {}
                    Ok(Piece::Data(data)) => {
                        self.sink.take(data).map_err(|error| Fault::Io(Phase::Store, error))?;
                        self.body_bytes += data.len() as u64;
                    }
                    Ok(Piece::More) => return Ok(()),
                    Ok(Piece::End) => transfer.stage = Stage::Done,
                },
                Stage::Done => {
                    // EXCHANGE-1
                    transfer.keep_alive &= input.is_empty();
                    return Ok(());
                }
            }
        }
    }

    /// Tells whether the connection broke or ended before a byte of a response came over it.
    pub(super) fn broke_unanswered(&self, fault: &Fault) -> bool {
        let broke =
            matches!(fault, Fault::UnexpectedEof(_) | Fault::Io(Phase::Send | Phase::Head, _));
        broke && !self.transfer.has_answer
    }

    /// Tells whether the connection may be used for another request (`EXCHANGE-1`).
    pub(super) fn is_clean(&self) -> bool {
        matches!(self.transfer.stage, Stage::Done)
            && self.transfer.keep_alive
            && self.to_send().is_empty()
    }

    /// Continues with the redirect; false if the response was the final one.
    pub(super) fn take_redirect(&mut self) -> bool {
        std::mem::take(&mut self.is_redirect)
    }

    /// Returns the final response.
    pub(super) fn finish(mut self) -> Response {
        let head = self.head.take().expect("holds because the response is complete");
        Response { url: self.url().clone(), head, body_bytes: self.body_bytes }
    }
}

impl Transfer {
    /// Begins a transfer.
    fn new(out: Vec<u8>, stage: Stage, is_reused: bool, keep_alive: bool) -> Self {
        let (kept, send_error, has_answer) = (Vec::new(), None, false);
        Self { out, sent: 0, send_error, kept, stage, is_reused, has_answer, keep_alive }
    }

    /// Records the end of the connection; an error if it is too soon.
    fn end(&mut self) -> Result<(), Fault> {
        self.keep_alive = false;
        match &mut self.stage {
            Stage::Head(_) => return Err(self.broken(None)),
            Stage::Body(body, limit) => {
                body.end().map_err(|error| Fault::of_body(error, *limit))?;
                self.stage = Stage::Done;
            }
            Stage::Done => {}
        }
        Ok(())
    }

    /// Returns the fault of a connection that ended, or failed with an error, before the response was complete.
    fn broken(&mut self, error: Option<io::Error>) -> Fault {
        if !self.has_answer
            && let Some(error) = self.send_error.take()
        {
            return Fault::Io(Phase::Send, error);
        }
        let phase = if matches!(self.stage, Stage::Head(_)) { Phase::Head } else { Phase::Body };
        match error {
            Some(error) => Fault::Io(phase, error),
            None => Fault::UnexpectedEof(phase),
        }
    }
}

/// Tells whether the same call may be made again after this error.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Looks for the end of the head in the kept bytes and `input`; removes the head from `input`.
///
/// A head that comes in one piece, as nearly all do, is parsed where it was read.
fn read_head(
    parser: &mut ResponseParser,
    kept: &mut Vec<u8>,
    input: &mut &[u8],
) -> Result<Option<ResponseHead>, Fault> {
    // The parser wants all bytes since the request was sent.
    let before = kept.len();
    if before > 0 {
        kept.extend_from_slice(input);
    }
    let parsed = parser.parse(if before > 0 { kept } else { input });
    let Some((head, length)) = parsed.map_err(Fault::Head)? else {
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
