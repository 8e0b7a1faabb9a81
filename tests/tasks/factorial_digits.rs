//! What is shown of a large number, and the form in which it travels.

use handloom::factorial::digits::{MODULUS, checksum, checksum_of_factorial, decimal_digits};
use handloom::factorial::{factorial, limbs};
use num_bigint::BigUint;
use proptest::prelude::*;

#[test]
fn digits_are_counted_right_on_both_sides_of_every_power_of_ten() {
    let mut power = BigUint::from(1_u32);
    for exponent in 0..700 {
        assert_eq!(decimal_digits(&power), exponent + 1, "10^{exponent} (DIGITS-1)");
        let wanted = exponent.max(1);
        assert_eq!(decimal_digits(&(&power - 1_u32)), wanted, "10^{exponent} - 1 (DIGITS-1)");
        assert_eq!(decimal_digits(&(&power + 1_u32)), exponent + 1, "10^{exponent} + 1 (DIGITS-1)");
        power *= 10_u32;
    }
    let large = BigUint::from(10_u32).pow(100_000);
    assert_eq!(decimal_digits(&large), 100_001, "10^100,000 (DIGITS-1)");
    assert_eq!(decimal_digits(&(large - 1_u32)), 100_000, "10^100,000 - 1 (DIGITS-1)");
}

#[test]
fn the_checksum_of_the_modulus_and_its_neighbours_is_the_remainder() {
    for (value, wanted) in [(0, 0), (1, 1), (MODULUS - 1, MODULUS - 1), (MODULUS, 0)] {
        assert_eq!(checksum(&BigUint::from(value)), wanted, "checksum of {value} (DIGITS-2)");
    }
    assert_eq!(checksum(&BigUint::from(u64::MAX)), 7, "2^64 - 1 is 7 modulo 2^61 - 1 (DIGITS-2)");
}

#[test]
fn a_wrong_factorial_has_another_checksum() {
    let value = factorial(5_000);
    assert_eq!(checksum(&value), checksum_of_factorial(5_000), "5,000! (DIGITS-2)");
    for bit in [0, 1, 61, 64, 30_000] {
        let wrong = &value ^ (BigUint::from(1_u32) << bit);
        assert_ne!(checksum(&wrong), checksum_of_factorial(5_000), "with bit {bit} turned");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn digits_are_as_many_as_the_text_has(words in prop::collection::vec(any::<u64>(), 0..40)) {
        let value = limbs::from_limbs(&words);
        prop_assert_eq!(decimal_digits(&value), value.to_string().len() as u64);
    }

    #[test]
    fn the_checksum_is_the_remainder(words in prop::collection::vec(any::<u64>(), 0..40)) {
        let value = limbs::from_limbs(&words);
        prop_assert_eq!(BigUint::from(checksum(&value)), value % MODULUS);
    }

    #[test]
    fn a_number_is_made_of_its_limbs(words in prop::collection::vec(any::<u64>(), 0..40)) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        prop_assert_eq!(limbs::from_limbs(&words), BigUint::from_bytes_le(&bytes));
    }
}
