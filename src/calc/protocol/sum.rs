//! The exact sum of two decimals, in one pass over their limbs.
//!
//! Signs make it two cases: like signs add the sizes, unlike signs take the smaller size from the larger.
//! The gap between `1e10000` and `1e-10000` is filled with zero limbs, all of which the reply must show.
//!
//! Both numbers stand on limbs that line up with the decimal point (`NUMBER-3`), so the limbs of the same place
//! are added as they are, from the lowest up, with a carry of one at most:
//!
//! ```text
//!   place         1    0  .  -1
//!   1999.5        1  999  . 500
//!   0.75               0  . 750
//!   carry         1    1
//!   2000.25       2  000  . 250
//! ```
//!
//! **Invariants**
//! - `SUM-1` The work is linear in the span of limbs from the lower number's last to the higher number's first,
//!   hence in the length of the message and the reply.

use std::cmp::Ordering;

use super::number::{Decimal, LIMB_BASE};

/// Returns the exact sum.
pub(super) fn sum(a: &Decimal, b: &Decimal) -> Decimal {
    // Zero has a place of its own; lining the other number up with it would be work for nothing.
    if a.limbs.is_empty() {
        return b.clone();
    }
    if b.limbs.is_empty() {
        return a.clone();
    }
    if a.negative == b.negative {
        return add_sizes(a, b);
    }
    // Subtracting the larger from the smaller would borrow past the top; so which is larger comes first.
    match compare_sizes(a, b) {
        Ordering::Greater => subtract_sizes(a, b),
        Ordering::Less => subtract_sizes(b, a),
        Ordering::Equal => Decimal::default(),
    }
}

/// Returns the range of places that two numbers cover together.
fn span(a: &Decimal, b: &Decimal) -> std::ops::Range<isize> {
    a.place.min(b.place)..a.top().max(b.top())
}

/// Compares without regard to signs.
fn compare_sizes(a: &Decimal, b: &Decimal) -> Ordering {
    // The highest limb is never zero (`NUMBER-2`), so a higher top is a larger number.
    a.top().cmp(&b.top()).then_with(|| {
        let differing = span(a, b).rev().map(|place| a.limb_at(place).cmp(&b.limb_at(place)));
        differing.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    })
}

/// Adds the sizes; the sign is that of both.
fn add_sizes(a: &Decimal, b: &Decimal) -> Decimal {
    let span = span(a, b);
    let place = span.start;
    let mut limbs = Vec::with_capacity(span.len() + 1);
    let mut carry = 0;
    for place in span {
        let total = a.limb_at(place) + b.limb_at(place) + carry;
        carry = u64::from(total >= LIMB_BASE);
        limbs.push(total - carry * LIMB_BASE);
    }
    // Often zero; `from_parts` drops it then.
    limbs.push(carry);
    Decimal::from_parts(a.negative, limbs, place)
}

/// Takes the smaller size from the larger; the sign is the larger's.
fn subtract_sizes(larger: &Decimal, smaller: &Decimal) -> Decimal {
    let span = span(larger, smaller);
    let place = span.start;
    let mut limbs = Vec::with_capacity(span.len());
    let mut borrow = 0;
    for place in span {
        let take = smaller.limb_at(place) + borrow;
        let from = larger.limb_at(place);
        // At most LIMB_BASE, which is taken from a `from` that was raised by as much.
        borrow = u64::from(from < take);
        limbs.push(from + borrow * LIMB_BASE - take);
    }
    Decimal::from_parts(larger.negative, limbs, place)
}
