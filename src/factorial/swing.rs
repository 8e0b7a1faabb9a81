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
//! The factors of a swing are many and small. One factor after another would multiply a long number by a short one each
//! time. Here they are packed into words, and the words multiplied half by half: both halves have about equal length.
//!
//! **Source**: P. Luschny, "Swing, divide and conquer the factorial" (2008); Legendre's formula; D. J. Bernstein, "Fast
//! multiplication and its applications", section 12, product trees.

use num_bigint::BigUint;

use super::sieve::OddPrimes;
use super::toom::multiply;

/// Words that are multiplied one after another. From 4 to 64, the bench `factorial` shows no difference.
const FEW: usize = 16;
/// The factorials that fit a word, from 0! to 20!.
const TABLE: [u64; 21] = {
    let mut table = [1; 21];
    let mut n = 1;
    while n < table.len() {
        table[n] = table[n - 1] * n as u64;
        n += 1;
    }
    table
};

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
    let half = odd_factorial_of(n / 2, primes);
    let swing = swing(n, primes.iter().copied().take_while(|prime| *prime <= n));
    // SWING-2
    multiply(&half, &multiply(&half, &swing))
}

/// Multiplies the factors that these odd primes have in the swing of `n`.
pub(super) fn swing(n: u32, primes: impl Iterator<Item = u32>) -> BigUint {
    product_of(primes.map(|prime| {
        // There is one quotient for each power of `prime` up to `n`, so the product is at most `n`.
        let (mut power, mut quotient) = (1, n / prime);
        while quotient > 0 {
            if quotient % 2 == 1 {
                power *= u64::from(prime);
            }
            quotient /= prime;
        }
        power
    }))
}

/// Multiplies factors, after packing as many of them as fit into each machine word.
fn product_of(factors: impl Iterator<Item = u64>) -> BigUint {
    let (mut words, mut word) = (Vec::new(), 1_u64);
    for factor in factors {
        if let Some(product) = word.checked_mul(factor) {
            word = product;
        } else {
            words.push(word);
            word = factor;
        }
    }
    words.push(word);
    product(&words)
}

/// Multiplies words, half by half.
fn product(words: &[u64]) -> BigUint {
    if words.len() <= FEW {
        return words.iter().fold(BigUint::from(1_u32), |product, word| product * word);
    }
    let (low, high) = words.split_at(words.len() / 2);
    multiply(&product(low), &product(high))
}
