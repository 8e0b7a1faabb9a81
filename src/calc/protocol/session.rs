//! What a server remembers of one client: the message that is partly there, and the product under way.
//!
//! TCP is a stream: a message may come in pieces, two may come in one, and a client of the course does not
//! end its message at all but waits. A server that takes each `read` for a message works on the author's
//! machine and fails on a network. A session takes the bytes as they come, cut anywhere, and gives the
//! replies in order; the server keeps the socket, the clock and the buffers.
//!
//! | state | means | the server should |
//! | --- | --- | --- |
//! | `Idle` | no message begun | read on |
//! | `Open` | a message partly received | read on, and call [`Session::pause`] when nothing comes for a while |
//! | `Busy` | a long product under way | call [`Session::step`] between other clients' work, then feed what is left |
//! | `Closed` | nothing more will be answered | flush what is out, then close |
//!
//! **Invariants**
//! - `SESSION-1` However the input is cut into pieces, the replies are the same bytes.
//! - `SESSION-2` No byte is searched for a line ending twice: a long message in small pieces is linear.
//! - `SESSION-3` Memory is bounded: a message is kept up to the limit, and while [`OUT_HIGH_WATER`] bytes of
//!   replies wait, no further message is answered.
//! - `SESSION-4` An idle session owns no heap memory.
//! - `SESSION-5` Replies come in the order of messages: nothing is taken while `Busy`, nothing at all once `Closed`.
//! - `SESSION-6` No call works for more than a millisecond or two on one message of the default size.

use std::io::Write;
use std::mem;

use super::message::Message;
use super::number::Decimal;
use super::op::Op;
use super::plain;
use super::product::Product;
use super::sum::sum;

/// Replies that may wait to be sent, in bytes, before [`Session::feed`] takes no further message. Taste: as much
/// as a socket's own buffer holds. The last reply taken in may go beyond it.
pub const OUT_HIGH_WATER: usize = 64 * 1024;

/// Products of limbs in one [`Session::step`]. Measured: half a millisecond to a whole one, by the machine.
const STEP_BUDGET: usize = 1 << 20;

/// A product that costs no more than this is computed at once: far less than parsing the message costs.
const AT_ONCE_BUDGET: usize = 1 << 14;

/// What a session is waiting for; the module's table says what the server should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No message has begun.
    Idle,
    /// A message has been partly received.
    Open,
    /// A long product is under way.
    Busy,
    /// The conversation is over.
    Closed,
}

/// One client's conversation.
#[derive(Debug)]
pub struct Session {
    /// The message received so far; not empty exactly when `Open`, and given back when complete (`SESSION-4`).
    partial: Vec<u8>,
    /// The product under way; there is one exactly when `Busy`.
    product: Option<Box<Product>>,
    /// The longest message allowed, in bytes without its line ending.
    max_message_bytes: usize,
    /// Bytes searched for a line ending since the start, on the long way; tests hold it to `SESSION-2`.
    searched_bytes: usize,
    /// What to do with two numbers.
    op: Op,
    /// Where the conversation stands.
    state: State,
    /// Set by a pause that completed a message: an empty line that comes next is that message's late ending.
    late_ending: bool,
    /// Set when the client's end came while `Busy`: the session closes once the product is out.
    ended: bool,
}

impl Session {
    /// Makes the session of a client that has just come; `max_message_bytes` does not count the line ending.
    pub fn new(op: Op, max_message_bytes: usize) -> Self {
        Self {
            partial: Vec::new(),
            product: None,
            max_message_bytes,
            searched_bytes: 0,
            op,
            state: State::Idle,
            late_ending: false,
            ended: false,
        }
    }

    /// Returns where the conversation stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Returns how many bytes were searched for a line ending so far, plain messages not counted (`SESSION-2`).
    pub fn searched_bytes(&self) -> usize {
        self.searched_bytes
    }

    /// Takes messages from the front of `input` and appends their replies to `out`; returns the bytes taken.
    ///
    /// A message that is not complete is kept inside. Less than all is taken in two cases: `out` has reached
    /// [`OUT_HIGH_WATER`], or the session is now `Busy`. The rest is to be fed again later. When `Closed`, all
    /// is taken and ignored.
    ///
    /// # Examples
    /// ```
    /// use handloom::calc::{Op, Session};
    /// let (mut session, mut out) = (Session::new(Op::Sum, 1024), Vec::new());
    /// session.feed(b"5 7\n0.1 0", &mut out);
    /// session.feed(b".2\n", &mut out);
    /// assert_eq!(out, b"12\n0.3\n");
    /// ```
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let rest = self.feed_plain(input, out);
        if rest.is_empty() {
            input.len()
        } else {
            input.len() - rest.len() + self.feed_on(rest, out)
        }
    }

    /// Goes on with a message that is not plain, and with all that follows it; returns the bytes taken.
    ///
    /// A function of its own, so that `feed` need not save the registers of all this for a plain message.
    #[inline(never)]
    fn feed_on(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let mut rest = input;
        while !rest.is_empty() {
            match self.state {
                State::Closed => return input.len(),
                State::Idle | State::Open if out.len() < OUT_HIGH_WATER => {
                    rest = &rest[self.take(rest, out)..];
                }
                _ => break,
            }
            rest = self.feed_plain(rest, out);
        }
        input.len() - rest.len()
    }

    /// Answers plain messages from the front of `input` while there are any; returns what is left of it.
    #[inline]
    fn feed_plain<'a>(&self, input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        // With a limit as low as that, the long way must look at each message's length; and it is the long way
        // that looks for a late ending.
        let long_way = self.max_message_bytes < plain::MAX_BYTES || self.late_ending;
        if self.state != State::Idle || long_way {
            return input;
        }
        plain::answer(self.op, input, out)
    }

    /// Takes the front of `input` up to the next line ending, or all of it; returns the bytes taken.
    ///
    /// Kept out of `feed`, whose plain messages would otherwise pay for its registers.
    #[inline(never)]
    fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        // A message of the largest size and its `\r\n` have two bytes more than the limit; further away, an
        // ending would come too late, and need not be looked for.
        let room = self.max_message_bytes.saturating_add(2) - self.partial.len();
        let window = &input[..input.len().min(room)];
        // What is kept is one byte short of that at most, so something is taken each time, and `feed_on` ends.
        debug_assert!(!window.is_empty(), "no room for a byte of the message");
        let ending = find_line_ending(window);
        let length = ending.unwrap_or(window.len());
        self.searched_bytes += ending.map_or(length, |at| at + 1);
        // The common case: the whole message stands in the input, and need not be copied.
        if ending.is_some() && self.partial.is_empty() {
            self.complete(&window[..length], out);
            return length + 1;
        }
        self.partial.extend_from_slice(&window[..length]);
        self.state = State::Open;
        if ending.is_some() {
            // Taken, not cleared: a client that once sent a megabyte should not hold it for ever.
            let line = mem::take(&mut self.partial);
            self.complete(&line, out);
            return length + 1;
        }
        // The last byte may be the first half of an ending.
        if without_return(&self.partial).len() > self.max_message_bytes {
            self.partial = Vec::new();
            self.refuse(out);
        }
        length
    }

    /// Answers a line that came with its ending.
    fn complete(&mut self, line: &[u8], out: &mut Vec<u8>) {
        self.state = State::Idle;
        let late_ending = mem::take(&mut self.late_ending);
        let line = without_return(line);
        if line.len() > self.max_message_bytes {
            self.refuse(out);
        } else if !(late_ending && line.trim_ascii().is_empty()) {
            self.answer(line, out);
        }
    }

    /// Tells the client that its message is too long, and ends the conversation.
    fn refuse(&mut self, out: &mut Vec<u8>) {
        let limit = self.max_message_bytes;
        let unit = if limit == 1 { "byte" } else { "bytes" };
        write_error(format_args!("message longer than {limit} {unit}"), out);
        self.state = State::Closed;
    }

    /// Answers a whole message.
    fn answer(&mut self, line: &[u8], out: &mut Vec<u8>) {
        match Message::parse(line) {
            Ok(Message::Close) => self.state = State::Closed,
            Ok(Message::Numbers(a, b)) => match self.op {
                Op::Sum => write_number(&sum(&a, &b), out),
                Op::Product => self.multiply(Product::new(a, b), out),
            },
            Err(error) => write_error(format_args!("{error}"), out),
        }
    }

    /// Answers with a short product, or begins a long one.
    fn multiply(&mut self, product: Product, out: &mut Vec<u8>) {
        if product.cost() <= AT_ONCE_BUDGET {
            write_number(&product.finish(), out);
        } else {
            self.product = Some(Box::new(product));
            self.state = State::Busy;
        }
    }

    /// Does one slice, about a millisecond, of the product under way; when that completes it, appends the reply.
    ///
    /// Does nothing unless `Busy`.
    pub fn step(&mut self, out: &mut Vec<u8>) {
        if let Some(product) = self.product.take_if(|product| product.step(STEP_BUDGET)) {
            write_number(&product.finish(), out);
            self.state = State::Idle;
            if self.ended {
                self.state = State::Closed;
            }
        }
    }

    /// Takes note that the client paused: a message that is open counts as complete.
    ///
    /// A line ending that arrives right after still belongs to that message, so that one who types slowly is
    /// not told off for an empty line. An open message of white space only is dropped without a word.
    /// Does nothing unless `Open`.
    pub fn pause(&mut self, out: &mut Vec<u8>) {
        if self.state != State::Open {
            return;
        }
        self.state = State::Idle;
        self.late_ending = true;
        let line = mem::take(&mut self.partial);
        if !line.trim_ascii().is_empty() {
            self.answer(&line, out);
        }
    }

    /// Takes note that the client closed its sending side: like a pause, after which the session is `Closed`.
    ///
    /// Call it when all that the client sent has been fed. While a long product is under way the session stays
    /// `Busy`, and closes when the reply is out.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        // What was open is answered, and may begin a long product.
        self.pause(out);
        self.ended = true;
        if self.state != State::Busy {
            self.state = State::Closed;
        }
    }
}

/// Returns where the first line ending stands.
fn find_line_ending(bytes: &[u8]) -> Option<usize> {
    /// Bytes asked about at once. Taste, within wide limits: `contains` looks at whole words, and
    /// `position` at single bytes.
    const BLOCK: usize = 256;
    let skipped = bytes.chunks(BLOCK).take_while(|block| !block.contains(&b'\n')).count() * BLOCK;
    let at = bytes.get(skipped..)?.iter().position(|&byte| byte == b'\n')?;
    Some(skipped + at)
}

/// Returns the line without the `\r` of its line ending.
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Appends a number as a reply.
fn write_number(number: &Decimal, out: &mut Vec<u8>) {
    number.write_to(out);
    out.push(b'\n');
}

/// Appends an error as a reply.
fn write_error(text: std::fmt::Arguments<'_>, out: &mut Vec<u8>) {
    writeln!(out, "error: {text}").expect("holds because writing to a Vec cannot fail");
}
