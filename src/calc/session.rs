//! One client's messages without its socket: bytes in, replies out.
//!
//! TCP is a stream: a message may come in pieces, two may come in one, and a client of the course does not end its
//! message at all but waits. A session takes the bytes as they come, cut anywhere, and gives the replies in order.
//!
//! ```text
//!   message    = [blank] ( number separator number | "close" ) [blank] [ending]
//!   separator  = blank | [blank] "," [blank]
//!   ending     = "\n" | "\r\n"
//! ```
//!
//! **Invariants**
//! - `SESSION-1` However the input is cut into pieces, the replies are the same bytes.
//! - `SESSION-2` No byte is searched for a line ending twice: a long message in small pieces is linear.
//! - `SESSION-3` Memory is bounded: a message is kept up to the limit, and while [`OUT_HIGH_WATER`] bytes of
//!   replies wait, no further message is answered. An idle session owns no heap memory.
//! - `SESSION-4` Replies come in the order of messages; nothing is answered once `Closed`.
//! - `SESSION-5` Whatever a bad message holds, the reply is one line of printable ASCII, and it quotes at most
//!   [`SHOWN_BYTES`] bytes: a client cannot write control characters into a terminal, or forge replies.
//!
//! A message of the default size takes a few milliseconds at most. There is no quotient: it need not end (`1 3`).

use std::fmt;
use std::mem;
use std::str::FromStr;

use super::number::{Decimal, MAX_EXPONENT, NumberError};

/// Replies that may wait, in bytes, before [`Session::feed`] takes no further message. The last may go beyond it.
pub const OUT_HIGH_WATER: usize = 64 * 1024;

/// The longest message of a server that multiplies, in bytes. Its product takes about a millisecond.
pub const MAX_PRODUCT_BYTES: usize = 32 * 1024;

/// How much of a bad text is quoted in the reply, in bytes of that text.
const SHOWN_BYTES: usize = 40;

/// The operation that a server applies to every message; `--op` on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Op {
    /// Adds the two numbers, as the course's server does.
    #[default]
    Sum,
    /// Multiplies the two numbers.
    Product,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Sum { "sum" } else { "product" })
    }
}

impl FromStr for Op {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let op = [Self::Sum, Self::Product].into_iter().find(|op| op.to_string() == name);
        op.ok_or("expected sum or product")
    }
}

/// Where a session stands, and what the server should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// No message has begun: read on.
    Idle,
    /// A message has come in part: read on, and call [`Session::pause`] when nothing comes for a while.
    Open,
    /// Nothing more will be answered: write the replies, then close.
    Closed,
}

/// One client's messages and their replies.
#[derive(Debug)]
pub struct Session {
    /// The message received so far; not empty exactly when `Open`.
    partial: Vec<u8>,
    /// The longest message allowed, in bytes without its ending.
    max_message_bytes: usize,
    /// What to do with two numbers.
    op: Op,
    /// Where the session stands.
    state: SessionState,
    /// Set by a pause that completed a message: an empty line that comes next is that message's late ending.
    late_ending: bool,
}

impl Session {
    /// Makes a session; `max_message_bytes` does not count the ending, and is less for products.
    pub fn new(op: Op, max_message_bytes: usize) -> Self {
        let most = if op == Op::Product { MAX_PRODUCT_BYTES } else { usize::MAX };
        Self {
            partial: Vec::new(),
            max_message_bytes: max_message_bytes.min(most),
            op,
            state: SessionState::Idle,
            late_ending: false,
        }
    }

    /// Returns where the session stands.
    pub fn state(&self) -> SessionState {
        self.state
    }

    /// Takes messages from the front of `input` and appends their replies to `out`; returns the bytes taken.
    ///
    /// A message that is not complete is kept inside. When `out` has reached [`OUT_HIGH_WATER`], the rest of the
    /// input is not taken, and is to be fed again later. When `Closed`, all is taken and ignored.
    ///
    /// # Examples
    /// ```
    /// use handloom::calc::{Op, Session};
    ///
    /// let (mut session, mut out) = (Session::new(Op::Sum, 1024), Vec::new());
    /// session.feed(b"5 7\n0.1 0", &mut out);
    /// session.feed(b".2\n", &mut out);
    /// assert_eq!(out, b"12\n0.3\n");
    /// ```
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let mut rest = input;
        while !rest.is_empty() && out.len() < OUT_HIGH_WATER {
            match self.state {
                SessionState::Idle => rest = self.answer_whole(rest, out),
                SessionState::Open => {}
                SessionState::Closed => return input.len(),
            }
            if rest.is_empty() || out.len() >= OUT_HIGH_WATER {
                break;
            }
            rest = self.take(rest, out);
        }
        input.len() - rest.len()
    }

    /// Answers pairs of numbers from the front of `input` as long as they stand there whole and there is room for
    /// replies; returns what is left. Nearly all messages are answered here, without a search for their end.
    fn answer_whole<'a>(&mut self, mut input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        while let Some((a, b, rest)) = parse_pair(input)
            && input.len() - rest.len() - 1 <= self.max_message_bytes
        {
            let result = match self.op {
                Op::Sum => a.plus(b),
                Op::Product => a.times(b),
            };
            result.write_to(out);
            out.push(b'\n');
            self.late_ending = false;
            input = rest;
            if input.is_empty() || out.len() >= OUT_HIGH_WATER {
                break;
            }
        }
        input
    }

    /// Takes the front of `input` up to the next line ending, or all of it; returns what is left.
    #[inline(never)]
    fn take<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        // A message of the largest size and its `\r\n` have two bytes more than the limit. Further away, an
        // ending would come too late, and is not looked for.
        let room = self.max_message_bytes.saturating_add(2) - self.partial.len();
        let window = &input[..input.len().min(room)];
        let ending = window.iter().position(|&byte| byte == b'\n');
        let (piece, rest) = input.split_at(ending.unwrap_or(window.len()));
        self.partial.extend_from_slice(piece);
        self.state = SessionState::Open;
        let limit = self.max_message_bytes;
        if self.partial.strip_suffix(b"\r").unwrap_or(&self.partial).len() > limit {
            self.partial = Vec::new();
            self.state = SessionState::Closed;
            let unit = if limit == 1 { "byte" } else { "bytes" };
            out.extend(format!("error: message longer than {limit} {unit}\n").as_bytes());
        } else if ending.is_some() {
            let is_late_ending = mem::take(&mut self.late_ending);
            self.complete(is_late_ending, out);
        }
        &rest[usize::from(ending.is_some())..]
    }

    /// Answers the message in `partial`; if it is blank, only with an error if it may not be.
    fn complete(&mut self, may_be_blank: bool, out: &mut Vec<u8>) {
        // Taken, not cleared: an idle session owns no heap memory (SESSION-3).
        let mut message = mem::take(&mut self.partial);
        self.state = SessionState::Idle;
        message.pop_if(|last| *last == b'\r');
        message.push(b'\n');
        if self.answer_whole(&message, out).is_empty() {
            return;
        }
        match message.trim_ascii() {
            b"" if may_be_blank => {}
            b"close" => self.state = SessionState::Closed,
            text => out.extend_from_slice(format!("error: {}\n", explain(text)).as_bytes()),
        }
    }

    /// Takes note that the client paused: a message that is open counts as complete. If it is blank, it has no reply.
    ///
    /// A line ending that arrives right after still belongs to that message, and is no empty message.
    pub fn pause(&mut self, out: &mut Vec<u8>) {
        if self.state == SessionState::Open {
            self.complete(true, out);
            self.late_ending = true;
        }
    }

    /// Takes note that the client closed its sending side: like a pause, after which the session is `Closed`.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.pause(out);
        self.state = SessionState::Closed;
    }
}

/// Reads the message at the front of a text; returns its two numbers and what follows its ending. `None` if
/// something else stands there, or not all of it.
#[inline]
fn parse_pair(text: &[u8]) -> Option<(Decimal, Decimal, &[u8])> {
    let (a, rest) = Decimal::parse_front(skip_blank(text)).ok()?;
    let second = skip_separator(rest);
    if second.len() == rest.len() {
        return None;
    }
    let (b, rest) = Decimal::parse_front(second).ok()?;
    Some((a, b, skip_blank(rest).strip_prefix(b"\n")?))
}

/// Skips white space and one comma, as far as they stand there.
#[inline]
fn skip_separator(text: &[u8]) -> &[u8] {
    match skip_blank(text) {
        [b',', rest @ ..] => skip_blank(rest),
        rest => rest,
    }
}

/// Skips white space within a line.
#[inline]
fn skip_blank(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\x0c', rest @ ..] = text {
        text = rest;
    }
    text
}

/// Says what is wrong with a message, trimmed, that is not two numbers. The NUL comes from telnet(1): `\r\0`.
fn explain(text: &[u8]) -> String {
    if text.is_empty() {
        return "empty message, expected two numbers".to_owned();
    }
    let is_separator = |byte: &u8| *byte == b',' || byte.is_ascii_whitespace();
    let end = text.iter().position(is_separator).unwrap_or(text.len());
    let (first, rest) = text.split_at(end);
    let second = skip_separator(rest);
    let is_number = !second.is_empty() && second != b"\0" && !second.iter().any(is_separator);
    let is_pair = !first.is_empty() && is_number;
    let pieces = if is_pair { &[first, second][..] } else { &[] };
    let fault = pieces.iter().find_map(|piece| Some((quoted(piece), Decimal::parse(piece).err()?)));
    let text = quoted(text);
    match fault {
        Some((piece, NumberError::Malformed)) => format!("not a number: {piece}"),
        Some((piece, NumberError::Exponent)) => {
            format!("exponent beyond {MAX_EXPONENT} in {piece}")
        }
        None => format!("expected two numbers parted by white space or one comma, came {text}"),
    }
}

/// Returns a text between quotes, escaped, and cut short (`SESSION-5`).
fn quoted(text: &[u8]) -> String {
    let shown = &text[..text.len().min(SHOWN_BYTES)];
    let more = if shown.len() < text.len() { "..." } else { "" };
    format!("\"{}{more}\"", shown.escape_ascii())
}
