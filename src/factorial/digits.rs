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

/// The Mersenne prime 2⁶¹ - 1: its remainder is a shift and an addition, and a wrong number has the right remainder
/// with a probability of 2⁻⁶¹.
pub const MODULUS: u64 = (1 << 61) - 1;

/// The logarithm's error for each digit: some ten times the rounding of a double.
const ERROR_PER_DIGIT: f64 = 16.0 * f64::EPSILON;

/// The error of the logarithm of the leading bits.
const ERROR: f64 = 1e-12;

/// Counts the decimal digits of a number without converting it; zero has one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the rounding is part of ERROR; a logarithm that an error made negative becomes 0"
)]
pub fn decimal_digits(value: &BigUint) -> u64 {
    // A double shows no more of the number than its leading bits.
    let below = value.bits().saturating_sub(u64::from(u64::BITS));
    let leading = (value >> below).iter_u64_digits().next().unwrap_or(1);
    let logarithm = (leading as f64).log10() + below as f64 * LOG10_2;
    let error = ERROR + ERROR_PER_DIGIT * logarithm;
    let (least, greatest) = ((logarithm - error) as u64, (logarithm + error) as u64);
    if least == greatest {
        return least + 1;
    }
    // A power of ten lies within the error (`DIGITS-1`).
    let exponent = u32::try_from(greatest).unwrap_or(u32::MAX);
    greatest + u64::from(*value >= BigUint::from(10_u32).pow(exponent))
}

/// Computes a number's checksum (`DIGITS-2`).
pub fn checksum(value: &BigUint) -> u64 {
    (value % MODULUS).iter_u64_digits().next().unwrap_or(0)
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
