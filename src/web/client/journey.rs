//! One request through its redirects to its final response, without sockets and without a clock.
//!
//! This is all that the two clients share, and nearly all that they are. Each of them does in its own way what
//! [`Journey::want`] says, with a connection to the host of [`Journey::url`]:
//!
//! ```text
//! begin ─► want ─┬─ Send ────► write, wrote ──┐
//!   ▲       ▲    ├─ Receive ─► read_with ─────┤
//!   │       └────┼────────────────────────────┘
//!   │            └─ Nothing ─► hop ─── false ─► finish
//!   └─────────────────────────── true
//! ```
//!
//! **Invariants**
//! - `JOURNEY-1` A redirect's body is not waited for: if it came with its head, the connection is clean, and if not
//!   it is not. A server cannot hold a client with a page that nobody wants.
//! - `JOURNEY-2` Fields that say who the caller is go to the host that the caller named and to no other.
//!
//! - `JOURNEY-3` Bytes of the body are read straight into the sink's memory where the sink has some and much of the
//!   body is certain to come; else they go through the caller's scratch, in which nothing is left behind.
//!
//! **Left out**: answers to 401 and 407; `Referer`, which nobody here has a use for.
//!
//! **Source**: the Fetch standard, "HTTP-redirect fetch", for which fields do not travel.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use super::exchange::{Event, Exchange};
use super::fault::{Failure, Fault, Phase};
use super::options::Options;
use super::request::Request;
use super::response::Response;
use super::sink::Sink;
use crate::http::{Fields, Framing, Method, Redirects, ResponseHead, Url, encode_request};

/// Fields that say who the caller is (`JOURNEY-2`).
const CREDENTIALS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// The most that is read into a sink's own room at once. Taste: more does not save much.
const ROOM_BYTES: usize = 64 * 1024;

/// A request on its way.
pub(super) struct Journey<'a> {
    /// What the caller asks.
    request: &'a Request,
    /// The fields that every request gets.
    own_fields: &'a Fields,
    /// The limits.
    options: &'a Options,
    /// Where the final body goes.
    sink: &'a mut dyn Sink,
    /// What was asked where so far; the last is what is asked now, or next.
    redirects: Redirects,
    /// Whether the caller's body is sent again after a redirect.
    sends_body: bool,
    /// Set when the response at hand leads elsewhere.
    leads_on: bool,
    /// What goes over the present connection.
    exchange: Exchange,
    /// The head of the response at hand.
    head: Option<ResponseHead>,
    /// Bytes of the final body so far.
    body_bytes: u64,
}

/// What is to be done with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Write.
    Send,
    /// Read.
    Receive,
    /// Nothing: this exchange is over.
    Nothing,
}

/// Returns the fields that every request gets, unless the caller has his own.
pub(super) fn own_fields() -> Fields {
    let mut fields = Fields::new();
    for (name, value) in [
        ("User-Agent", concat!("handloom/", env!("CARGO_PKG_VERSION"))),
        ("Accept", "*/*"),
        // Without it, a server may choose any compression.
        ("Accept-Encoding", "identity"),
    ] {
        fields.push(name, value).expect("holds because these are names and values of fields");
    }
    fields
}

impl<'a> Journey<'a> {
    /// Sets out; [`begin`](Self::begin) is due once there is a connection.
    pub(super) fn new(
        request: &'a Request,
        own_fields: &'a Fields,
        options: &'a Options,
        sink: &'a mut dyn Sink,
    ) -> Self {
        let redirects = Redirects::new(request.method, request.url.clone(), options.redirects);
        let exchange = Exchange::new(Vec::new(), request.method, options.head, false);
        Self {
            request,
            own_fields,
            options,
            sink,
            redirects,
            sends_body: !request.body.is_empty(),
            leads_on: false,
            exchange,
            head: None,
            body_bytes: 0,
        }
    }

    /// Returns where to connect to.
    pub(super) fn url(&self) -> &Url {
        &self.redirects.last().1
    }

    /// Tells whether what is asked may be sent twice without harm, as it changes nothing.
    pub(super) fn is_safe(&self) -> bool {
        matches!(self.redirects.last().0, Method::Get | Method::Head | Method::Options)
    }

    /// Begins an exchange on a new connection; `keep_alive` if it shall serve others after it.
    pub(super) fn begin(&mut self, keep_alive: bool) {
        let (method, url) = self.redirects.last();
        let framing = match self.request.body.len() as u64 {
            length if self.sends_body => Framing::Length(length),
            _ if matches!(method, Method::Post | Method::Put | Method::Patch) => Framing::Length(0),
            _ => Framing::None,
        };
        let mut out = Vec::new();
        // Nearly all requests come without fields; the common ones are then not even copied.
        if self.request.fields.is_empty() {
            encode_request(&mut out, *method, url, self.own_fields, framing, keep_alive);
        } else {
            encode_request(&mut out, *method, url, &self.fields(), framing, keep_alive);
        }
        if self.sends_body {
            out.extend_from_slice(&self.request.body);
        }
        self.exchange = Exchange::new(out, *method, self.options.head, keep_alive);
    }

    /// Puts together the fields of a request: the caller's, then those of ours that he did not name.
    fn fields(&self) -> Fields {
        let mut all = Fields::new();
        let is_home = self.url().is_same_origin(&self.request.url);
        let callers = self.request.fields.iter().filter(|(name, _)| {
            // JOURNEY-2
            is_home || !CREDENTIALS.iter().any(|other| name.eq_ignore_ascii_case(other.as_bytes()))
        });
        let named = |name: &[u8]| {
            self.request.fields.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
        };
        let ours = self.own_fields.iter().filter(|(name, _)| !named(name));
        for (name, value) in callers.chain(ours) {
            let name = str::from_utf8(name).expect("holds because a field's name is ASCII");
            all.push(name, value).expect("holds because it is a field already");
        }
        all
    }

    /// Tells what to do.
    pub(super) fn want(&self) -> Want {
        // JOURNEY-1
        if self.leads_on || self.exchange.is_done() {
            Want::Nothing
        } else if self.exchange.to_send().is_empty() {
            Want::Receive
        } else {
            Want::Send
        }
    }

    /// Tells what is being waited for.
    pub(super) fn phase(&self) -> Phase {
        self.exchange.phase()
    }

    /// Returns what is to be written.
    pub(super) fn to_send(&self) -> &[u8] {
        self.exchange.to_send()
    }

    /// Takes note of the end of a write.
    pub(super) fn wrote(&mut self, written: io::Result<usize>) {
        match written {
            Ok(0) => self.exchange.unsent(ErrorKind::WriteZero.into()),
            Ok(bytes) => self.exchange.sent(bytes),
            Err(error) => self.exchange.unsent(error),
        }
    }

    /// Reads once with `read`, into the sink's own room or into `scratch`, and takes what came; false if nothing has
    /// come yet, for the connection does not block, or only for so long.
    ///
    /// # Errors
    /// The connection broke or ended too soon, the response is refused, or the sink takes no more.
    pub(super) fn read_with(
        &mut self,
        scratch: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> Result<bool, Fault> {
        // JOURNEY-3
        let most = self.exchange.direct().min(ROOM_BYTES);
        let room = if most == 0 { &mut [] } else { self.sink.room(most) };
        let lent_bytes = room.len();
        let is_direct = lent_bytes > 0;
        let got = read(if is_direct { room } else { &mut *scratch });
        if is_direct {
            // After a failure too: what was lent is given back (SINK-2).
            let bytes = got.as_ref().map_or(0, |&bytes| bytes);
            self.sink.filled(bytes, lent_bytes);
            self.exchange.skip(bytes);
            self.body_bytes += bytes as u64;
        }
        match got {
            // The end of the stream, since no buffer here is empty.
            Ok(0) => self.exchange.end()?,
            Ok(bytes) if !is_direct => self.absorb(&scratch[..bytes])?,
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return Ok(false);
            }
            Err(error) => return Err(self.exchange.too_soon(Some(error))),
        }
        Ok(true)
    }

    /// Takes what was read.
    fn absorb(&mut self, mut input: &[u8]) -> Result<(), Fault> {
        loop {
            match self.exchange.next(&mut input) {
                // JOURNEY-1: nobody cares for the rest, so it may be as wrong as it likes.
                Err(_) if self.leads_on => return Ok(()),
                Err(fault) => return Err(fault),
                Ok(Event::More | Event::Done) => return Ok(()),
                Ok(Event::Head(head)) => self.judge(head)?,
                Ok(Event::Data(_)) if self.leads_on => {}
                Ok(Event::Data(data)) => {
                    self.sink.take(data).map_err(|error| Fault::Io(Phase::Store, error))?;
                    self.body_bytes += data.len() as u64;
                }
            }
        }
    }

    /// Decides whether a response is the final one.
    fn judge(&mut self, head: ResponseHead) -> Result<(), Fault> {
        let next = self.redirects.follow(head.status, &head.fields)?;
        let limit = self.options.body_bytes.unwrap_or(u64::MAX);
        // What nobody keeps may be of any size.
        let limit = if next.is_some() { u64::MAX } else { limit };
        if let Some(next) = next {
            self.leads_on = true;
            // Once dropped, it stays dropped: after a 303 a 307 has nothing to send again.
            self.sends_body &= next.keeps_body;
        }
        self.exchange.begin_body(head.framing, limit)?;
        self.head = Some(head);
        Ok(())
    }

    /// Tells whether any byte of a response has come over the present connection.
    pub(super) fn has_answer(&self) -> bool {
        self.exchange.has_answer()
    }

    /// Tells whether the connection may serve another request (`EXCHANGE-1`).
    pub(super) fn is_clean(&self) -> bool {
        self.exchange.is_clean()
    }

    /// Goes on to where the response led; false if it was the final one.
    pub(super) fn hop(&mut self) -> bool {
        std::mem::take(&mut self.leads_on)
    }

    /// Returns the final response.
    pub(super) fn finish(mut self) -> Response {
        let head = self.head.take().expect("holds because the last exchange has come to its end");
        Response { url: self.url().clone(), head, body_bytes: self.body_bytes }
    }

    /// Adds to a fault where it happened.
    pub(super) fn failure(&self, fault: Fault, peer: Option<SocketAddr>) -> Failure {
        fault.at(self.url().as_str(), peer)
    }
}
