//! Limbs: a number as 64-bit words, the lowest first, and the operations of Toom–Cook on them.
//!
//! The operators of `num-bigint` allocate a number for each step; these work in place.
//!
//! **Invariants**
//! - `LIMBS-1` An operation keeps its target's length. The caller chooses it long enough, so no carry and no borrow is
//!   left at the end; a debug build checks it.
//!
//! **Source**: T. Jebelean, "An algorithm for exact division", *Journal of Symbolic Computation* 15 (1993).

use num_bigint::BigUint;

/// Bits of a limb.
const BITS: u64 = u64::BITS as u64;

/// Makes the number of these limbs, lowest first; zeros at the top are allowed.
pub fn from_limbs(limbs: &[u64]) -> BigUint {
    // `num-bigint` takes halves only.
    #[expect(clippy::cast_possible_truncation, reason = "each half is what is wanted")]
    let halves = limbs.iter().flat_map(|&limb| [limb as u32, (limb >> 32) as u32]);
    BigUint::new(halves.collect())
}

/// Returns how many limbs a number has; zero has none.
pub(super) fn length(value: &BigUint) -> usize {
    value.iter_u64_digits().len()
}

/// Splits a sum or product into the limb that stays and the carry.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
fn halves_of(wide: u128) -> (u64, u64) {
    (wide as u64, (wide >> BITS) as u64)
}

/// `target = target * factor + term`; `term` may be shorter.
pub(super) fn multiply_add(target: &mut [u64], factor: u64, term: &[u64]) {
    let mut carry = 0;
    let terms = term.iter().copied().chain(std::iter::repeat(0));
    for (limb, term) in target.iter_mut().zip(terms) {
        // At most (2^64 - 1)² + 2 (2^64 - 1), which is the greatest `u128`.
        let wide = u128::from(*limb) * u128::from(factor) + u128::from(term) + u128::from(carry);
        (*limb, carry) = halves_of(wide);
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

/// `target -= term * factor` in one pass, both of one length, the product not the greater.
pub(super) fn subtract_multiple(target: &mut [u64], term: &[u64], factor: u64) {
    let mut carry = 0;
    for (limb, &term) in target.iter_mut().zip(term) {
        let (low, high) = halves_of(u128::from(term) * u128::from(factor) + u128::from(carry));
        let (difference, borrow) = limb.overflowing_sub(low);
        *limb = difference;
        // No overflow: `high` is at most 2^64 - 2, and there is no borrow if `low` is zero.
        carry = high + u64::from(borrow);
    }
    debug_assert_eq!(carry, 0, "LIMBS-1: the smaller is taken from the greater");
}

/// `target /= divisor`, where the division has no remainder.
///
/// From the lowest limb up, each limb of the quotient is a product with the divisor's inverse modulo 2^64: a
/// multiplication instead of a slow division. An even divisor has no inverse, so its twos are shifted out first.
pub(super) fn divide_exactly(target: &mut [u64], divisor: u64) {
    let twos = divisor.trailing_zeros();
    if twos > 0 {
        shift_down(target, twos);
    }
    let odd = divisor >> twos;
    if odd == 1 {
        return;
    }
    let inverse = inverse(odd);
    let mut carry = 0;
    for limb in target {
        // The lower limbs of the quotient, times the divisor, contribute `carry` to this limb.
        let (rest, borrow) = limb.overflowing_sub(carry);
        *limb = rest.wrapping_mul(inverse);
        let (_, high) = halves_of(u128::from(*limb) * u128::from(odd));
        carry = high + u64::from(borrow);
    }
    debug_assert_eq!(carry, 0, "LIMBS-1: the division has no remainder");
}

/// Divides by a power of two, `0 < twos < 64`; the bits that are shifted out are zero.
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
    // An odd number is its own inverse modulo 8: three correct bits. Each step of Newton's method doubles them.
    let mut inverse = odd;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse
}
