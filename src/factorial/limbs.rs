//! Limbs: a number as machine words, lowest first; how it travels, and the few operations that Toom–Cook needs.
//!
//! The problem: `num-bigint` keeps its words to itself. To cut a number into pieces, or to send it to another
//! process, one needs them; and the sums between the products of Toom–Cook, done with its operators, would
//! allocate a number for each step and divide by the processor's slow division.
//!
//! **Invariants**
//! - `LIMBS-1` Every operation here keeps its target's length. Its caller chose it long enough, so no carry and no
//!   borrow is left at the end; a debug build checks it.
//! - `LIMBS-2` Bytes are the limbs in little-endian order, on every machine: both ends of a socket agree.
//!
//! **Source**: T. Jebelean, "An algorithm for exact division", *Journal of Symbolic Computation* 15 (1993).

use num_bigint::BigUint;

/// Bits of a limb.
pub(super) const BITS: u64 = u64::BITS as u64;

/// Bytes of a limb.
const BYTES: usize = size_of::<u64>();

/// Makes the number of these limbs, lowest first; zeros at the top do no harm.
///
/// # Examples
/// ```
/// use handloom::factorial::limbs;
///
/// let value = limbs::from_limbs(&[0, 1]);
/// assert_eq!(value.to_string(), "18446744073709551616");
/// assert_eq!(limbs::from_bytes(&limbs::to_bytes(&value)), Some(value));
/// ```
pub fn from_limbs(limbs: &[u64]) -> BigUint {
    // `num-bigint` takes halves only.
    let halves = limbs.iter().flat_map(|&limb| [low_half(limb), low_half(limb >> 32)]);
    BigUint::new(halves.collect())
}

/// Returns the lower half of a limb.
fn low_half(limb: u64) -> u32 {
    u32::try_from(limb & u64::from(u32::MAX)).expect("holds because the upper half was masked out")
}

/// Turns a number into the bytes of its limbs, the form in which a result travels (`LIMBS-2`).
///
/// Decimal digits would cost more than the number itself: converting is slower than computing.
pub fn to_bytes(value: &BigUint) -> Vec<u8> {
    let mut bytes = Vec::new();
    append_bytes(value, &mut bytes);
    bytes
}

/// Appends a number's bytes to others; [`byte_count`] tells how many there will be.
pub fn append_bytes(value: &BigUint, bytes: &mut Vec<u8>) {
    bytes.reserve(byte_count(value));
    for limb in value.iter_u64_digits() {
        bytes.extend_from_slice(&limb.to_le_bytes());
    }
}

/// Counts the bytes of a number's limbs.
pub fn byte_count(value: &BigUint) -> usize {
    length(value) * BYTES
}

/// Makes the number whose limbs these bytes are; `None` when they are not whole limbs.
pub fn from_bytes(bytes: &[u8]) -> Option<BigUint> {
    if !bytes.len().is_multiple_of(BYTES) {
        return None;
    }
    // Halves, which is what `num-bigint` takes.
    let (halves, _) = bytes.as_chunks();
    Some(BigUint::new(halves.iter().map(|&half| u32::from_le_bytes(half)).collect()))
}

/// Returns how many limbs a number has; zero has none.
pub(super) fn length(value: &BigUint) -> usize {
    value.iter_u64_digits().len()
}

/// Parts a sum or product into the limb that stays and the carry.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn parted(wide: u128) -> (u64, u64) {
    (wide as u64, (wide >> BITS) as u64)
}

/// `target = target * factor + term`; `term` may be shorter.
pub(super) fn multiply_add(target: &mut [u64], factor: u64, term: &[u64]) {
    let mut carry = 0;
    let terms = term.iter().copied().chain(std::iter::repeat(0));
    for (limb, term) in target.iter_mut().zip(terms) {
        // At most (2^64 - 1)² + 2 (2^64 - 1), which is the greatest `u128`.
        let wide = u128::from(*limb) * u128::from(factor) + u128::from(term) + u128::from(carry);
        (*limb, carry) = parted(wide);
    }
    debug_assert_eq!(carry, 0, "LIMBS-1: the target is long enough");
}

/// `target += term`; `term` may be shorter.
pub(super) fn add(target: &mut [u64], term: &[u64]) {
    let (low, high) = target.split_at_mut(term.len());
    let mut carry = false;
    for (limb, &term) in low.iter_mut().zip(term) {
        (*limb, carry) = limb.carrying_add(term, carry);
    }
    for limb in high {
        // A carry runs far only through limbs that are all ones.
        if !carry {
            break;
        }
        (*limb, carry) = limb.overflowing_add(1);
    }
    debug_assert!(!carry, "LIMBS-1: the target is long enough");
}

/// `target -= term`, both of one length, `term` not the greater.
pub(super) fn subtract(target: &mut [u64], term: &[u64]) {
    let mut borrow = false;
    for (limb, &term) in target.iter_mut().zip(term) {
        (*limb, borrow) = limb.borrowing_sub(term, borrow);
    }
    debug_assert!(!borrow, "LIMBS-1: the smaller is taken from the greater");
}

/// `target -= term * factor`, both of one length, the product not the greater.
///
/// Product and difference in one pass: the product alone would be one more number to write and to read.
pub(super) fn subtract_multiple(target: &mut [u64], term: &[u64], factor: u64) {
    let mut carry = 0;
    for (limb, &term) in target.iter_mut().zip(term) {
        let (low, high) = parted(u128::from(term) * u128::from(factor) + u128::from(carry));
        let (difference, borrow) = limb.overflowing_sub(low);
        *limb = difference;
        // `high` is at most 2^64 - 2 when `low` is not zero, and without a low there is no borrow.
        carry = high + u64::from(borrow);
    }
    debug_assert_eq!(carry, 0, "LIMBS-1: the smaller is taken from the greater");
}

/// `target /= divisor`, where the division is known to leave no rest.
///
/// From the lowest limb up, each limb of the quotient is a product with the divisor's inverse modulo 2^64. That is
/// a multiplication where the usual way, from the highest limb down, has a division. An even divisor has no such
/// inverse; its twos are shifted out first.
pub(super) fn divide_exactly(target: &mut [u64], divisor: u64) {
    let twos = divisor.trailing_zeros();
    if twos > 0 {
        shift_down(target, twos);
    }
    // The twos are gone from both; what is left is the division by an odd number.
    let odd = divisor >> twos;
    if odd == 1 {
        return;
    }
    let inverse = inverse(odd);
    let mut carry = 0;
    for limb in target {
        // What the lower limbs of the quotient, times the divisor, have already put into this limb.
        let (rest, borrow) = limb.overflowing_sub(carry);
        *limb = rest.wrapping_mul(inverse);
        let (_, high) = parted(u128::from(*limb) * u128::from(odd));
        carry = high + u64::from(borrow);
    }
    debug_assert_eq!(carry, 0, "LIMBS-1: the division leaves no rest");
}

/// Divides by a power of two, `0 < twos < 64`; the bits that are shifted out are known to be zero.
///
/// From the top down, so that the limb above is still at hand.
fn shift_down(target: &mut [u64], twos: u32) {
    let mut above = 0;
    for limb in target.iter_mut().rev() {
        let kept = (*limb >> twos) | (above << (u64::BITS - twos));
        above = *limb;
        *limb = kept;
    }
}

/// Returns the inverse of an odd number modulo 2^64.
fn inverse(odd: u64) -> u64 {
    // An odd number is its own inverse modulo 8: three right bits. Each step of Newton's doubles them.
    let mut inverse = odd;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse
}
