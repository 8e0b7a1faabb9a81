//! One client's conversation on a stream that blocks: read, answer, write, and again.
//!
//! Problem: a read that blocks hears nothing but its stream. It knows of no pause after an unterminated
//! message, of no time-out, of no stop. So the wait is made apart from the read whenever there is
//! something else to wait for; when there is not, the read itself waits, and saves a system call.
//!
//! **Invariants**
//! - `BLOCKING-1`: every reply is written before the next wait for input, so a client that does not read is
//!   not read from, and memory is bounded by the session's and one buffer of replies.
//! - `BLOCKING-2`: after the stop no wait for input blocks: its direction is shut down, so a read gives what
//!   had come and then the end of the stream. All the rest ends with the grace.
//! - `BLOCKING-3`: a conversation that the server ends is read on, for at most `LINGER`. A close with bytes
//!   unread would reset the connection, and may cost the client replies it has not read yet.
//! - `BLOCKING-4`: a client that still sends when that time or the grace is over is reset. A plain close while its input
//!   is shut down can leave it with a window of zero, and nobody there to open it, for a minute.
//! - `BLOCKING-5`: a long product is left when nobody is there to get it.
//!
//! What a conversation waits for, and what that costs:
//!
//! | beside its stream it waits for | calls for each input |
//! | --- | --- |
//! | nothing | read |
//! | a pause, because a message is open; or the idle time-out | ppoll, read |
//! | the stop, because its thread has nobody to tell it (`sequential`, `prefork`) | ppoll, read |
//!
//! There are two ways to stop it, and one of them is always there: a thread that waits for the stop
//! itself is given the descriptor; otherwise another thread shuts the stream down (`open_streams`).
//!
//! **Left out**: `SO_RCVTIMEO`, which would save the wait before a read with a deadline, but counts in the
//! kernel's ticks and is a system call itself with every change.
//!
//! **Source**: shutdown(2), tcp(7), socket(7) under `SO_SNDTIMEO`; RFC 1122, 4.2.2.13 for the reset.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::{Duration, Instant};

use super::config::Config;
use super::protocol::{OUT_HIGH_WATER, Session, State};
use crate::os::socket::{peer_has_closed, set_linger_zero};
use crate::os::{PollFd, poll};

/// How many bytes are read at once. Taste: some hundred pipelined messages.
const READ_BYTES: usize = 16 * 1024;
/// How long a write may stall before it looks for the stop and the time-out. Taste.
const STALL: Duration = Duration::from_millis(100);
/// How long the client may take to close after we did (`BLOCKING-3`). Taste.
const LINGER: Duration = Duration::from_millis(500);
/// How often to look whether the client has closed, when no read can tell. Taste.
const LOOK: Duration = Duration::from_millis(5);

/// A conversation and what it needs.
struct Conversation<'a> {
    /// The client.
    stream: &'a TcpStream,
    /// The pause, the time-outs, the grace.
    config: &'a Config,
    /// Readable once the server shall stop; taken when that was seen, or when another thread sees to it.
    stop: Option<BorrowedFd<'a>>,
    /// When the grace is over; set when the stop was seen (`BLOCKING-2`).
    stop_deadline: Option<Instant>,
    /// What the client's bytes mean.
    session: Session,
    /// Replies that are not written yet; empty at every wait for input (`BLOCKING-1`).
    out: Vec<u8>,
}

/// Why a wait for the client ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waited {
    /// The call that was waited for will not block.
    Ready,
    /// The time was up.
    TimeUp,
    /// The stop came; a read will not block any more.
    Stopped,
}

/// Serves one client until it has gone, said `close`, or been silent for too long.
///
/// With a `stop`, watches for it too; without, another thread must shut the stream down.
///
/// # Errors
/// The connection is broken. That is the end of this conversation and of nothing else.
///
/// # Blocking
/// As long as the client likes; after the stop, for the grace at most.
pub(super) fn converse(
    stream: &TcpStream,
    config: &Config,
    stop: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    // A reply is one write, and must not wait for the client's acknowledgement of the one before.
    stream.set_nodelay(true)?;
    if stop.is_some() || config.idle_timeout.is_some() {
        stream.set_write_timeout(Some(STALL))?;
    }
    let session = Session::new(config.op, config.max_message_bytes);
    let stop_deadline = None;
    Conversation { stream, config, stop, stop_deadline, session, out: Vec::new() }.run()
}

impl Conversation<'_> {
    /// The conversation, from the first byte to the last.
    fn run(&mut self) -> io::Result<()> {
        // On the heap, and not in the loop: a thread's stack is scarce, and zeroing is not free.
        let mut input = vec![0; READ_BYTES];
        let mut silent_since = Instant::now();
        while self.session.state() != State::Closed {
            let (timeout, is_pause) = self.patience(silent_since);
            if self.wait_readable(timeout)? == Waited::TimeUp {
                // The idle time-out counts as the client's end: what is open is answered before the close.
                if is_pause {
                    self.session.pause(&mut self.out);
                } else {
                    self.session.end(&mut self.out);
                }
                self.work_off()?;
                continue;
            }
            let length = self.read(&mut input)?;
            if length == 0 {
                self.session.end(&mut self.out);
                self.work_off()?;
                if silent_since.elapsed() >= LINGER {
                    // Nothing can be on its way: an idle connection is closed at once.
                    return Ok(());
                }
                continue;
            }
            self.answer(&input[..length])?;
            silent_since = Instant::now();
        }
        self.linger(&mut input)
    }

    /// How long to wait for input, and whether the end of that is a pause or else the idle time-out.
    ///
    /// Both count from the last input, so that a pause does not give an idle client more time.
    fn patience(&self, silent_since: Instant) -> (Option<Duration>, bool) {
        // Read only where there is a deadline: most conversations have none most of the time.
        let silent = || silent_since.elapsed();
        let idle = self.config.idle_timeout.map(|span| span.saturating_sub(silent()));
        if self.session.state() != State::Open {
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
            // Whatever is left over waits for room in `out`, or for the product.
            self.work_off()?;
        }
        Ok(())
    }

    /// Writes the replies, and finishes the product under way, if there is one.
    fn work_off(&mut self) -> io::Result<()> {
        // Earlier replies first: the client should not wait for them as long as for the product.
        self.write_out()?;
        while self.session.state() == State::Busy {
            self.session.step(&mut self.out);
            self.look_around()?;
        }
        self.write_out()
    }

    /// Between two steps of a product: sees whether somebody still waits for it (`BLOCKING-5`).
    fn look_around(&mut self) -> io::Result<()> {
        match self.wait(PollFd::hung_up(self.stream.as_fd()), Some(Duration::ZERO))? {
            Waited::Ready => Err(io::ErrorKind::ConnectionAborted.into()),
            Waited::TimeUp | Waited::Stopped => self.check_grace(),
        }
    }

    /// Reads what is there, at most a buffer full; 0 is the end of the stream.
    fn read(&self, input: &mut [u8]) -> io::Result<usize> {
        let mut stream = self.stream;
        loop {
            match stream.read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    /// Writes all replies (`BLOCKING-1`).
    ///
    /// On a stream that blocks, a short count means that the write was interrupted, by the `STALL` limit
    /// or by a shutdown from another thread.
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

    /// Says that no reply will follow, and reads on until the client closes too (`BLOCKING-3`).
    fn linger(&mut self, input: &mut [u8]) -> io::Result<()> {
        let begun = Instant::now();
        let mut last_input = Duration::ZERO;
        // Mostly the client was the one to close first, and there is nothing to wait for.
        while !peer_has_closed(self.stream)? {
            self.stream.shutdown(Shutdown::Write)?;
            let left = LINGER.saturating_sub(begun.elapsed());
            if left.is_zero() || self.wait_readable(Some(left))? == Waited::TimeUp {
                // BLOCKING-4. A client that has fallen silent in the meantime has got our end.
                return if last_input < LINGER / 2 { Ok(()) } else { set_linger_zero(self.stream) };
            }
            if self.read(input)? == 0 {
                // Either the client's end, or input is shut down and reads do not wait any more.
                thread::sleep(LOOK.min(left));
            } else {
                last_input = begun.elapsed();
            }
        }
        // The client's end is in, so this does not block; but what stands before it may still be unread.
        while self.read(input)? > 0 {}
        Ok(())
    }

    /// Waits until a read will not block; returns at once when the read itself may do the waiting.
    fn wait_readable(&mut self, timeout: Option<Duration>) -> io::Result<Waited> {
        if self.stop_deadline.is_some() {
            // BLOCKING-2: there is no waiting any more, but a client may send without end.
            return self.check_grace().map(|()| Waited::Ready);
        }
        if self.stop.is_none() && timeout.is_none() {
            return Ok(Waited::Ready);
        }
        self.wait(PollFd::readable(self.stream.as_fd()), timeout)
    }

    /// Waits for the stream, for the time to be up, and for the stop if it is watched for.
    ///
    /// When the stop comes, input ends (`BLOCKING-2`) and the grace begins.
    fn wait(&mut self, on_stream: PollFd<'_>, timeout: Option<Duration>) -> io::Result<Waited> {
        let Some(stop) = self.stop else {
            // Another thread shuts the stream down, which ends every wait on it.
            let ready = poll(&mut [on_stream], timeout)?;
            return Ok(if ready == 0 { Waited::TimeUp } else { Waited::Ready });
        };
        let mut fds = [on_stream, PollFd::readable(stop)];
        if poll(&mut fds, timeout)? == 0 {
            return Ok(Waited::TimeUp);
        }
        if !fds[1].is_ready() {
            // One of two was ready, and it was not the stop.
            return Ok(Waited::Ready);
        }
        // It stays readable for ever: looked at again, it would end every further wait at once.
        self.stop = None;
        self.stop_deadline = Instant::now().checked_add(self.config.grace);
        self.stream.shutdown(Shutdown::Read)?;
        Ok(Waited::Stopped)
    }

    /// Fails once the grace is over, and has the close reset the client (`BLOCKING-4`).
    fn check_grace(&self) -> io::Result<()> {
        match self.stop_deadline {
            Some(deadline) if deadline <= Instant::now() => {
                set_linger_zero(self.stream)?;
                Err(io::ErrorKind::TimedOut.into())
            }
            _ => Ok(()),
        }
    }
}
