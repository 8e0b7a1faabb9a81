//! The factorial by prime swing.
//!
//! `n!` is the square of `⌊n/2⌋!`, times a number that is called the swing of `n`. A swing is short: about `n` bits,
//! where `n!` has `n log n`. Its prime factors are known: `p` occurs in it as often as there are odd numbers among
//! `⌊n/p⌋`, `⌊n/p²⌋` and so on. So a factorial is one square and one swing, and `⌊n/2⌋!` is computed in the same way.
//!
//! All factors of two are left out and shifted in at the end. The square is not computed first: `half · (half · swing)`
//! multiplies shorter numbers than `(half · half) · swing`.
//!
//! **Invariants**
//! - `SWING-1` `n! = odd(n) · 2^(n - ones)`, where `ones` counts the ones of `n` in binary, and `odd(n)` is odd.
//! - `SWING-2` `odd(n) = odd(n/2)² · swing(n)`, where the swing's twos are left out as well.
//!
//! **Source**: P. Luschny, "Swing, divide and conquer the factorial" (2008); Legendre's formula.

use num_bigint::BigUint;

use super::product::Factors;
use super::sieve::OddPrimes;
use super::toom::multiply;

/// The factorials that fit a word.
const TABLE: [u64; 21] = table();

/// Computes the factorials from 0! to 20!.
const fn table() -> [u64; 21] {
    let mut table = [1; 21];
    let mut n = 1;
    while n < table.len() {
        table[n] = table[n - 1] * n as u64;
        n += 1;
    }
    table
}

/// Looks a small factorial up.
fn small(n: u32) -> Option<u64> {
    TABLE.get(usize::try_from(n).ok()?).copied()
}

/// Computes `n!`.
///
/// # Blocking
/// It computes on the calling thread: a third of a second for a million.
///
/// # Examples
/// ```
/// use handloom::factorial::{digits, factorial};
///
/// assert_eq!(factorial(22).to_string(), "1124000727777607680000");
/// assert_eq!(digits::decimal_digits(&factorial(1_000)), 2_568);
/// ```
pub fn factorial(n: u32) -> BigUint {
    small(n).map_or_else(|| with_twos(odd_factorial(n), n), BigUint::from)
}

/// Multiplies by the twos that were left out (`SWING-1`).
pub(super) fn with_twos(odd: BigUint, n: u32) -> BigUint {
    odd << (n - n.count_ones())
}

/// Computes `n!` without its twos. The primes are found once: a smaller swing needs the first of them.
pub(super) fn odd_factorial(n: u32) -> BigUint {
    let primes: Vec<u32> = OddPrimes::new(3, n).collect();
    odd_factorial_of(n, &primes)
}

/// Computes `n!` without its twos; the primes go at least up to `n`.
fn odd_factorial_of(n: u32, primes: &[u32]) -> BigUint {
    if let Some(factorial) = small(n) {
        return BigUint::from(factorial >> factorial.trailing_zeros());
    }
    let up_to_n = primes.partition_point(|&prime| prime <= n);
    let half = odd_factorial_of(n / 2, primes);
    from_half(&half, &swing(n, primes[..up_to_n].iter().copied()))
}

/// Computes `odd(n)` from `odd(n/2)` and the swing of `n` (`SWING-2`).
fn from_half(half: &BigUint, swing: &BigUint) -> BigUint {
    multiply(half, &multiply(half, swing))
}

/// Multiplies the factors that these odd primes have in the swing of `n`.
pub(super) fn swing(n: u32, primes: impl Iterator<Item = u32>) -> BigUint {
    let mut factors = Factors::new();
    let root = n.isqrt();
    for prime in primes {
        if prime > root {
            // Its square is above `n`, so there is one quotient. Nearly all primes are such.
            if (n / prime) % 2 == 1 {
                factors.push(u64::from(prime));
            }
            continue;
        }
        // There is one quotient for each power of `prime` up to `n`, so the product is at most `n`.
        let mut power = 1;
        let mut quotient = n / prime;
        while quotient > 0 {
            if quotient % 2 == 1 {
                power *= u64::from(prime);
            }
            quotient /= prime;
        }
        factors.push(power);
    }
    factors.product()
}
