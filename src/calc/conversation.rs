//! What a connection waits for next, and until when: a conversation without a socket and without a clock.
//!
//! A [`Session`] turns bytes into replies. A server must decide more: which silence is a pause and which is an idle
//! client, what to do with a client that does not read, and what a stop means for a message that is half received.
//! These rules do not depend on how a server waits, so all seven models share this file. A *driver* asks
//! [`Conversation::next`], does what it says on a socket, and reports what came of it:
//!
//! | next | the driver | and then calls |
//! | --- | --- | --- |
//! | [`Next::Read`] | waits for bytes, reads once | [`received`](Conversation::received), [`flush`](Conversation::flush) |
//! | [`Next::Write`] | waits for room | `flush` |
//! | [`Next::Turn`] | lets other connections run | [`resume`](Conversation::resume), `flush` |
//! | [`Next::Close`] | closes the connection | |
//! | [`Next::Linger`] | hands it over to a lingering close | |
//! | at a deadline | has waited in vain | [`timed_out`](Conversation::timed_out), `flush` |
//!
//! There are three drivers: `blocking`, `readiness`, `asynchronous`.
//!
//! **Invariants**
//! - `CONVERSATION-1` Memory is bounded. Nothing is read while a reply is unsent or a byte is unanswered, so a
//!   client owns at most one unfinished message, [`READ_BYTES`] unanswered, and the replies of one portion. An idle
//!   conversation owns no heap memory.
//! - `CONVERSATION-2` At a stop, what has arrived is answered; where nothing is left to read, that counts as the end
//!   of the stream. A message that is open then is given its pause, at most [`LINGER`], because the rest of it may
//!   be under way, and half a number would make a wrong sum. All of that ends with the grace.
//! - `CONVERSATION-3` A connection that the server ends is closed after lingering: a socket that is closed with
//!   bytes unread resets the connection, and a reset destroys replies that the client has not read yet.
//!
//! **Source**: RFC 1122, 4.2.2.13 (reset on early close); the sans-IO style of Python's `h11`.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::config::Config;
use super::session::{OUT_HIGH_WATER, Session, SessionState};

/// Size of a driver's read buffer, in bytes: room for a thousand short messages, whose answers take less than a
/// millisecond.
pub const READ_BYTES: usize = 16 * 1024;

/// How long a client may be silent before the server closes a connection that it has ended; and how long the rest
/// of an open message is waited for at a stop. Some round trips.
pub const LINGER: Duration = Duration::from_millis(500);

/// What a reply buffer may keep between two calls, in bytes.
const OUT_KEPT_BYTES: usize = 2 * OUT_HIGH_WATER;

/// What a conversation waits for. A wait ends at its deadline, if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Bytes from the client, or its end.
    Read(Option<Instant>),
    /// Room for replies that the socket has not taken yet.
    Write(Option<Instant>),
    /// Nothing: it has work left, but other connections come first.
    Turn,
    /// Its end. The client has closed too, or has been given up.
    Close,
    /// Its end, but the client has not closed (`CONVERSATION-3`).
    Linger,
}

/// One client's conversation.
#[derive(Debug)]
pub struct Conversation {
    /// The messages and their answers.
    session: Session,
    /// What could not be done at once. Boxed and rare, so that an idle connection stays small.
    backlog: Option<Box<Backlog>>,
    /// Whether the client has closed its sending side.
    ended: bool,
    /// Whether the client did not take its replies in time.
    given_up: bool,
}

/// What is left over from a portion of work; one of the two is not empty.
#[derive(Debug, Default)]
struct Backlog {
    /// Read, but not yet taken by the session, because replies had to go out first.
    unread: VecDeque<u8>,
    /// Answered, but not yet taken by the socket.
    unsent: VecDeque<u8>,
}

impl Conversation {
    /// Starts the conversation with a client that has just connected.
    pub fn new(config: &Config) -> Self {
        let session = Session::new(config.op, config.max_message_bytes);
        Self { session, backlog: None, ended: false, given_up: false }
    }

    /// Returns what the conversation waits for.
    ///
    /// `grace_end` is set once the server was told to stop. The clock is read only where there is a deadline, which
    /// most waits do not have. The deadline of a wait counts from this call.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use handloom::calc::{Config, Conversation, Next};
    ///
    /// let (config, now) = (Config::default(), Instant::now());
    /// let (mut conversation, mut out) = (Conversation::new(&config), Vec::new());
    /// conversation.received(b"5 7", &mut out);
    /// let pause_end = now + config.pause;
    /// assert_eq!(conversation.next(&config, None, || now), Next::Read(Some(pause_end)));
    /// conversation.timed_out(&config, false, &mut out);
    /// assert_eq!(out, b"12\n");
    /// ```
    #[inline]
    pub fn next(
        &self,
        config: &Config,
        grace_end: Option<Instant>,
        now: impl FnOnce() -> Instant,
    ) -> Next {
        let at_rest = self.session.state() == SessionState::Idle && self.backlog.is_none();
        if at_rest && grace_end.is_none() && config.idle_timeout.is_none() {
            return Next::Read(None);
        }
        self.next_with_deadline(config, grace_end, now())
    }

    /// Returns what the conversation waits for, where a deadline or leftovers matter.
    fn next_with_deadline(
        &self,
        config: &Config,
        grace_end: Option<Instant>,
        now: Instant,
    ) -> Next {
        if self.given_up || grace_end.is_some_and(|end| end <= now) {
            return Next::Close;
        }
        // A span too long for the clock is no deadline.
        let at = |span: Option<Duration>| {
            span.and_then(|span| now.checked_add(span)).into_iter().chain(grace_end).min()
        };
        if self.is_sending() {
            return Next::Write(at(config.idle_timeout));
        }
        match self.session.state() {
            SessionState::Closed if self.ended => Next::Close,
            SessionState::Closed => Next::Linger,
            _ if self.backlog.is_some() => Next::Turn,
            // CONVERSATION-2: only what is there already, and the rest of an open message.
            SessionState::Idle if grace_end.is_some() => Next::Read(Some(now)),
            SessionState::Open if grace_end.is_some() => {
                Next::Read(at(Some(config.pause.min(LINGER))))
            }
            SessionState::Idle => Next::Read(at(config.idle_timeout)),
            // The shorter of the two: a long pause keeps no idle client.
            SessionState::Open => {
                Next::Read(at(config.idle_timeout.into_iter().chain([config.pause]).min()))
            }
        }
    }

    /// Takes what one read gave; no bytes are the end of the client's stream. Fills `out` with the replies.
    pub fn received(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.clear();
        if input.is_empty() {
            self.ended = true;
            self.session.end(out);
            return;
        }
        let taken = self.session.feed(input, out);
        if taken < input.len() {
            self.backlog.get_or_insert_default().unread.extend(&input[taken..]);
        }
    }

    /// Answers more of what was read earlier, after [`Next::Turn`]. Fills `out` with the replies.
    pub fn resume(&mut self, out: &mut Vec<u8>) {
        out.clear();
        if let Some(backlog) = &mut self.backlog {
            let taken = self.session.feed(backlog.unread.as_slices().0, out);
            backlog.unread.drain(..taken);
            self.drop_empty_backlog();
        }
    }

    /// Takes note that a wait ended at its deadline; `stopping` tells whether the server was told to stop. Fills `out`
    /// with the replies.
    ///
    /// A pause completes the open message. An idle timeout, and the lack of bytes at a stop, count as the client's
    /// end. A client that does not read is given up.
    pub fn timed_out(&mut self, config: &Config, stopping: bool, out: &mut Vec<u8>) {
        out.clear();
        let is_pause = !stopping && config.idle_timeout.is_none_or(|idle| idle > config.pause);
        if self.is_sending() {
            self.given_up = true;
        } else if is_pause && self.session.state() == SessionState::Open {
            self.session.pause(out);
        } else {
            self.session.end(out);
        }
    }

    /// Sends what is left over from before, or else the replies in `out`. What `write` does not take is kept.
    ///
    /// `write` is write(2) on the socket. Its `WouldBlock` means that it has taken nothing.
    ///
    /// # Errors
    /// The connection is broken.
    #[inline]
    pub fn flush(
        &mut self,
        out: &mut Vec<u8>,
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        if self.is_sending() {
            return self.send_backlog(&mut write);
        }
        if out.is_empty() {
            return Ok(());
        }
        let outcome = attempt(out, &mut write);
        let unsent = outcome.as_ref().map_or(&[][..], |&sent| &out[sent..]);
        if !unsent.is_empty() {
            self.backlog.get_or_insert_default().unsent.extend(unsent);
        }
        // Also after an error: drivers share the buffer, and the next client must not get these replies.
        out.clear();
        if out.capacity() > OUT_KEPT_BYTES {
            out.shrink_to(OUT_KEPT_BYTES);
        }
        outcome.map(drop)
    }

    /// Sends what is left over, as far as there is room.
    fn send_backlog(
        &mut self,
        write: &mut impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let Some(backlog) = &mut self.backlog else {
            return Ok(());
        };
        while !backlog.unsent.is_empty() {
            let front = backlog.unsent.as_slices().0;
            let length = front.len();
            let sent = attempt(front, write)?;
            backlog.unsent.drain(..sent);
            if sent < length {
                break;
            }
        }
        self.drop_empty_backlog();
        Ok(())
    }

    /// Returns whether replies wait for room in the socket.
    fn is_sending(&self) -> bool {
        self.backlog.as_ref().is_some_and(|backlog| !backlog.unsent.is_empty())
    }

    /// Gives the memory of a backlog back (`CONVERSATION-1`).
    fn drop_empty_backlog(&mut self) {
        self.backlog.take_if(|backlog| backlog.unread.is_empty() && backlog.unsent.is_empty());
    }
}

/// Calls `write` once, and again if a signal interrupted it; returns how many bytes it has taken.
fn attempt(bytes: &[u8], write: &mut impl FnMut(&[u8]) -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            written => return written,
        }
    }
}
