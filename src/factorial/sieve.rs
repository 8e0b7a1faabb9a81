//! The sieve: the odd primes of a range, in order. The range can start at any number, so a part of it can be a job.
//!
//! A bit for each odd number of the range is enough memory: 6 MiB for all primes up to 10⁸.
//!
//! **Invariants**
//! - `SIEVE-1` Each odd prime of the range is returned once, in ascending order; 2 is never returned.
//!
//! **Source**: Eratosthenes.

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
    /// A bit for each odd number from `start` on: set if it is a prime that was not returned yet.
    bits: Vec<u64>,
    /// The words of `bits` before this one are zero.
    word: usize,
    /// The odd number of the lowest bit.
    start: u64,
}

impl OddPrimes {
    /// The odd primes from `first` to `last`, both included.
    pub fn new(first: u32, last: u32) -> Self {
        let (start, last) = (u64::from(first.max(3) | 1), u64::from(last));
        let odds = (last + 1).saturating_sub(start).div_ceil(2);
        let mut bits = vec![u64::MAX; index(odds.div_ceil(64) * 64)];
        if let Some(top) = bits.last_mut()
            && !odds.is_multiple_of(64)
        {
            *top >>= 64 - odds % 64;
        }
        let mut base: Vec<u64> = Vec::new();
        for odd in (3..=last.isqrt()).step_by(2) {
            if base.iter().take_while(|&&prime| prime * prime <= odd).any(|prime| odd % prime == 0)
            {
                continue;
            }
            base.push(odd);
            // The first odd multiple in the range that is not below the square. The next one is `2 · prime` further,
            // which is `prime` bits, because even numbers have no bit.
            let multiple = (start.div_ceil(odd) | 1).max(odd) * odd;
            let mut bit = (multiple - start) / 2;
            while bit < odds {
                bits[index(bit)] &= !(1 << (bit % 64));
                bit += odd;
            }
        }
        Self { bits, word: 0, start }
    }
}

/// The word in which a bit is.
fn index(bit: u64) -> usize {
    usize::try_from(bit / 64).expect("holds because it is below 2^26")
}

impl Iterator for OddPrimes {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        while let Some(bits) = self.bits.get_mut(self.word) {
            if *bits != 0 {
                let bit = self.word as u64 * 64 + u64::from(bits.trailing_zeros());
                // Clears the lowest bit that is set.
                *bits &= *bits - 1;
                let prime = self.start + 2 * bit;
                return Some(u32::try_from(prime).expect("holds because it is in the range"));
            }
            self.word += 1;
        }
        None
    }
}
