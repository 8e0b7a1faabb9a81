//! One client's conversation on a stream that blocks: read, answer, write, and again.
//!
//! Problem: a read that blocks hears nothing but its stream. It knows of no pause after an unterminated
//! message, of no time-out, of no stop. So the wait is made apart from the read whenever there is
//! something else to wait for; when there is not, the read itself waits, and saves a system call.
//!
//! **Invariants**
//! - `BLOCKING-1`: every reply is written before the next wait for input, so a client that does not read is
//!   not read from, and memory is bounded by the session's and one buffer of replies.
//! - `BLOCKING-2`: the stop is looked for at least every `STALL`, and in every wait that is made apart. After it
//!   what has arrived is answered; where nothing is left to read, that is taken for the end of the stream. A
//!   message that is open then is given its pause, at most `LINGER`: the rest of it may be under way, and half
//!   a number would make a wrong sum.
//! - `BLOCKING-3`: a conversation that the server ends is shut down for writing, and read on until the client
//!   closes too, or patience with it ends (`FAREWELL-1`, `FAREWELL-2`).
//! - `BLOCKING-4`: all that follows the stop ends with the grace.
//!
//! What a conversation waits for, and what that costs:
//!
//! | beside its stream it waits for | calls for each input |
//! | --- | --- |
//! | nothing, and the last input came less than `STALL` ago | read |
//! | the stop, since nothing came for so long | ppoll, read |
//! | a pause, because a message is open; or the idle time-out; and the stop | ppoll, read |
//!
//! So a busy client costs no call for the sake of the stop, and an idle one no wake-up: its thread sleeps in
//! the ppoll until something happens.
//!
//! **Left out**: to shut down the input of a stream from another thread. It ends a read at once, but what
//! the client sends after that is answered by a reset: the stop would cost it the last replies.
//!
//! **Source**: shutdown(2), ppoll(2), socket(7) under `SO_RCVTIMEO`; RFC 1122, 4.2.2.13 for the reset.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::config::Config;
use super::farewell::{Farewell, LINGER};
use super::session::{OUT_HIGH_WATER, Session, SessionState};
use crate::os::{PollFd, poll};

/// How many bytes are read at once. Taste: some hundred pipelined messages.
const READ_BYTES: usize = 16 * 1024;
/// How long a read or a write may take before the stop and the time-outs are looked for. Taste: a stop that
/// is late by this is not felt, and ten calls a second would not be either.
const STALL: Duration = Duration::from_millis(100);

/// A conversation and what it needs.
struct Conversation<'a> {
    /// The client.
    stream: &'a TcpStream,
    /// The pause, the time-outs, the grace.
    config: &'a Config,
    /// Readable once the server shall stop; of no interest any more when that was seen.
    stop: BorrowedFd<'a>,
    /// When the stop was last looked for (`BLOCKING-2`).
    looked_at: Instant,
    /// When the grace is over; set when the stop was seen (`BLOCKING-4`).
    stop_deadline: Option<Instant>,
    /// What the client's bytes mean.
    session: Session,
    /// Replies that are not written yet; empty at every wait for input (`BLOCKING-1`).
    out: Vec<u8>,
}

/// Why a wait for the client ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waited {
    /// The call that was waited for will not block for long.
    Ready,
    /// The time was up.
    TimeUp,
    /// The stop was seen, now and for the first time.
    Stopped,
}

/// Serves one client until it has gone, said `close`, been silent for too long, or `stop` is readable.
///
/// # Errors
/// The connection is broken. That is the end of this conversation and of nothing else.
///
/// # Blocking
/// As long as the client likes; after the stop, for the grace at most.
pub(super) fn converse(
    stream: &TcpStream,
    config: &Config,
    stop: BorrowedFd<'_>,
) -> io::Result<()> {
    // A reply is one write, and must not wait for the client's acknowledgement of the one before.
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(STALL))?;
    stream.set_write_timeout(Some(STALL))?;
    let session = Session::new(config.op, config.max_message_bytes);
    let (looked_at, stop_deadline, out) = (Instant::now(), None, Vec::new());
    Conversation { stream, config, stop, looked_at, stop_deadline, session, out }.run()
}

impl Conversation<'_> {
    /// The conversation, from the first byte to the last.
    fn run(&mut self) -> io::Result<()> {
        // On the heap, and not in the loop: a thread's stack is scarce, and zeroing is not free.
        let mut input = vec![0; READ_BYTES];
        let mut silent_since = Instant::now();
        while self.session.state() != SessionState::Closed {
            let (timeout, is_pause) = self.patience(silent_since);
            match self.wait_readable(timeout)? {
                Waited::Ready => match self.read(&mut input)? {
                    // The client's end is in, and nothing can follow it: there is no need to linger.
                    Some(0) => return self.end(),
                    Some(length) => {
                        self.answer(&input[..length])?;
                        silent_since = Instant::now();
                    }
                    None => {}
                },
                Waited::TimeUp if is_pause => {
                    self.session.pause(&mut self.out);
                    self.write_out()?;
                }
                // The idle time-out, and after the stop the lack of bytes, count as the client's end.
                Waited::TimeUp => self.end()?,
                Waited::Stopped => {}
            }
        }
        self.linger(&mut input)
    }

    /// How long to wait for input, and whether the end of that is a pause or else the idle time-out.
    ///
    /// Both count from the last input, so that a pause does not give an idle client more time.
    fn patience(&self, silent_since: Instant) -> (Option<Duration>, bool) {
        if self.stop_deadline.is_some() {
            // BLOCKING-2: only what is there already, and the rest of an open message.
            let is_open = self.session.state() == SessionState::Open;
            let pause = self.config.pause.min(LINGER).saturating_sub(silent_since.elapsed());
            return (Some(if is_open { pause } else { Duration::ZERO }), false);
        }
        // Read only where there is a deadline: most conversations have none most of the time.
        let silent = || silent_since.elapsed();
        let idle = self.config.idle_timeout.map(|span| span.saturating_sub(silent()));
        if self.session.state() != SessionState::Open {
            // No message is open, so no pause can complete one.
            return (idle, false);
        }
        let pause = self.config.pause.saturating_sub(silent());
        match idle {
            Some(idle) if idle < pause => (Some(idle), false),
            _ => (Some(pause), true),
        }
    }

    /// Takes in what was received, and answers it.
    fn answer(&mut self, mut input: &[u8]) -> io::Result<()> {
        while !input.is_empty() {
            let taken = self.session.feed(input, &mut self.out);
            input = &input[taken..];
            // Whatever is left over waits for room in `out`.
            self.write_out()?;
        }
        Ok(())
    }

    /// Answers what is open: no more messages will be taken in.
    fn end(&mut self) -> io::Result<()> {
        self.session.end(&mut self.out);
        self.write_out()
    }

    /// Reads what is there, at most a buffer full; 0 is the end of the stream, `None` that nothing came.
    fn read(&self, input: &mut [u8]) -> io::Result<Option<usize>> {
        let mut stream = self.stream;
        loop {
            match stream.read(input) {
                Ok(length) => return Ok(Some(length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes all replies (`BLOCKING-1`).
    ///
    /// On a stream that blocks, a short count means that the write was interrupted, by the `STALL` limit.
    fn write_out(&mut self) -> io::Result<()> {
        let mut stream = self.stream;
        let mut written = 0;
        while written < self.out.len() {
            match stream.write(&self.out[written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => written += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // Stalled, and without a byte written; with some written it is a short count.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if written < self.out.len() {
                self.wait_writable()?;
            }
        }
        if self.out.capacity() > OUT_HIGH_WATER {
            // BLOCKING-1 bounds it; still, one long reply should not be paid for until the client goes.
            self.out = Vec::new();
        }
        self.out.clear();
        Ok(())
    }

    /// Waits until the client has read something; fails when it does not, in the time that it has.
    fn wait_writable(&mut self) -> io::Result<()> {
        loop {
            self.check_grace()?;
            // Whichever limit is nearer; none at all lets the client take for ever.
            let grace = self.stop_deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let timeout = grace.into_iter().chain(self.config.idle_timeout).min();
            match self.wait(PollFd::writable(self.stream.as_fd()), timeout)? {
                Waited::Ready => return Ok(()),
                Waited::TimeUp => return Err(io::ErrorKind::TimedOut.into()),
                // Now the grace counts too.
                Waited::Stopped => {}
            }
        }
    }

    /// Says that no reply will follow, and reads on into nothing until the client closes too (`BLOCKING-3`).
    fn linger(&mut self, input: &mut [u8]) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        let mut farewell = Farewell::begin(self.config.grace);
        loop {
            self.check_grace()?;
            let left = farewell.deadline().saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            match self.wait(PollFd::readable(self.stream.as_fd()), Some(left))? {
                Waited::Ready if self.read(input)? == Some(0) => return Ok(()),
                Waited::Ready => farewell.heard(),
                Waited::TimeUp | Waited::Stopped => {}
            }
        }
    }

    /// Waits until a read will not block for long; leaves the waiting to the read itself where it can.
    fn wait_readable(&mut self, timeout: Option<Duration>) -> io::Result<Waited> {
        self.check_grace()?;
        if timeout.is_none() && self.looked_at.elapsed() < STALL {
            return Ok(Waited::Ready);
        }
        self.wait(PollFd::readable(self.stream.as_fd()), timeout)
    }

    /// Waits for the stream, for the time to be up, and for the stop.
    fn wait(&mut self, on_stream: PollFd<'_>, timeout: Option<Duration>) -> io::Result<Waited> {
        let mut fds = [on_stream, PollFd::readable(self.stop)];
        // The stop stays readable for ever: looked at again, it would end every further wait at once.
        let watched = if self.stop_deadline.is_some() { 1 } else { 2 };
        let ready = poll(&mut fds[..watched], timeout)?;
        self.looked_at = Instant::now();
        if fds[1].is_ready() {
            self.stop_deadline = Some(self.end_of_grace());
            return Ok(Waited::Stopped);
        }
        Ok(if ready == 0 { Waited::TimeUp } else { Waited::Ready })
    }

    /// Returns when a grace that begins now is over; one too long for the clock is over at once.
    fn end_of_grace(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.config.grace).unwrap_or(now)
    }

    /// Fails once the grace is over (`BLOCKING-4`).
    fn check_grace(&self) -> io::Result<()> {
        match self.stop_deadline {
            Some(deadline) if deadline <= Instant::now() => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}
