//! One client's conversation on a socket that never blocks: what every server with readiness has in common.
//!
//! A server that keeps a thread per client reads, answers and writes, and where it stops in between is kept by
//! the thread's stack. Without that thread somebody must remember by hand what has been read and not yet
//! answered, and what has been answered and not yet sent. [`Conversation`] remembers it; when it is asked to go
//! on ([`Conversation::drive`]) it does one portion of work and says what it waits for.
//!
//! **Invariants**
//! - `DRIVE-1` memory is bounded. Nothing is read while a reply is unsent or a byte is unanswered, so a client
//!   owns at most one unfinished message, [`READ_BYTES`] unanswered, and the replies of one portion.
//! - `DRIVE-2` one call does one portion: at most one read or one `feed`. So a client that sends
//!   without end holds the loop no longer than the answers to one buffer take; then the others have their turn.
//! - `DRIVE-3` the buffers belong to the loop and are empty between two calls. An idle conversation owns no heap
//!   memory: what is left over is copied out and given back when it is done.
//! - `DRIVE-4` [`Want::Read`] is said only when the socket has been found empty since readiness was last noted,
//!   [`Want::Write`] only when it has been found full. That is what edge triggering asks for.
//! - `DRIVE-5` a read that fills less than its buffer has found the socket empty, and no call that must fail is
//!   made to learn it. The exception is [`Readable::ToTheEnd`]: the end of the stream may lie behind those bytes.
//! - `DRIVE-6` a connection that we end is shut down for writing first, and closed only when the client has closed
//!   as well or the [`Farewell`] is over.
//! - `DRIVE-7` at the stop what has arrived is answered; where nothing is left to read, that is taken for the end of
//!   the stream. A message that is open then is given its pause, at most [`LINGER`]: the rest of it may be under
//!   way, and half a number would make a wrong sum.
//!
//! | wanted | the caller waits for | then |
//! | --- | --- | --- |
//! | [`Want::Read`] | the socket to be readable, until [`Conversation::deadline`] | [`Conversation::note_readable`], `drive` |
//! | [`Want::Write`] | the socket to be writable, until the deadline | [`Conversation::note_missed`], `drive` |
//! | [`Want::Turn`] | nothing; but the other clients come first | [`Conversation::note_missed`] if events may have been lost, `drive` |
//! | [`Want::Close`] | nothing | drop it |
//! | at the deadline | | [`Conversation::note_timeout`], `drive` |
//!
//! **Source**: epoll(7), question 9 (when is the socket empty?); RFC 1122, 4.2.2.13 (reset on early close).

use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::farewell::{Farewell, LINGER};
use super::socket::Socket;
use super::{Config, OUT_HIGH_WATER, Session, SessionState};

/// Size of the read buffer, in bytes. Taste: room for a thousand short messages, whose answers take less than a
/// millisecond, and for a megabyte in 64 portions.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// What a reply buffer may keep between two calls, in bytes; a huge reply's room goes back to the system.
const OUT_KEPT_BYTES: usize = 2 * OUT_HIGH_WATER;

/// What a conversation waits for; see the module's second table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// More bytes from the client.
    Read,
    /// Room for more bytes to the client.
    Write,
    /// The other clients to have their turn.
    Turn,
    /// Its end.
    Close,
}

/// What is known of the socket's receiving side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readable {
    /// It has been found empty, and no event has come since. A read would be a wasted call.
    No,
    /// An event told of bytes. A read that does not fill its buffer has taken all of them (`DRIVE-5`).
    Yes,
    /// The stream's end has been announced, or may have been while nobody listened. Only the end itself, or the
    /// socket's own word that there is nothing yet, proves that all has been read.
    ToTheEnd,
}

/// The buffers that all conversations of one loop take turns to use.
#[derive(Debug)]
pub(super) struct Buffers {
    /// Where a read puts its bytes. Its length is [`READ_BYTES`], always.
    input: Box<[u8]>,
    /// Where the session puts its replies (`DRIVE-3`).
    out: Vec<u8>,
}

impl Buffers {
    /// Makes the buffers of one loop.
    pub(super) fn new() -> Self {
        Self { input: vec![0; READ_BYTES].into(), out: Vec::new() }
    }
}

/// One client's conversation, without its socket.
#[derive(Debug)]
pub(super) struct Conversation {
    /// The messages and their answers.
    session: Session,
    /// Read and not yet taken by the session, because replies had to go out first.
    unread: VecDeque<u8>,
    /// Answered and not yet taken by the socket.
    unsent: VecDeque<u8>,
    /// Set once goodbye was said (`DRIVE-6`).
    farewell: Option<Farewell>,
    /// How long that may take at most, for a client that sends without end.
    grace: Duration,
    /// What is known of the socket's receiving side.
    readable: Readable,
    /// Whether the client's end of stream has been read.
    ended: bool,
    /// Whether the server stops: a socket with nothing to read counts as ended.
    stopping: bool,
    /// Whether waiting is over: the next `drive` gives the connection up.
    given_up: bool,
}

impl Conversation {
    /// Makes the conversation of a client that has just come; it waits to be told of readiness.
    pub(super) fn new(config: &Config) -> Self {
        Self {
            session: Session::new(config.op, config.max_message_bytes),
            unread: VecDeque::new(),
            unsent: VecDeque::new(),
            farewell: None,
            grace: config.grace,
            readable: Readable::No,
            ended: false,
            stopping: false,
            given_up: false,
        }
    }

    /// Takes note that the socket is readable; `closed` means that the event announced the stream's end too.
    pub(super) fn note_readable(&mut self, closed: bool) {
        self.readable = match self.readable {
            Readable::No | Readable::Yes if !closed => Readable::Yes,
            _ => Readable::ToTheEnd,
        };
    }

    /// Takes note that an event may have been missed, since nobody waited for it: the next read decides.
    pub(super) fn note_missed(&mut self) {
        self.note_readable(true);
    }

    /// Takes note that the deadline passed. An open message counts as complete, and if that was the idle time-out
    /// the conversation too; any other wait was in vain.
    pub(super) fn note_timeout(&mut self, config: &Config) {
        let paused = self.session.state() == SessionState::Open && self.unsent.is_empty();
        if !paused {
            self.given_up = true;
            return;
        }
        // Rare enough for a buffer of its own; the next `drive` sends it.
        let mut replies = Vec::new();
        if config.idle_timeout.is_some_and(|idle| idle <= config.pause) {
            self.session.end(&mut replies);
        } else {
            self.session.pause(&mut replies);
        }
        self.unsent = replies.into();
    }

    /// Takes note that the server stops (`DRIVE-7`). The receiving side stays open: what still came to a closed
    /// one would be answered by a reset, which takes the last replies with it (`DRIVE-6`).
    pub(super) fn note_stop(&mut self) {
        self.stopping = true;
        self.note_missed();
    }

    /// Returns until when the present wait may last: a pause, an idle client, a farewell. Asks the clock only if
    /// one of them applies.
    pub(super) fn deadline(&self, config: &Config) -> Option<Instant> {
        if let Some(farewell) = &self.farewell {
            return Some(farewell.deadline());
        }
        let paused = self.session.state() == SessionState::Open && self.unsent.is_empty();
        // DRIVE-7: one longer than a farewell would hold up the stop.
        let pause = if self.stopping { config.pause.min(LINGER) } else { config.pause };
        let pause = paused.then_some(pause);
        let patience = pause.into_iter().chain(config.idle_timeout).min()?;
        // A span too long for the clock is for ever.
        Instant::now().checked_add(patience)
    }

    /// Does the next portion of work and says what the conversation waits for.
    ///
    /// # Errors
    /// The socket's; the connection is broken then, and is to be dropped.
    pub(super) fn drive(
        &mut self,
        socket: &mut impl Socket,
        buffers: &mut Buffers,
    ) -> io::Result<Want> {
        if self.given_up {
            return Ok(Want::Close);
        }
        if !self.send_unsent(socket)? {
            return Ok(Want::Write);
        }
        match self.session.state() {
            SessionState::Closed => return self.take_leave(socket, buffers),
            SessionState::Idle | SessionState::Open if !self.unread.is_empty() => {
                self.answer_unread(buffers);
            }
            SessionState::Idle | SessionState::Open => self.answer_read(socket, buffers)?,
        }
        if !self.send(socket, &mut buffers.out)? {
            return Ok(Want::Write);
        }
        Ok(match self.session.state() {
            SessionState::Closed if self.ended => Want::Close,
            // What is left to do at the stop is to end it, unless a message is open (DRIVE-7).
            SessionState::Idle if self.stopping => Want::Turn,
            SessionState::Idle | SessionState::Open
                if self.unread.is_empty() && self.readable == Readable::No =>
            {
                Want::Read
            }
            _ => Want::Turn,
        })
    }

    /// Reads once and answers what came. What the session does not take now is kept in `unread`.
    fn answer_read(&mut self, socket: &mut impl Socket, buffers: &mut Buffers) -> io::Result<()> {
        let Some(length) = self.read(socket, &mut buffers.input)? else {
            if self.stopping && self.session.state() == SessionState::Idle {
                self.session.end(&mut buffers.out);
            }
            return Ok(());
        };
        if self.ended {
            self.session.end(&mut buffers.out);
            return Ok(());
        }
        let taken = self.session.feed(&buffers.input[..length], &mut buffers.out);
        self.unread.extend(&buffers.input[taken..length]);
        Ok(())
    }

    /// Answers what was read earlier. The two halves of the ring are two pieces of one stream.
    fn answer_unread(&mut self, buffers: &mut Buffers) {
        let taken = self.session.feed(self.unread.as_slices().0, &mut buffers.out);
        take_front(&mut self.unread, taken);
    }

    /// Reads once if that is worth its call, and keeps `DRIVE-4` and `DRIVE-5`. `None` if there is nothing yet.
    fn read(&mut self, socket: &mut impl Socket, input: &mut [u8]) -> io::Result<Option<usize>> {
        if self.readable == Readable::No {
            return Ok(None);
        }
        let length = socket.try_read(input)?;
        match length {
            None => self.readable = Readable::No,
            Some(0) => (self.readable, self.ended) = (Readable::No, true),
            Some(length) if length < input.len() && self.readable == Readable::Yes => {
                self.readable = Readable::No;
            }
            Some(_) => {}
        }
        Ok(length)
    }

    /// Sends the portion's replies; what the socket does not take is kept in `unsent`. Tells whether all went.
    fn send(&mut self, socket: &mut impl Socket, out: &mut Vec<u8>) -> io::Result<bool> {
        if out.is_empty() {
            return Ok(true);
        }
        let outcome = socket.try_write(out);
        let rest = outcome.as_ref().map_or(&[][..], |sent| &out[sent.unwrap_or(0)..]);
        if !rest.is_empty() {
            self.unsent.extend(rest);
        }
        // `DRIVE-3` holds on the way out with an error, too: the next client must not get these replies.
        out.clear();
        out.shrink_to(OUT_KEPT_BYTES);
        outcome?;
        Ok(self.unsent.is_empty())
    }

    /// Sends what was left over. Tells whether all went.
    fn send_unsent(&mut self, socket: &mut impl Socket) -> io::Result<bool> {
        while !self.unsent.is_empty() {
            let front = self.unsent.as_slices().0;
            let length = front.len();
            let sent = socket.try_write(front)?.unwrap_or(0);
            take_front(&mut self.unsent, sent);
            if sent < length {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Says goodbye, and then ignores what the client still sends until it closes too (`DRIVE-6`).
    fn take_leave(&mut self, socket: &mut impl Socket, buffers: &mut Buffers) -> io::Result<Want> {
        let mut farewell = if let Some(farewell) = self.farewell {
            farewell
        } else {
            self.unread = VecDeque::new();
            socket.shut_down(Shutdown::Write)?;
            Farewell::begin(self.grace)
        };
        if self.read(socket, &mut buffers.input)?.is_some() {
            farewell.heard();
        }
        self.farewell = Some(farewell);
        Ok(match self.readable {
            _ if self.ended || farewell.deadline() <= Instant::now() => Want::Close,
            Readable::No => Want::Read,
            Readable::Yes | Readable::ToTheEnd => Want::Turn,
        })
    }
}

/// Drops bytes from the front, and the memory with the last of them (`DRIVE-3`).
fn take_front(bytes: &mut VecDeque<u8>, count: usize) {
    bytes.drain(..count);
    if bytes.is_empty() {
        *bytes = VecDeque::new();
    }
}

#[cfg(test)]
mod tests;
