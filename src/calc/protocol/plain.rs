//! The short way for the plainest messages: two integers of at most 18 digits, parted by one byte.
//!
//! Nearly every message of a benchmark, and of a lesson, looks like `5 7`. Finding its end, splitting it,
//! making two numbers on the heap and a third for the result takes a thousand instructions; reading it in
//! one pass takes a hundred. That is most of what a server spends outside the kernel.
//!
//! **Invariants**
//! - `PLAIN-1` It answers as the long way does, byte for byte, or not at all: whatever is not quite plain (a
//!   message that is not complete, a result beyond an `i64`) is left to the long way.
//! - `PLAIN-2` It looks at no more than [`MAX_BYTES`] bytes, so that trying it first costs a constant.

use super::op::Op;

/// The most digits that surely fit an `i64`, whose largest value has 19.
const MAX_DIGITS: usize = 18;

/// The longest plain message: two signs, the digits, a separator, and the line ending of two bytes.
pub(super) const MAX_BYTES: usize = 2 * (1 + MAX_DIGITS) + 1 + 2;

/// The longest reply: a sign, the 19 digits of the largest `i64`, and the line ending.
const REPLY_BYTES: usize = 1 + 19 + 1;

/// Answers the message at the front of `input` if it is a plain one; returns its length, line ending included.
#[inline]
pub(super) fn answer(op: Op, input: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let window = &input[..input.len().min(MAX_BYTES)];
    let (a, rest) = integer(window)?;
    let [b' ' | b',', rest @ ..] = rest else {
        return None;
    };
    let (b, rest) = integer(rest)?;
    let ([b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..]) = rest else {
        return None;
    };
    let result = match op {
        Op::Sum => a + b,
        Op::Product => a.checked_mul(b)?,
    };
    write_line(result, out);
    Some(window.len() - rest.len())
}

/// Reads an integer off the front of the text.
#[inline]
fn integer(text: &[u8]) -> Option<(i64, &[u8])> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut rest = digits;
    let mut size = 0_i64;
    while let [byte @ b'0'..=b'9', tail @ ..] = rest {
        // May wrap when there are too many digits; the count below throws that away.
        size = size.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'));
        rest = tail;
    }
    let count = digits.len() - rest.len();
    (1..=MAX_DIGITS)
        .contains(&count)
        .then_some((if negative { -size } else { size }, rest))
}

/// Appends the number and a line ending.
#[inline]
fn write_line(value: i64, out: &mut Vec<u8>) {
    let mut line = [b'\n'; REPLY_BYTES];
    let mut start = REPLY_BYTES - 1;
    let mut rest = value.unsigned_abs();
    loop {
        start -= 1;
        line[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        start -= 1;
        line[start] = b'-';
    }
    out.extend_from_slice(&line[start..]);
}
