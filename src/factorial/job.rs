//! A part of a factorial as data, because a closure cannot be sent to another process.
//!
//! **Invariants**
//! - `JOB-1` A job depends on no other job and no shared state.
//! - `JOB-2` What was encoded is decoded as an equal value. Other bytes are an error or a value, never a panic.

use num_bigint::BigUint;

use super::sieve::OddPrimes;
use super::swing::{odd_factorial, swing};
use super::toom::multiply;
use crate::processes::{Message, Unreadable};

/// Something to compute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// `n!` without its twos.
    OddFactorial {
        /// The number.
        n: u32,
    },
    /// The factors that the odd primes of a range have in the swing of `n`.
    Swing {
        /// The number.
        n: u32,
        /// The range's first number.
        first: u32,
        /// The range's last number.
        last: u32,
    },
    /// A product of two numbers. This kind alone is long to send.
    Product(BigUint, BigUint),
}

impl Job {
    /// Computes the result, on the calling thread.
    pub fn compute(&self) -> BigUint {
        match self {
            Self::OddFactorial { n } => odd_factorial(*n),
            Self::Swing { n, first, last } => swing(*n, OddPrimes::new(*first, *last)),
            Self::Product(a, b) => multiply(a, b),
        }
    }
}

impl Message for Job {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        match self {
            Self::OddFactorial { n } => (0_u8, *n).encode(out),
            Self::Swing { n, first, last } => (1_u8, *n, *first, *last).encode(out),
            Self::Product(a, b) => {
                2_u8.encode(out)?;
                encode_number(a, out)?;
                encode_number(b, out)
            }
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        match u8::decode(input)? {
            0 => Ok(Self::OddFactorial { n: u32::decode(input)? }),
            1 => {
                let (n, first, last) = Message::decode(input)?;
                Ok(Self::Swing { n, first, last })
            }
            2 => Ok(Self::Product(decode_number(input)?, decode_number(input)?)),
            other => Err(Unreadable(format!("{other} is no kind of job"))),
        }
    }
}

/// Appends a number: the count of its bytes, and these. Decimal digits would take longer than the factorial itself.
pub(super) fn encode_number(value: &BigUint, out: &mut Vec<u8>) -> Result<(), Unreadable> {
    let bytes = value.to_bytes_le();
    bytes.len().encode(out)?;
    out.extend_from_slice(&bytes);
    Ok(())
}

/// Reads a number.
pub(super) fn decode_number(input: &mut &[u8]) -> Result<BigUint, Unreadable> {
    let length = usize::decode(input)?;
    let bytes = input.split_off(..length).ok_or_else(|| Unreadable("a number is cut".into()))?;
    Ok(BigUint::from_bytes_le(bytes))
}
