//! The factorial by a plain tree of products: the stage before [`swing`](mod@super::swing), kept to check it against.
//!
//! From 1 to `n`, half of the numbers are multiplied, then the other half, then the two products. That alone makes
//! it faster than one number after another, by far. What it cannot do is to save a factor: each of the `n` is
//! multiplied, the twos as well, and no product is ever used twice.
//!
//! It shares nothing with the other but the type of the result, so what both agree on is right.

use num_bigint::BigUint;

/// Numbers that are multiplied one after another. Taste.
const FEW: u32 = 16;

/// Computes `n!`, factor by factor.
pub fn factorial(n: u32) -> BigUint {
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
