//! Long products, cut into smaller ones: the same as without, whatever the lengths and the limbs.
//!
//! They are reached as jobs. The oracle is `num-bigint`'s own product.

use handloom::factorial::{Job, Number, limbs};
use num_bigint::BigUint;
use proptest::prelude::*;

/// Compares a product with the oracle's.
#[track_caller]
fn check(what: &str, a: &BigUint, b: &BigUint) {
    let wanted = a * b;
    assert!(
        Job::Product(Number(a.clone()), Number(b.clone())).compute() == wanted,
        "{what} (TOOM-1, TOOM-2)"
    );
    assert!(
        Job::Product(Number(b.clone()), Number(a.clone())).compute() == wanted,
        "{what}, turned (TOOM-1)"
    );
}

/// The number whose limbs are all ones: every carry there can be, and the greatest values at every point.
fn ones(length: usize) -> BigUint {
    limbs::from_limbs(&vec![u64::MAX; length])
}

/// Limbs that look like chance, by a linear congruence.
fn mixed(length: usize, seed: u64) -> BigUint {
    let next = |x: &u64| {
        Some(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    };
    let limbs: Vec<u64> = std::iter::successors(Some(seed), next).take(length).collect();
    limbs::from_limbs(&limbs)
}

#[test]
fn the_greatest_numbers_do_not_outgrow_their_room() {
    // Lengths for 13, 19 and 31 points, equal and unequal.
    for (a, b) in [
        (2_000, 2_000),
        (2_001, 9_000),
        (10_000, 10_001),
        (2_500, 20_000),
        (31_000, 31_000),
        (4_000, 60_000),
    ] {
        check(&format!("ones, {a} by {b} limbs (TOOM-3)"), &ones(a), &ones(b));
    }
}

#[test]
fn numbers_that_are_nearly_all_zeros_are_multiplied_right() {
    let one = BigUint::from(1_u32);
    for bits in [128_000, 200_003, 1_000_000] {
        let power = &one << bits;
        check(&format!("2^{bits} and ones"), &power, &ones(2_100));
        check(&format!("2^{bits} + 1, squared"), &(&power + &one), &(&power + &one));
        check(&format!("2^{bits} - 1 and 2^{bits}"), &(&power - &one), &power);
    }
    check("zero", &BigUint::ZERO, &ones(3_000));
    check("one", &one, &ones(3_000));
}

#[test]
fn numbers_of_very_unequal_length_are_multiplied_right() {
    for longer in [4_000, 16_000, 30_000, 100_000] {
        check(&format!("2,000 by {longer} limbs"), &mixed(2_000, 1), &mixed(longer, 2));
    }
}

proptest! {
    // Few, because each takes many times as long as a usual case.
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_product_is_the_oracles(a in 1_900_usize..9_000, b in 1_900_usize..18_000, seed in any::<u64>()) {
        check(&format!("{a} by {b} limbs, seed {seed}"), &mixed(a, seed), &mixed(b, !seed));
    }

    #[test]
    fn any_other_product_is_the_oracles(a in 1_900_usize..9_000, b in 1_900_usize..18_000, seed in any::<u64>()) {
        check(&format!("{a} by {b} limbs, seed {seed}"), &mixed(a, seed), &mixed(b, !seed));
    }
}
