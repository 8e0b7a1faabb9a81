//! A part of a factorial as data, because a closure cannot be sent to another process.
//!
//! **Invariants**
//! - `JOB-1` A job depends on no other job and no shared state.
//! - `JOB-2` What was encoded is decoded as an equal value. Other bytes are an error or a value, never a panic.

use num_bigint::BigUint;

use super::sieve::OddPrimes;
use super::swing::{odd_factorial, swing};
use super::toom::multiply;
use crate::processes::Message;

/// A number that can cross to another process, as the count of its bytes and these. Decimal digits would take longer than
/// the factorial itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(pub BigUint);

/// Something to compute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// `n!` without its twos, of this number.
    OddFactorial(u32),
    /// The factors that the odd primes of a range have in a swing: the number, and the first and the last of the range.
    Swing(u32, [u32; 2]),
    /// A product of two numbers. This kind alone is long to send.
    Product(Number, Number),
}

impl Job {
    /// Computes the result, on the calling thread.
    pub fn compute(&self) -> BigUint {
        match self {
            Self::OddFactorial(n) => odd_factorial(*n),
            Self::Swing(n, [first, last]) => swing(*n, OddPrimes::new(*first, *last)),
            Self::Product(a, b) => multiply(&a.0, &b.0),
        }
    }
}

impl Message for Job {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Self::OddFactorial(n) => (0_u8, *n).encode(out),
            Self::Swing(n, [first, last]) => (1_u8, *n, *first, *last).encode(out),
            Self::Product(a, b) => {
                2_u8.encode(out)?;
                a.encode(out)?;
                b.encode(out)
            }
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, String> {
        match u8::decode(input)? {
            0 => u32::decode(input).map(Self::OddFactorial),
            1 => {
                let (n, first, last) = Message::decode(input)?;
                Ok(Self::Swing(n, [first, last]))
            }
            2 => Ok(Self::Product(Number::decode(input)?, Number::decode(input)?)),
            other => Err(format!("{other} is no kind of job")),
        }
    }
}

impl Message for Number {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        let bytes = self.0.to_bytes_le();
        bytes.len().encode(out)?;
        out.extend_from_slice(&bytes);
        Ok(())
    }

    fn decode(input: &mut &[u8]) -> Result<Self, String> {
        let length = usize::decode(input)?;
        let bytes = input.split_off(..length).ok_or("a number is cut")?;
        Ok(Self(BigUint::from_bytes_le(bytes)))
    }
}
