//! A client that plays a script, byte for byte, and never waits without an end.
//!
//! It reads whatever comes while it sends, so that neither side waits for the other with full buffers;
//! unless the script says that it shall not read.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use handloom::os::socket::set_linger_zero;
use handloom::os::{PollFd, poll};
use socket2::SockRef;

use super::PATIENCE;
use super::script::Step;

/// How much of a long text is shown in a message, before and after the place where it differs.
const SHOWN_BYTES: usize = 60;

/// What the kernel keeps on this side; about twice as much, with what it needs to manage it.
const BUFFER_BYTES: usize = 64 * 1024;

/// One connection, and what has come on it.
pub(crate) struct Client {
    stream: TcpStream,
    /// The conversation and the model, for messages.
    name: String,
    /// Has come, and was not expected yet.
    came: Vec<u8>,
    /// When the last bytes were about to be sent.
    sent_at: Instant,
    /// How the stream ended, once it has.
    end: Option<io::Result<()>>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr, name: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{name}: {error}"));
        // A fragment must leave at once, or it is none.
        stream.set_nodelay(true).expect("nodelay");
        stream.set_nonblocking(true).expect("nonblocking");
        // A server that is to get stuck gets there after fewer messages.
        SockRef::from(&stream).set_recv_buffer_size(BUFFER_BYTES).expect("receive buffer");
        SockRef::from(&stream).set_send_buffer_size(BUFFER_BYTES).expect("send buffer");
        Self { stream, name: name.to_owned(), came: Vec::new(), sent_at: Instant::now(), end: None }
    }

    /// Plays one step.
    pub(crate) fn play(&mut self, step: &Step) {
        match step {
            Step::Send(bytes) => self.send(bytes),
            Step::Expect(reply) => self.expect(reply),
            Step::Beat => std::thread::sleep(Duration::from_millis(1)),
            Step::ExpectAfter(pause, reply) => {
                self.expect(reply);
                self.assert_waited(*pause);
            }
            Step::Silence(span) => self.expect_silence(*span),
            Step::HalfClose => self.half_close(),
            Step::ExpectEnd => self.expect_end(),
            Step::ExpectEndAfter(pause) => {
                self.expect_end();
                self.assert_waited(*pause);
            }
            Step::ExpectClosed => self.expect_closed(),
        }
    }

    /// Asserts that so much time has passed since the last bytes were sent.
    pub(crate) fn assert_waited(&self, pause: Duration) {
        let took = self.sent_at.elapsed();
        assert!(took >= pause, "{}: expected not before {pause:?}, it took {took:?}", self.name);
    }

    pub(crate) fn ask(&mut self, question: &[u8], reply: &[u8]) {
        self.send(question);
        self.expect(reply);
    }

    /// Sends all, and keeps what comes meanwhile.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let mut left = bytes;
        let begun = Instant::now();
        self.sent_at = begun;
        while !left.is_empty() {
            match self.stream.write(left) {
                Ok(length) => left = &left[length..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.read_or_write(begun),
                Err(error) => {
                    let sent = bytes.len() - left.len();
                    let came = shown(&self.came, 0);
                    panic!("{}: sent {sent} of {}: {error}; came {came}", self.name, bytes.len());
                }
            }
        }
    }

    /// Sends without reading, until for `quiet` nothing more can be sent; returns how many bytes went.
    pub(crate) fn send_until_stuck(
        &mut self,
        message: &[u8],
        quiet: Duration,
        most: usize,
    ) -> usize {
        let messages = message.repeat(32 * 1024 / message.len());
        let mut sent = 0;
        while sent < most {
            // Behind what went is the rest of the messages, so that whole ones follow each other.
            match self.stream.write(&messages[sent % message.len()..]) {
                Ok(length) => sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut fds = [PollFd::writable(self.stream.as_fd())];
                    if poll(&mut fds, Some(quiet)).expect("poll") == 0 {
                        break;
                    }
                }
                Err(error) => panic!("{}: sent {sent}: {error}", self.name),
            }
        }
        sent
    }

    /// Sends messages and throws the replies away, as fast as the server allows, until `done`; counts the
    /// bytes of the replies in `replied`.
    pub(crate) fn flood(mut self, message: &[u8], done: &AtomicBool, replied: &AtomicUsize) {
        let messages = message.repeat(64 * 1024 / message.len());
        while !done.load(Ordering::Relaxed) {
            self.send(&messages);
            self.read();
            replied.fetch_add(self.came.len(), Ordering::Relaxed);
            self.came.clear();
            assert!(self.end.is_none(), "{}: the stream ended: {:?}", self.name, self.end);
        }
    }

    /// Waits until one of both is possible, and reads if that is.
    fn read_or_write(&mut self, begun: Instant) {
        let fd = self.stream.as_fd();
        let mut fds = [PollFd::writable(fd), PollFd::readable(fd)];
        // At the end of the stream it is readable for ever, and what is left to do is to write.
        let asked = if self.end.is_some() { &mut fds[..1] } else { &mut fds[..] };
        poll(asked, Some(left_of(begun))).expect("poll");
        assert!(begun.elapsed() < PATIENCE, "{}: nobody reads what is sent", self.name);
        if fds[1].is_ready() {
            self.read();
        }
    }

    /// Reads what is there.
    fn read(&mut self) {
        let mut buffer = [0; 16 * 1024];
        while self.end.is_none() {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.end = Some(Ok(())),
                Ok(length) => self.came.extend(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => self.end = Some(Err(error)),
            }
        }
    }

    /// Waits for bytes or the end; false when there is no more to come, or not in time.
    fn wait(&mut self, begun: Instant, patience: Duration) -> bool {
        if self.end.is_some() {
            return false;
        }
        let left = patience.saturating_sub(begun.elapsed());
        let ready = poll(&mut [PollFd::readable(self.stream.as_fd())], Some(left)).expect("poll");
        if ready > 0 {
            self.read();
        }
        ready > 0
    }

    /// Waits for as many lines as `reply` has, and compares; a `*` stands for any end of a line.
    pub(crate) fn expect(&mut self, reply: &[u8]) {
        let begun = Instant::now();
        let wanted = count_lines(reply);
        let (mut lines, mut counted) = (0, 0);
        loop {
            lines += count_lines(&self.came[counted..]);
            counted = self.came.len();
            if lines >= wanted || !self.wait(begun, PATIENCE) {
                break;
            }
        }
        let mut rest = &self.came[..];
        for line in reply.split_inclusive(|&byte| byte == b'\n') {
            let end = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
            let (came, next) = rest.split_at(end);
            if !matches(line, came) {
                self.fail(reply, begun);
            }
            rest = next;
        }
        self.came = rest.to_vec();
    }

    /// Panics, and says what was expected and what came.
    fn fail(&self, reply: &[u8], begun: Instant) -> ! {
        let pairs = reply.iter().zip(&self.came);
        let at = pairs.take_while(|(expected, came)| expected == came).count();
        panic!(
            "{}: expected {}, came {} (differs at byte {at}; the stream: {:?}; after {:?})",
            self.name,
            shown(reply, at),
            shown(&self.came, at),
            self.end,
            begun.elapsed(),
        );
    }

    /// Waits for the end of the stream; nothing may come before it, and it must not be a reset.
    pub(crate) fn expect_end(&mut self) {
        let begun = Instant::now();
        while self.wait(begun, PATIENCE) {}
        if !self.came.is_empty() || !matches!(self.end, Some(Ok(()))) {
            self.fail(b"", begun);
        }
    }

    /// Any number of this line, and then the end of the stream, not a reset; returns how many, and what else came
    /// before the end.
    pub(crate) fn expect_many_and_end(&mut self, line: &[u8]) -> (usize, String) {
        let begun = Instant::now();
        while self.wait(begun, PATIENCE) {}
        let count = self.came.chunks(line.len()).take_while(|chunk| *chunk == line).count();
        if !matches!(self.end, Some(Ok(()))) {
            self.fail(&line.repeat(count + 1), begun);
        }
        let rest = self.came.split_off(count * line.len());
        self.came.clear();
        (count, String::from_utf8_lossy(&rest).into_owned())
    }

    /// These lines, and then the end of the stream.
    pub(crate) fn expect_rest_and_end(&mut self, reply: &[u8]) {
        self.expect(reply);
        self.expect_end();
    }

    /// Sends on until the server's socket does not take it: it has closed, and not only its own direction.
    pub(crate) fn expect_closed(&mut self) {
        let begun = Instant::now();
        loop {
            match self.stream.write(b"1 2\n") {
                Err(error) if error.kind() != ErrorKind::WouldBlock => return,
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
            assert!(begun.elapsed() < PATIENCE, "{}: the server has not closed", self.name);
        }
    }

    /// Asserts that nothing comes for so long.
    pub(crate) fn expect_silence(&mut self, span: Duration) {
        let begun = Instant::now();
        while self.wait(begun, span) {}
        if !self.came.is_empty() || self.end.is_some() {
            self.fail(b"", begun);
        }
    }

    /// Whether something has come, or the end.
    pub(crate) fn has_heard(&mut self) -> bool {
        self.read();
        !self.came.is_empty() || self.end.is_some()
    }

    pub(crate) fn half_close(&self) {
        let done = self.stream.shutdown(Shutdown::Write);
        done.unwrap_or_else(|error| panic!("{}: half-close: {error}", self.name));
    }

    /// Closes with a reset.
    pub(crate) fn reset(self) {
        set_linger_zero(&self.stream).expect("linger");
    }
}

impl Drop for Client {
    /// After the server's end, no state is kept for this connection on either side; before it, a plain close.
    fn drop(&mut self) {
        if self.end.is_some() {
            // It fails when the connection is gone, and then no state is kept either.
            drop(set_linger_zero(&self.stream));
        }
    }
}

fn left_of(begun: Instant) -> Duration {
    PATIENCE.saturating_sub(begun.elapsed())
}

fn count_lines(bytes: &[u8]) -> usize {
    bytes.split(|&byte| byte == b'\n').count() - 1
}

/// Compares a line with what came; behind a `*` it may be any printable ASCII.
fn matches(line: &[u8], came: &[u8]) -> bool {
    let Some(start) = line.strip_suffix(b"*\n") else {
        return line == came;
    };
    let rest = came.strip_prefix(start).and_then(|rest| rest.strip_suffix(b"\n"));
    rest.is_some_and(|rest| rest.iter().all(|byte| (b' '..=b'~').contains(byte)))
}

/// Shows bytes around a place.
fn shown(bytes: &[u8], at: usize) -> String {
    let from = at.saturating_sub(SHOWN_BYTES).min(bytes.len());
    let to = (at + SHOWN_BYTES).min(bytes.len());
    let text = bytes[from..to].escape_ascii();
    if (from, to) == (0, bytes.len()) {
        format!("\"{text}\"")
    } else {
        format!("{} bytes, from {from} on \"{text}\"", bytes.len())
    }
}
