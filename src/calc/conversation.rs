//! What a connection waits for next, and until when: a conversation without a socket and without a clock.
//!
//! Which silence is a pause and which is an idle client? What does a stop mean for a message that is half received?
//! The answers do not depend on how a server waits, so all seven models share this file. A *driver* (`blocking`,
//! `readiness` or `asynchronous`) asks [`Conversation::next`], does that on a socket, and reports what came of it:
//!
//! | next | the driver | and then calls |
//! | --- | --- | --- |
//! | [`Next::Read`] | waits for bytes, reads once | [`received`](Conversation::received), [`flush`](Conversation::flush) |
//! | [`Next::Write`] | waits for room | `flush` |
//! | the same, at the deadline | has waited in vain | [`timed_out`](Conversation::timed_out), `flush` |
//! | [`Next::Turn`] | lets other connections run | [`resume`](Conversation::resume), `flush` |
//! | [`Next::ShutDown`] | shuts the sending side down | [`linger`](Conversation::linger) |
//! | [`Next::Close`] | closes the connection | |
//!
//! **Invariants**
//! - `CONVERSATION-1` Memory is bounded. Nothing is read while a reply is unsent or a byte is unanswered, so a
//!   client owns at most one unfinished message, [`READ_BYTES`] unanswered, and the replies of one portion. An idle
//!   conversation owns no heap memory.
//! - `CONVERSATION-2` At a stop, what has arrived is answered; where nothing is left to read, that counts as the end
//!   of the stream. A message that is open then is given its pause, at most [`LINGER`], because the rest of it may
//!   be under way, and half a number would make a wrong sum. All of that ends with the grace.
//! - `CONVERSATION-3` A connection that the server ends is closed after *lingering*: what the client still sends is
//!   read and ignored until it closes too, is silent for [`LINGER`], or the grace has passed. A socket that is closed
//!   with bytes unread resets the connection, and that destroys replies that the client has not read yet.
//!
//! **Source**: RFC 1122, 4.2.2.13 (reset on early close).

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::config::Config;
use super::session::{OUT_HIGH_WATER, Session, SessionState};

/// Size of a driver's read buffer, in bytes: a thousand short messages, whose answers take less than a millisecond.
pub const READ_BYTES: usize = 16 * 1024;

/// How long a client may be silent while its connection lingers, and how long the rest of an open message is waited
/// for at a stop. Some round trips.
pub const LINGER: Duration = Duration::from_millis(500);

/// What a conversation waits for. A wait ends at its deadline, if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Bytes from the client, or its end.
    Read(Option<Instant>),
    /// Room for replies that the socket has not taken yet.
    Write(Option<Instant>),
    /// Nothing: it has work left, but other connections come first.
    Turn,
    /// The end of the sending side: all replies are out, but the client has not closed (`CONVERSATION-3`).
    ShutDown,
    /// Its end. The client has closed too, or has been given up.
    Close,
}

/// One client's conversation.
#[derive(Debug)]
pub struct Conversation {
    /// The messages and their answers.
    session: Session,
    /// What most conversations do not have. Boxed, so that an idle connection stays small.
    rare: Option<Box<Rare>>,
    /// Whether the client has closed its sending side.
    ended: bool,
    /// Whether the client did not take its replies, or did not close, in time.
    given_up: bool,
}

/// What is left over from a portion of work, or the time left to linger.
#[derive(Debug, Default)]
struct Rare {
    /// Read, but not yet taken by the session, because replies had to go out first.
    unread: VecDeque<u8>,
    /// Answered, but not yet taken by the socket.
    unsent: VecDeque<u8>,
    /// When lingering ends, whatever the client does.
    linger_end: Option<Instant>,
}

impl Conversation {
    /// Starts the conversation with a client that has just connected.
    pub fn new(config: &Config) -> Self {
        let session = Session::new(config.op, config.max_message_bytes);
        Self { session, rare: None, ended: false, given_up: false }
    }

    /// Returns what the conversation waits for. `grace_end` is set once the server was told to stop. The clock is read
    /// only where a deadline matters; the deadline counts from this call.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use handloom::calc::{Config, Conversation, Next};
    ///
    /// let (config, now, mut out) = (Config::default(), Instant::now(), Vec::new());
    /// let mut conversation = Conversation::new(&config);
    /// conversation.received(b"5 7", &mut out);
    /// assert_eq!(conversation.next(&config, None, || now), Next::Read(Some(now + config.pause)));
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
        let at_rest = self.session.state() == SessionState::Idle && self.rare.is_none();
        if at_rest && grace_end.is_none() && config.idle_timeout.is_none() {
            return Next::Read(None);
        }
        self.next_at(now(), config, grace_end)
    }

    /// The same, where a deadline or leftovers matter.
    fn next_at(&self, now: Instant, config: &Config, grace_end: Option<Instant>) -> Next {
        let linger_end = self.rare.as_ref().and_then(|rare| rare.linger_end);
        let end = grace_end.into_iter().chain(linger_end).min();
        if self.given_up || end.is_some_and(|end| end <= now) {
            return Next::Close;
        }
        // A span too long for the clock is no deadline.
        let within = |span: Option<Duration>| {
            span.and_then(|span| now.checked_add(span)).into_iter().chain(end).min()
        };
        let pause = config.idle_timeout.map_or(config.pause, |idle| idle.min(config.pause));
        let stopping = grace_end.is_some();
        match self.session.state() {
            _ if self.is_sending() => Next::Write(within(config.idle_timeout)),
            SessionState::Closed if self.ended => Next::Close,
            SessionState::Closed if linger_end.is_none() => Next::ShutDown,
            SessionState::Closed => Next::Read(within(Some(LINGER))),
            _ if self.rare.is_some() => Next::Turn,
            // CONVERSATION-2: only what is there already, and the rest of an open message.
            SessionState::Idle if stopping => Next::Read(Some(now)),
            SessionState::Open if stopping => Next::Read(within(Some(config.pause.min(LINGER)))),
            SessionState::Idle => Next::Read(within(config.idle_timeout)),
            SessionState::Open => Next::Read(within(Some(pause))),
        }
    }

    /// Takes what one read gave; no bytes are the end of the client's stream. Fills `out` with the replies.
    #[expect(clippy::inline_always, reason = "a call a request less (benches/calculator.rs)")]
    #[inline(always)]
    pub fn received(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.clear();
        if input.is_empty() {
            self.ended = true;
            self.session.end(out);
            return;
        }
        let taken = self.session.feed(input, out);
        if taken < input.len() {
            self.rare.get_or_insert_default().unread.extend(&input[taken..]);
        }
    }

    /// Answers more of what was read earlier, after [`Next::Turn`]. Fills `out` with the replies.
    pub fn resume(&mut self, out: &mut Vec<u8>) {
        out.clear();
        if let Some(rare) = &mut self.rare {
            let taken = self.session.feed(rare.unread.make_contiguous(), out);
            rare.unread.drain(..taken);
            self.drop_empty();
        }
    }

    /// Takes note that the sending side was shut down. The client has the grace, or [`LINGER`], to close its own.
    pub fn linger(&mut self, config: &Config, now: Instant) {
        let longest = now.checked_add(config.grace.max(LINGER));
        self.rare.get_or_insert_default().linger_end = Some(longest.unwrap_or(now + LINGER));
    }

    /// Takes note that a wait ended at its deadline, after a stop or before. Fills `out` with the replies. A pause
    /// completes the open message. An idle timeout, and the lack of bytes at a stop, count as the client's end. A client
    /// that does not read its replies, or does not close, is given up.
    pub fn timed_out(&mut self, config: &Config, stopping: bool, out: &mut Vec<u8>) {
        out.clear();
        let is_pause = !stopping && config.idle_timeout.is_none_or(|idle| idle > config.pause);
        if self.is_sending() || self.session.state() == SessionState::Closed {
            self.given_up = true;
        } else if is_pause && self.session.state() == SessionState::Open {
            self.session.pause(out);
        } else {
            self.session.end(out);
        }
    }

    /// Sends what is left over from before, or else the replies in `out`. What `write`, which is write(2) on the
    /// socket, does not take is kept.
    ///
    /// # Errors
    /// The connection is broken.
    #[inline]
    pub fn flush(
        &mut self,
        out: &mut Vec<u8>,
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        if let Some(rare) = self.rare.as_mut().filter(|rare| !rare.unsent.is_empty()) {
            let sent = or_nothing(write(rare.unsent.make_contiguous()))?;
            rare.unsent.drain(..sent);
            self.drop_empty();
            return Ok(());
        }
        if out.is_empty() {
            return Ok(());
        }
        let outcome = or_nothing(write(out));
        let sent = outcome.as_ref().map_or(out.len(), |&sent| sent);
        if sent < out.len() {
            self.rare.get_or_insert_default().unsent.extend(&out[sent..]);
        }
        // Also after an error: drivers share the buffer, and the next client must not get these replies.
        out.clear();
        // The memory of one long reply is given back.
        if out.capacity() > 2 * OUT_HIGH_WATER {
            out.shrink_to(2 * OUT_HIGH_WATER);
        }
        outcome.map(drop)
    }

    /// Returns whether replies wait for room in the socket.
    fn is_sending(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.unsent.is_empty())
    }

    /// Gives memory back that is not needed any more (`CONVERSATION-1`).
    fn drop_empty(&mut self) {
        self.rare.take_if(|rare| {
            rare.unread.is_empty() && rare.unsent.is_empty() && rare.linger_end.is_none()
        });
    }
}

/// A write that found no room, or that a signal interrupted, has taken nothing.
fn or_nothing(written: io::Result<usize>) -> io::Result<usize> {
    written.or_else(|error| match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(0),
        _ => Err(error),
    })
}
