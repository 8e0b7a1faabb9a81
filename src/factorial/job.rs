//! A part of a factorial, as data: computed by whichever worker has it, thread or process.
//!
//! The problem: a closure can be given to a thread, but no closure crosses from one process to another. A job here
//! says what to compute, and a few words say the same to another process; the result travels as limbs.
//!
//! **Invariants**
//! - `JOB-1` A job depends on nothing but itself: it may be computed anywhere, twice, and in any order.
//! - `JOB-2` [`Job::from_words`] makes of [`Job::to_words`] an equal job, and of anything else `None` or a job; it
//!   never panics.

use num_bigint::BigUint;

use super::limbs::from_limbs;
use super::sieve::OddPrimes;
use super::swing::{odd_factorial, swing};
use super::toom::multiply;

/// The first word of each kind of job.
const ODD_FACTORIAL: u64 = 0;
/// The same, of a swing.
const SWING: u64 = 1;
/// The same, of a product.
const PRODUCT: u64 = 2;

/// Something to compute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// `n!` without its twos.
    OddFactorial {
        /// The number.
        n: u32,
    },
    /// What the odd primes of a range contribute to the swing of `n`.
    Swing {
        /// The number.
        n: u32,
        /// The range's first number.
        first: u32,
        /// The range's last number.
        last: u32,
    },
    /// A product of two numbers, as large as a part of the whole factorial: of the kinds of jobs, this one alone is
    /// long to send.
    Product(BigUint, BigUint),
}

impl Job {
    /// Does the work.
    ///
    /// # Blocking
    /// It computes, for as long as a second or more, and waits for nothing.
    pub fn compute(&self) -> BigUint {
        match self {
            Self::OddFactorial { n } => odd_factorial(*n),
            Self::Swing { n, first, last } => swing(*n, OddPrimes::new(*first, *last)),
            Self::Product(a, b) => multiply(a, b),
        }
    }

    /// Writes the job down: its kind, then its numbers. Of a product, the first factor's length comes before both.
    pub fn to_words(&self) -> Vec<u64> {
        match self {
            Self::OddFactorial { n } => vec![ODD_FACTORIAL, u64::from(*n)],
            Self::Swing { n, first, last } => {
                vec![SWING, u64::from(*n), u64::from(*first), u64::from(*last)]
            }
            Self::Product(a, b) => {
                let a = a.iter_u64_digits();
                [PRODUCT, a.len() as u64].into_iter().chain(a).chain(b.iter_u64_digits()).collect()
            }
        }
    }

    /// Reads a job from its words; `None` when they are not a job's (`JOB-2`).
    pub fn from_words(words: &[u64]) -> Option<Self> {
        let short = |word: u64| u32::try_from(word).ok();
        match *words {
            [ODD_FACTORIAL, n] => Some(Self::OddFactorial { n: short(n)? }),
            [SWING, n, first, last] => {
                Some(Self::Swing { n: short(n)?, first: short(first)?, last: short(last)? })
            }
            // The second factor's length is what is left.
            [PRODUCT, length, ref limbs @ ..] => {
                // A length beyond the end is refused here, before anything is made of it.
                let (a, b) = limbs.split_at_checked(usize::try_from(length).ok()?)?;
                Some(Self::Product(from_limbs(a), from_limbs(b)))
            }
            _ => None,
        }
    }
}
