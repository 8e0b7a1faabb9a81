//! The factorial: right, by every way there is to know it.

use crate::factorial_tree;
use handloom::factorial::sieve::OddPrimes;
use handloom::factorial::{digits, factorial};
use num_bigint::BigUint;
use proptest::prelude::*;

/// Both algorithms are compared for every number up to here: past each width at which words fill and halves meet.
const EVERY_UP_TO: u32 = 2_500;

/// How often `prime` divides `n!`, by Legendre's formula.
fn legendre(n: u32, prime: u32) -> u32 {
    std::iter::successors(Some(n / prime), |quotient| Some(quotient / prime))
        .take_while(|&quotient| quotient > 0)
        .sum()
}

/// How often `prime` divides a number, counted by squarings, so that a large number is divided a few times only.
fn exponent(value: &BigUint, prime: u32) -> u32 {
    let mut powers = vec![BigUint::from(prime)];
    while powers[powers.len() - 1].bits() * 2 <= value.bits() {
        let last = &powers[powers.len() - 1];
        powers.push(last * last);
    }
    let (mut rest, mut exponent) = (value.clone(), 0);
    for (i, power) in powers.iter().enumerate().rev() {
        // What is left is divided by each power once; the greatest perhaps more often.
        while &rest % power == BigUint::ZERO {
            rest /= power;
            exponent += 1 << i;
        }
    }
    exponent
}

fn odd_primes_by_trial(first: u32, last: u32) -> Vec<u32> {
    let is_prime = |n: u32| {
        n > 2 && !n.is_multiple_of(2) && (3..=n.isqrt()).step_by(2).all(|d| !n.is_multiple_of(d))
    };
    (first..=last).filter(|&n| is_prime(n)).collect()
}

#[test]
fn small_factorials_are_those_of_the_definition() {
    let mut wanted = BigUint::from(1_u32);
    for n in 0..=200_u32 {
        wanted *= n.max(1);
        assert_eq!(factorial(n), wanted, "{n}! by prime swing (SWING-1, SWING-2)");
        assert_eq!(factorial_tree::factorial(n), wanted, "{n}! by the tree");
    }
}

#[test]
fn both_algorithms_agree_on_every_number_up_to_a_bound() {
    for n in 0..=EVERY_UP_TO {
        assert!(
            factorial(n) == factorial_tree::factorial(n),
            "{n}! differs from the tree's (SWING-2)"
        );
    }
}

#[test]
fn both_algorithms_agree_on_large_numbers_where_products_are_cut() {
    // The first are those about which one product or another reaches the length from which it is cut.
    for n in [14_000, 16_384, 20_001, 32_767, 45_000, 65_537, 99_991, 131_072] {
        assert!(
            factorial(n) == factorial_tree::factorial(n),
            "{n}! differs from the tree's (TOOM-1)"
        );
    }
}

#[test]
fn digit_counts_are_the_known_ones() {
    for (n, wanted) in [(0, 1), (20, 19), (1_000, 2_568), (10_000, 35_660), (100_000, 456_574)] {
        assert_eq!(digits::decimal_digits(&factorial(n)), wanted, "digits of {n}! (DIGITS-1)");
    }
}

#[test]
fn a_million_has_its_digits_its_checksum_and_its_last_zeros() {
    let value = factorial(1_000_000);
    assert_eq!(digits::decimal_digits(&value), 5_565_709, "digits of 1,000,000! (DIGITS-1)");
    let wanted = digits::checksum_of_factorial(1_000_000);
    assert_eq!(digits::checksum(&value), wanted, "its checksum (DIGITS-2)");
    let twos = u64::from(legendre(1_000_000, 2));
    assert_eq!(value.trailing_zeros(), Some(twos), "its twos (SWING-1)");
    // A second modulus, far from a power of two.
    let modulus = 4_294_967_291_u64;
    let by_steps = (1..=1_000_000).fold(1, |product, factor| product * factor % modulus);
    assert_eq!(&value % modulus, BigUint::from(by_steps), "1,000,000! modulo {modulus}");
}

#[test]
fn prime_factors_are_those_of_legendres_formula() {
    for n in [30, 1_000, 4_096, 30_030] {
        let value = factorial(n);
        for prime in [2, 3, 5, 7, 11, 31, 97, 251, 509, 997, 2_003] {
            let wanted = legendre(n, prime);
            assert_eq!(exponent(&value, prime), wanted, "exponent of {prime} in {n}!");
        }
    }
}

#[test]
fn neighbours_differ_by_one_factor() {
    for n in [1, 20, 21, 22, 1_000, 25_000, 70_001] {
        assert!(factorial(n) == factorial(n - 1) * n, "expected {n}! to be {n} times {}!", n - 1);
    }
}

#[test]
fn the_sieve_finds_the_primes_of_every_range() {
    for first in 0..60 {
        for last in 0..130 {
            let found: Vec<u32> = OddPrimes::new(first, last).collect();
            assert_eq!(found, odd_primes_by_trial(first, last), "{first} to {last} (SIEVE-1)");
        }
    }
    // Across the borders of stretches, which are 262,144 numbers long, and at the end of what there is.
    for (first, last) in [(262_000, 262_300), (520_000, 800_000), (u32::MAX - 300, u32::MAX)] {
        let found: Vec<u32> = OddPrimes::new(first, last).collect();
        assert_eq!(found, odd_primes_by_trial(first, last), "{first} to {last} (SIEVE-1)");
    }
    // With 2, these are the 664,579 primes below ten million.
    assert_eq!(OddPrimes::new(0, 10_000_000).count(), 664_578, "odd primes up to ten million");
}

#[test]
fn a_sieve_that_is_at_its_end_stays_there() {
    let mut primes = OddPrimes::new(0, 7);
    assert_eq!(primes.by_ref().collect::<Vec<_>>(), [3, 5, 7], "SIEVE-1");
    assert_eq!((primes.next(), primes.next()), (None, None), "SIEVE-1, after the end");
}

proptest! {
    // Few, because each computes a large number twice.
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_algorithms_agree_on_any_number(n in 2_500_u32..60_000) {
        let value = factorial(n);
        prop_assert!(value == factorial_tree::factorial(n), "{}! differs from the tree's", n);
        prop_assert_eq!(digits::checksum(&value), digits::checksum_of_factorial(n));
    }
}
