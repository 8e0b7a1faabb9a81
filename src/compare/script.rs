//! What a load asks, and what must come back.
//!
//! All requests and replies are made before the clock starts, so that the client does not measure itself. The replies
//! are computed with plain integers: a mistake of the server's arithmetic would agree with itself. The pairs are
//! integers of one to five digits, and one pair in five has a minus, as DESIGN 7 asks.
//!
//! **Invariants**
//! - `SCRIPT-1` Exchange `i` is the same in every run and on every machine, and repeats after [`RING`].
//! - `SCRIPT-2` Any [`RING`] exchanges in a row, from any start, are one slice: the ring is laid out twice.
//! - `SCRIPT-3` Requests and replies are not empty and hold one newline each, at their end.

use crate::calc::Op;

/// How many different exchanges there are. A power of two, so a position in the ring is found with a mask.
pub(super) const RING: usize = 1024;
/// How many digits a number has at most.
const MOST_DIGITS: u64 = 5;
/// One pair in so many has a minus, on its first and its second number in turn.
const MINUS_EVERY: usize = 5;
/// The multiplier and the increment of Knuth's linear congruential generator (MMIX).
const GENERATOR: [u64; 2] = [6_364_136_223_846_793_005, 1_442_695_040_888_963_407];

/// Requests and their replies, as bytes.
#[derive(Debug)]
pub(super) struct Script {
    /// All requests, one after another, twice (`SCRIPT-2`).
    requests: Vec<u8>,
    /// All replies, likewise.
    replies: Vec<u8>,
    /// Where the exchange of that number begins in `requests` and in `replies`; one more marks the end.
    starts: Vec<(usize, usize)>,
}

impl Script {
    /// Writes the script for a server that does `op`.
    pub(super) fn new(op: Op) -> Self {
        let mut script = Self { requests: Vec::new(), replies: Vec::new(), starts: vec![(0, 0)] };
        let pairs = pairs();
        for [a, b] in pairs.iter().chain(&pairs) {
            let result = match op {
                Op::Sum => a + b,
                Op::Product => a * b,
            };
            script.requests.extend_from_slice(format!("{a} {b}\n").as_bytes());
            script.replies.extend_from_slice(format!("{result}\n").as_bytes());
            script.starts.push((script.requests.len(), script.replies.len()));
        }
        script
    }

    /// Returns the requests and the replies of `count` exchanges in a row, at most [`RING`], from exchange `from` on.
    pub(super) fn batch(&self, from: u64, count: usize) -> (&[u8], &[u8]) {
        let first = usize::try_from(from % RING as u64).expect("holds because it is below RING");
        let (begin, end) = (self.starts[first], self.starts[first + count]);
        (&self.requests[begin.0..end.0], &self.replies[begin.1..end.1])
    }
}

/// Makes the pairs of numbers (`SCRIPT-1`).
fn pairs() -> Vec<[i64; 2]> {
    let mut state = 0_u64;
    let mut number = || {
        // The upper half of the state is the random one: 5 bits of it choose the length, 24 the number.
        state = state.wrapping_mul(GENERATOR[0]).wrapping_add(GENERATOR[1]);
        let (length, value) = (state >> 59, state >> 32 & 0xff_ffff);
        let below = 10_i64.pow(u32::try_from(length % MOST_DIGITS).unwrap_or(0) + 1);
        i64::try_from(value).unwrap_or(0) % below
    };
    let mut pairs: Vec<_> = (0..RING).map(|_| [number(), number()]).collect();
    for (index, pair) in pairs.iter_mut().skip(MINUS_EVERY - 1).step_by(MINUS_EVERY).enumerate() {
        // Never -0, which the server would have to write as 0.
        pair[index % 2] = -pair[index % 2].max(1);
    }
    pairs
}
