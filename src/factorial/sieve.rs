//! The sieve: the odd primes of a range, in order.
//!
//! The problem: prime swing wants every prime up to `n`. A sieve of one byte for each number up to 10⁸ takes
//! 100 MB and runs at the speed of memory. This one keeps a bit for each odd number of one stretch, which fits the
//! processor's nearest cache, and goes from stretch to stretch. It can begin anywhere, so that a job takes a part.
//!
//! **Invariants**
//! - `SIEVE-1` Each odd prime from the first to the last number asked for comes once, in ascending order; 2 never.
//! - `SIEVE-2` The memory is one stretch and the primes up to the square root of the last number, whatever the range.
//!
//! **Source**: Eratosthenes, in segments: C. Bays and R. Hudson, *BIT* 17 (1977).

/// 64-bit words of a stretch: 16 KiB, half of a usual first-level cache. Taste.
const STRETCH_WORDS: usize = 2_048;

/// Odd numbers in a stretch.
const STRETCH_ODDS: u64 = STRETCH_WORDS as u64 * 64;

/// The odd primes of a range, an iterator.
///
/// # Examples
/// ```
/// use handloom::factorial::sieve::OddPrimes;
///
/// assert_eq!(OddPrimes::new(80, 100).collect::<Vec<_>>(), [83, 89, 97]);
/// ```
#[derive(Debug)]
pub struct OddPrimes {
    /// The odd primes up to the square root of `last`; never changes.
    base: Vec<u32>,
    /// A bit for each odd number of the stretch, set while the number may still come. Cleared as it is given out.
    bits: Vec<u64>,
    /// The word of `bits` to look at; those below are done.
    word: usize,
    /// The odd number that the stretch's lowest bit stands for. 64 bits wide: the next stretch may begin beyond 2³².
    start: u64,
    /// The last number asked for.
    last: u64,
}

impl OddPrimes {
    /// Prepares the odd primes from `first` to `last`, both among them if they are prime.
    pub fn new(first: u32, last: u32) -> Self {
        // 1 is odd and no prime; 2 is a prime and not odd (`SIEVE-1`).
        let start = u64::from(first.max(3) | 1);
        let mut primes = Self {
            base: base(last.isqrt()),
            bits: Vec::new(),
            word: 0,
            start,
            last: u64::from(last),
        };
        primes.sieve();
        primes
    }

    /// Fills the stretch that begins at `start`: sets all bits, and strikes out the odd multiples of each prime.
    ///
    /// An even multiple has no bit, so the next odd multiple is two primes further, which is `prime` bits further.
    fn sieve(&mut self) {
        self.word = 0;
        let odds = (self.last + 1).saturating_sub(self.start).div_ceil(2).min(STRETCH_ODDS);
        let words = usize::try_from(odds.div_ceil(64))
            .expect("holds because a stretch is STRETCH_WORDS long");
        self.bits.clear();
        self.bits.resize(words, u64::MAX);
        if !odds.is_multiple_of(64) {
            // The top word goes beyond the last number.
            self.bits[words - 1] >>= 64 - odds % 64;
        }
        let end = self.start + 2 * odds;
        for &prime in &self.base {
            let prime = u64::from(prime);
            if prime * prime >= end {
                // What it could strike out is below its square, and has a smaller factor.
                break;
            }
            // The first odd multiple in the stretch; below the square, a smaller prime has struck it out.
            let multiple = (self.start.div_ceil(prime) | 1).max(prime) * prime;
            let mut odd = (multiple - self.start) / 2;
            while odd < odds {
                self.bits[index(odd)] &= !(1 << (odd % 64));
                odd += prime;
            }
        }
    }
}

/// The word in which the bit of the `odd`-th odd number is.
fn index(odd: u64) -> usize {
    usize::try_from(odd / 64).expect("holds because a stretch is STRETCH_WORDS long")
}

/// The odd primes up to the square root of some last number, by a sieve without stretches.
fn base(last: u32) -> Vec<u32> {
    let mut primes: Vec<u32> = Vec::new();
    for odd in (3..=last).step_by(2) {
        // At most 2^16 numbers, each tried with the primes up to 2^8: less than the first stretch takes.
        if primes.iter().take_while(|&&prime| prime * prime <= odd).all(|prime| odd % prime != 0) {
            primes.push(odd);
        }
    }
    primes
}

impl Iterator for OddPrimes {
    type Item = u32;

    /// Gives the next prime (`SIEVE-1`).
    fn next(&mut self) -> Option<u32> {
        loop {
            while let Some(bits) = self.bits.get_mut(self.word) {
                if *bits != 0 {
                    let odd = self.word as u64 * 64 + u64::from(bits.trailing_zeros());
                    // Clears the lowest bit that is set, which is the one just read.
                    *bits &= *bits - 1;
                    let prime = self.start + 2 * odd;
                    return Some(u32::try_from(prime).expect("holds because it is at most `last`"));
                }
                self.word += 1;
            }
            // All bits of this stretch are given out.
            self.start += 2 * STRETCH_ODDS;
            if self.start > self.last {
                // Asked again, it says so again.
                self.bits.clear();
                return None;
            }
            self.sieve();
        }
    }
}
