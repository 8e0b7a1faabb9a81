//! The short way for the plainest messages: two integers of a few digits, without signs, as in `5 7`.
//!
//! Nearly every message of a benchmark, and of a lesson, is of this kind. Finding its end, splitting it, and
//! making two numbers on the heap and a third for the result takes two thousand instructions and
//! three allocations; reading it in one pass takes less than a tenth of that. Outside the kernel a server does little else.
//!
//! **Invariants**
//! - `PLAIN-1` It answers as the long way does, byte for byte, or not at all: a message that is incomplete, or
//!   not quite plain, or whose result needs more than a `u64`, is left to the long way.
//! - `PLAIN-2` It looks at no more than [`MAX_BYTES`] bytes, so that trying it first costs a constant.
//! - `PLAIN-3` Nothing is allocated but room in `out`.

use super::op::Op;
use super::session::OUT_HIGH_WATER;

/// The most digits in a plain integer; the sum of two such integers fits a `u64`, which holds any of 19 digits.
const MAX_DIGITS: usize = 18;

/// The longest plain message: two integers, a separator and a line ending.
pub(super) const MAX_BYTES: usize = 2 * MAX_DIGITS + 2;

/// One more than the largest value whose line fits the eight bytes of a register; larger ones take a loop.
const REGISTER_LIMIT: u64 = 10_000_000;

/// The longest reply: the 20 digits of the largest `u64`, and the line ending.
const LONGEST_LINE: usize = 21;

/// Answers plain messages from the front of `input` while there are any, and returns what is left of it.
///
/// Stops, as [`Session::feed`](super::Session::feed) does, when [`OUT_HIGH_WATER`] bytes of replies wait.
pub(super) fn answer<'a>(op: Op, mut input: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    while !input.is_empty() && out.len() < OUT_HIGH_WATER {
        let Some((a, b, length)) = parse(input) else {
            break;
        };
        let result = match op {
            Op::Sum => a + b,
            Op::Product => match a.checked_mul(b) {
                Some(product) => product,
                None => break,
            },
        };
        write_line(result, out);
        input = &input[length..];
    }
    input
}

/// Reads the message at the front of `input` if it is a plain one: its numbers, and its length with the ending.
#[inline]
fn parse(input: &[u8]) -> Option<(u64, u64, usize)> {
    let window = &input[..input.len().min(MAX_BYTES)];
    let (a, rest) = integer(window)?;
    let [b' ' | b',', rest @ ..] = rest else {
        return None;
    };
    let (b, rest) = integer(rest)?;
    let [b'\n', rest @ ..] = rest else {
        return None;
    };
    Some((a, b, window.len() - rest.len()))
}

/// Reads an integer off the front of the text.
#[inline]
fn integer(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    let mut rest = text;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        // May wrap when there are too many digits, but then the count below refuses the value.
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        rest = tail;
    }
    let count = text.len() - rest.len();
    (1..=MAX_DIGITS).contains(&count).then_some((value, rest))
}

/// Appends the number and a line ending.
#[inline]
fn write_line(value: u64, out: &mut Vec<u8>) {
    /// What makes seven digits text, and an eighth that is zero the line ending.
    const TEXT: u64 = u64::from_le_bytes(*b"0000000\n");
    /// A bit in the seventh digit: leading zeros are not counted beyond it, so that a zero keeps one digit.
    const LAST_DIGIT: u64 = 1 << 55;
    if value >= REGISTER_LIMIT {
        return write_long_line(value, out);
    }
    let digits = spread(value * 10);
    // The highest digit is in the lowest byte, so leading zeros of the number are trailing zeros here.
    let zeros = (digits | LAST_DIGIT).trailing_zeros() / 8;
    let line = (digits | TEXT) >> (8 * zeros);
    // Eight bytes are one store; to copy just as many as there are would take a call.
    out.extend_from_slice(&line.to_le_bytes());
    out.truncate(out.len() - zeros as usize);
}

/// Appends a number too long for a register, and a line ending, digit by digit.
///
/// Out of line, since the short numbers would pay for the registers and the stack that this needs.
#[cold]
#[inline(never)]
fn write_long_line(mut value: u64, out: &mut Vec<u8>) {
    let mut line = [b'\n'; LONGEST_LINE];
    let mut start = LONGEST_LINE - 1;
    while value > 0 {
        start -= 1;
        line[start] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&line[start..]);
}

/// Spreads a value of at most eight digits over eight bytes, a digit in each, the highest in the lowest byte.
///
/// A loop takes one digit after the other, each by a division that waits for the one before. Here three steps
/// halve all the pieces at once: two of four digits, four of two, eight of one. In each step the upper part of
/// every piece stays, and the lower part moves up by half a piece.
///
/// ```text
///   12345678  →  5678 1234  →  78 56 34 12  →  8 7 6 5 4 3 2 1
/// ```
///
/// A quotient of small numbers is a product and a shift: 10486 / 2²⁰ is close enough to 1/100 for four digits,
/// 103 / 2¹⁰ to 1/10 for two. The mask removes what the shift brought down from the next piece.
#[inline]
fn spread(value: u64) -> u64 {
    let upper = value / 10_000;
    let fours = upper | (value - upper * 10_000) << 32;
    let upper = ((fours * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let twos = upper | (fours - upper * 100) << 16;
    let upper = ((twos * 103) >> 10) & 0x000F_000F_000F_000F;
    upper | (twos - upper * 10) << 8
}
