//! What a load asks, and what must come back.
//!
//! Problem: a client that makes up each request and works out each reply while it measures, measures itself.
//! So all is made beforehand, once, as bytes: a request is a slice, its reply another, and checking is
//! comparing.
//!
//! The right answers are reckoned here, with plain integers, and not by the server's own arithmetic: a mistake
//! there would otherwise agree with itself.
//!
//! **Invariants**
//! - `SCRIPT-1` Exchange `i` is the same in every run and on every machine, and repeats after [`RING`].
//! - `SCRIPT-2` Any [`RING`] exchanges in a row, from any start, are one slice: the ring is laid out twice.
//! - `SCRIPT-3` Requests and replies are not empty and hold one newline each, at their end.
//!
//! **Left out**: decimals, signs and long numbers. They cost a server more; this load is about waiting.

use crate::calc::Op;

/// How many different exchanges there are. A power of two, so that a place in the ring is a mask away.
pub(super) const RING: usize = 1024;

/// Both numbers are below this: a thousand, so three digits at most, as a human would type.
const BELOW: u64 = 1000;

/// The steps from one exchange's numbers to the next one's. Prime, and so without a short cycle modulo
/// [`BELOW`]; far apart, so that neighbours differ and a reply that goes to the wrong client is noticed.
const STEPS: (u64, u64) = (389, 727);

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
        for number in 0..2 * RING {
            // A `usize` fits: the platforms of this house have 64 bits.
            let place = (number % RING) as u64;
            let (a, b) = (place * STEPS.0 % BELOW, place * STEPS.1 % BELOW);
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

    /// Returns the requests and the replies of `count` exchanges in a row, at most [`RING`], from the
    /// exchange `from` on, whatever its number.
    pub(super) fn batch(&self, from: u64, count: usize) -> (&[u8], &[u8]) {
        // Masked to less than RING, which a `usize` holds.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "what is cut off is masked away anyhow"
        )]
        let first = from as usize & (RING - 1);
        let (begin, end) = (self.starts[first], self.starts[first + count]);
        (&self.requests[begin.0..end.0], &self.replies[begin.1..end.1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_over_the_rings_end_is_one_slice() {
        let script = Script::new(Op::Sum);
        let (requests, replies) = script.batch(RING as u64 - 1, 2);
        // Exchange 1023: 1023 * 389 % 1000 and 1023 * 727 % 1000; exchange 0: two zeros.
        assert_eq!(requests, b"947 721\n0 0\n", "SCRIPT-2");
        assert_eq!(replies, b"1668\n0\n", "SCRIPT-2");
        assert_eq!(script.batch(RING as u64, 1), script.batch(0, 1), "SCRIPT-1");
    }

    #[test]
    fn a_product_is_asked_with_the_same_numbers() {
        let (requests, replies) = (Script::new(Op::Sum), Script::new(Op::Product));
        assert_eq!(requests.batch(1, 1).0, b"389 727\n");
        assert_eq!(replies.batch(1, 1), (&b"389 727\n"[..], &b"282803\n"[..]));
    }
}
