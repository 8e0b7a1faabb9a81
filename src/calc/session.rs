//! One client's conversation without its socket: bytes in, replies out.
//!
//! TCP is a stream: a message may come in pieces, two may come in one, and a client of the course does not
//! end its message at all but waits. A server that takes each `read` for a message works on its author's
//! machine and fails on a network. A session takes the bytes as they come, cut anywhere, and gives the
//! replies in order. The server keeps the socket, the clock and the buffers.
//!
//! ```text
//!   message    = [blank] ( number separator number | "close" ) [blank] [ending]
//!   separator  = blank | [blank] "," [blank]
//!   ending     = "\n" | "\r\n"
//! ```
//!
//! | state | means | the server should |
//! | --- | --- | --- |
//! | `Idle` | no message has begun | read on |
//! | `Open` | a message has been received in part | read on, and call [`Session::pause`] when nothing comes for a while |
//! | `Closed` | nothing more will be answered | write the replies, then close |
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
//! No call works for more than a few milliseconds on one message of the default size, because a sum is linear
//! and a product's message is limited to [`MAX_PRODUCT_BYTES`].
//!
//! **Left out**: difference and quotient. A difference is a sum with a sign; a quotient need not end (`1 3`).

use std::error::Error;
use std::fmt;
use std::mem;
use std::str::FromStr;

use super::number::{Decimal, MAX_EXPONENT, NumberError};

/// Replies that may wait to be sent, in bytes, before [`Session::feed`] takes no further message: as much as a
/// socket's own buffer holds. The last reply may go beyond it.
pub const OUT_HIGH_WATER: usize = 64 * 1024;

/// The longest message that is multiplied, in bytes. A product takes quadratic time: at this length, about a
/// millisecond.
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
        f.write_str(match self {
            Self::Sum => "sum",
            Self::Product => "product",
        })
    }
}

impl FromStr for Op {
    type Err = ParseOpError;

    fn from_str(name: &str) -> Result<Self, ParseOpError> {
        match name {
            "sum" => Ok(Self::Sum),
            "product" => Ok(Self::Product),
            _ => Err(ParseOpError),
        }
    }
}

/// The name is not that of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseOpError;

impl fmt::Display for ParseOpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected sum or product")
    }
}

impl Error for ParseOpError {}

/// What a session waits for; the module's table says what the server should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// No message has begun.
    Idle,
    /// A message has been received in part.
    Open,
    /// The conversation is over.
    Closed,
}

/// One client's conversation.
#[derive(Debug)]
pub struct Session {
    /// The message received so far; not empty exactly when `Open`.
    partial: Vec<u8>,
    /// The longest message allowed, in bytes without its line ending.
    max_message_bytes: usize,
    /// Bytes that were searched for a line ending; a test holds it to `SESSION-2`.
    searched_bytes: usize,
    /// What to do with two numbers.
    op: Op,
    /// Where the conversation stands.
    state: SessionState,
    /// Set by a pause that completed a message: an empty line that comes next is that message's late ending.
    late_ending: bool,
}

impl Session {
    /// Makes the session of a client that has just connected. `max_message_bytes` does not count the line ending.
    pub fn new(op: Op, max_message_bytes: usize) -> Self {
        Self {
            partial: Vec::new(),
            max_message_bytes,
            searched_bytes: 0,
            op,
            state: SessionState::Idle,
            late_ending: false,
        }
    }

    /// Returns where the conversation stands.
    pub fn state(&self) -> SessionState {
        self.state
    }

    /// Returns how many bytes were searched for a line ending (`SESSION-2`). A message that stands whole in its
    /// input is read without a search.
    pub fn searched_bytes(&self) -> usize {
        self.searched_bytes
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
            rest = match self.state {
                SessionState::Idle => match self.answer_front(rest, out) {
                    Some(after) => after,
                    None => self.take(rest, out),
                },
                SessionState::Open => self.take(rest, out),
                SessionState::Closed => return input.len(),
            };
        }
        input.len() - rest.len()
    }

    /// Answers the two numbers at the front of `input`, if they stand there whole; returns what follows them.
    ///
    /// Most messages do, and are read in one pass: they need not be searched for their end first.
    #[inline]
    fn answer_front<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
        let (a, b, rest) = parse_pair(input)?;
        let rest = rest.strip_prefix(b"\n")?;
        // Near a limit, `take` decides: a `\r` does not count.
        if input.len() - rest.len() > self.max_message_bytes.min(MAX_PRODUCT_BYTES) {
            return None;
        }
        self.late_ending = false;
        self.answer(a, b, out);
        Some(rest)
    }

    /// Takes the front of `input` up to the next line ending, or all of it; returns what is left.
    #[inline(never)]
    fn take<'a>(&mut self, input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        // A message of the largest size and its `\r\n` have two bytes more than the limit. Further away, an
        // ending would come too late, and is not looked for.
        let room = self.max_message_bytes.saturating_add(2) - self.partial.len();
        let window = &input[..input.len().min(room)];
        let ending = window.iter().position(|&byte| byte == b'\n');
        let line = &window[..ending.unwrap_or(window.len())];
        let rest = &input[ending.map_or(line.len(), |at| at + 1)..];
        self.searched_bytes += input.len() - rest.len();
        self.partial.extend_from_slice(line);
        self.state = SessionState::Open;
        // Without its ending a message of the largest size may have one byte more: half of the ending.
        if without_return(&self.partial).len() > self.max_message_bytes {
            self.partial = Vec::new();
            self.refuse(out);
        } else if ending.is_some() {
            // Taken, not cleared: an idle session owns no heap memory (SESSION-3).
            let line = mem::take(&mut self.partial);
            self.complete(without_return(&line), out);
        }
        rest
    }

    /// Answers a line that came with its ending.
    fn complete(&mut self, line: &[u8], out: &mut Vec<u8>) {
        self.state = SessionState::Idle;
        let is_late_ending = mem::take(&mut self.late_ending) && line.trim_ascii().is_empty();
        if !is_late_ending {
            self.answer_line(line, out);
        }
    }

    /// Answers a whole message, without its ending.
    fn answer_line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let text = line.trim_ascii();
        match parse_pair(text) {
            Some(_) if self.op == Op::Product && line.len() > MAX_PRODUCT_BYTES => {
                write_error(
                    &format!("product of a message longer than {MAX_PRODUCT_BYTES} bytes"),
                    out,
                );
            }
            Some((a, b, [])) => self.answer(a, b, out),
            _ if text == b"close" => self.state = SessionState::Closed,
            _ => write_error(&explain(text), out),
        }
    }

    /// Answers two numbers.
    #[inline]
    fn answer(&self, a: Decimal, b: Decimal, out: &mut Vec<u8>) {
        let result = match self.op {
            Op::Sum => a + b,
            Op::Product => a * b,
        };
        result.write_to(out);
        out.push(b'\n');
    }

    /// Tells the client that its message is too long, and ends the conversation.
    fn refuse(&mut self, out: &mut Vec<u8>) {
        let limit = self.max_message_bytes;
        let unit = if limit == 1 { "byte" } else { "bytes" };
        write_error(&format!("message longer than {limit} {unit}"), out);
        self.state = SessionState::Closed;
    }

    /// Takes note that the client paused: a message that is open counts as complete.
    ///
    /// A line ending that arrives right after still belongs to that message: a client that types slowly gets no
    /// error for an empty line. An open message of white space only is dropped without a reply.
    /// Does nothing unless `Open`.
    pub fn pause(&mut self, out: &mut Vec<u8>) {
        if self.state != SessionState::Open {
            return;
        }
        self.state = SessionState::Idle;
        self.late_ending = true;
        let line = mem::take(&mut self.partial);
        if !line.trim_ascii().is_empty() {
            self.answer_line(&line, out);
        }
    }

    /// Takes note that the client closed its sending side: like a pause, after which the session is `Closed`.
    ///
    /// Call it when all that the client sent has been fed.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.pause(out);
        self.state = SessionState::Closed;
    }
}

/// Reads the two numbers at the front of a text; returns them and what follows, up to the next byte that is not
/// blank. `None` if something else stands there.
#[inline]
fn parse_pair(text: &[u8]) -> Option<(Decimal, Decimal, &[u8])> {
    let (a, rest) = Decimal::parse_front(skip_blank(text)).ok()?;
    let (b, rest) = Decimal::parse_front(skip_separator(rest)?).ok()?;
    Some((a, b, skip_blank(rest)))
}

/// Skips white space and one comma; `None` if there is neither.
#[inline]
fn skip_separator(text: &[u8]) -> Option<&[u8]> {
    let rest = skip_blank(text);
    let rest = skip_blank(rest.strip_prefix(b",").unwrap_or(rest));
    (rest.len() < text.len()).then_some(rest)
}

/// Skips white space within a line.
#[inline]
fn skip_blank(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\x0c', rest @ ..] = text {
        text = rest;
    }
    text
}

/// Returns the line without the `\r` of its ending.
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Says what is wrong with a message that is not two numbers. Its text has no white space at either end.
fn explain(text: &[u8]) -> String {
    if text.is_empty() {
        return "empty message, expected two numbers".to_owned();
    }
    let is_separator = |byte: &u8| *byte == b',' || byte.is_ascii_whitespace();
    let end = text.iter().position(is_separator).unwrap_or(text.len());
    let (first, rest) = text.split_at(end);
    let second = skip_separator(rest).unwrap_or_default();
    let is_pair = !first.is_empty() && !second.is_empty() && !second.iter().any(is_separator);
    let pieces = if is_pair { &[first, second][..] } else { &[] };
    let fault = pieces.iter().find_map(|piece| Some((piece, Decimal::parse(piece).err()?)));
    match fault {
        Some((piece, NumberError::Malformed)) => format!("not a number: {}", quoted(piece)),
        Some((piece, NumberError::Exponent)) => {
            format!("exponent beyond {MAX_EXPONENT} in {}", quoted(piece))
        }
        None => format!(
            "expected two numbers parted by white space or one comma, came {}",
            quoted(text)
        ),
    }
}

/// Returns a text between quotes, escaped, and cut short (`SESSION-5`).
fn quoted(text: &[u8]) -> String {
    let shown = &text[..text.len().min(SHOWN_BYTES)];
    let more = if shown.len() < text.len() { "..." } else { "" };
    format!("\"{}{more}\"", shown.escape_ascii())
}

/// Appends an error as a reply.
fn write_error(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"error: ");
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}
