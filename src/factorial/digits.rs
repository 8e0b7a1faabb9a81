//! What is shown of a large number: how many decimal digits it has, and a checksum.
//!
//! Converting 1,000,000! to decimal takes several times as long as computing it.
//!
//! **Invariants**
//! - `DIGITS-1` The count is exact. It is computed from a logarithm; where the logarithm's error could change it, the
//!   number is compared with a power of ten.
//! - `DIGITS-2` The checksum is the number modulo [`MODULUS`]. So the checksum of a product is the product of the
//!   checksums, and [`checksum_of_factorial`] needs no factorial.

use std::f64::consts::LOG10_2;

use num_bigint::BigUint;

use super::limbs::BITS;

/// The Mersenne prime 2⁶¹ - 1: its remainder is a shift and an addition, and a wrong number has the right remainder
/// with a probability of 2⁻⁶¹.
pub const MODULUS: u64 = (1 << 61) - 1;

/// The logarithm's error for each digit: some ten times the rounding of a double.
const ERROR_PER_DIGIT: f64 = 16.0 * f64::EPSILON;

/// The error of the logarithm of the leading bits.
const ERROR: f64 = 1e-12;

/// Counts the decimal digits of a number without converting it; zero has one.
pub fn decimal_digits(value: &BigUint) -> u64 {
    let logarithm = logarithm(value);
    let error = ERROR + ERROR_PER_DIGIT * logarithm;
    let (least, greatest) = (whole(logarithm - error), whole(logarithm + error));
    if least == greatest {
        return least + 1;
    }
    // A power of ten lies within the error (`DIGITS-1`).
    greatest + u64::from(*value >= power_of_ten(greatest))
}

/// Computes a power of ten.
fn power_of_ten(exponent: u64) -> BigUint {
    let exponent =
        u32::try_from(exponent).expect("holds because no memory holds a number of 2^32 digits");
    BigUint::from(10_u32).pow(exponent)
}

/// Returns the decimal logarithm of a number, or 0 for zero.
fn logarithm(value: &BigUint) -> f64 {
    let mut top = value.iter_u64_digits().rev();
    let (Some(high), low) = (top.next(), top.next().unwrap_or(0)) else { return 0.0 };
    // The number is the highest limb and a fraction, times 2 to the power of `below`.
    let below = value.bits() - u64::from(u64::BITS - high.leading_zeros());
    // The second limb matters when the first is small; the others are less than a double can show.
    let leading = float(high) + float(low) * 2_f64.powi(-64);
    leading.log10() + float(below) * LOG10_2
}

/// The nearest double.
#[expect(clippy::cast_precision_loss, reason = "the rounding is part of ERROR")]
fn float(integer: u64) -> f64 {
    integer as f64
}

/// The whole part of a logarithm; none is below zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the whole part is wanted; a logarithm that an error made negative becomes 0"
)]
fn whole(logarithm: f64) -> u64 {
    logarithm as u64
}

/// Computes a number's checksum (`DIGITS-2`).
pub fn checksum(value: &BigUint) -> u64 {
    // The limbs above count 2^64 times as much, which is 8 modulo 2^61 - 1.
    value.iter_u64_digits().rev().fold(0, |above, limb| {
        let shifted = (u128::from(above) << (BITS - 61)) + u128::from(limb);
        remainder(shifted)
    })
}

/// Computes the checksum that `n!` must have, with `n` small multiplications and no large number.
pub fn checksum_of_factorial(n: u32) -> u64 {
    (1..=n).fold(1, |product, factor| remainder(u128::from(product) * u128::from(factor)))
}

/// Reduces a number below 2¹²² modulo [`MODULUS`].
fn remainder(value: u128) -> u64 {
    let modulus = u128::from(MODULUS);
    let folded = (value & modulus) + (value >> 61);
    let reduced = if folded >= modulus { folded - modulus } else { folded };
    u64::try_from(reduced).expect("holds because it is below 2^61")
}
