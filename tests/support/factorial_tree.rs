//! The factorial by a plain tree of products. It shares no code with the library's, so a result on which both agree is
//! right.

use num_bigint::BigUint;

/// Numbers that are multiplied one after another.
const FEW: u32 = 16;

/// Computes `n!`, factor by factor.
pub(crate) fn factorial(n: u32) -> BigUint {
    product(0, n)
}

/// Multiplies the numbers above `below`, up to `last`.
fn product(below: u32, last: u32) -> BigUint {
    if last - below <= FEW {
        return (below + 1..=last).map(BigUint::from).product();
    }
    let middle = below + (last - below) / 2;
    product(below, middle) * product(middle, last)
}
