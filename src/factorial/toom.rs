//! Toom–Cook: a large product as many smaller ones, which may be computed anywhere.
//!
//! The problem: the last multiplications of a large factorial are most of its work. `num-bigint` does each with
//! five products of a third of the length, on one thread. Cut into more pieces, it takes less work, and the
//! products can be jobs.
//!
//! Cut the two numbers into pieces of equal length, and read the pieces as the coefficients of two polynomials.
//! The product's coefficients are wanted. Evaluate both at as many small numbers as the product has coefficients,
//! multiply value by value, and find the polynomial that takes those values. The points are 0, 1, -1, 2, -2 and so
//! on: a point and its negative share their even and odd powers, and their sum and difference part the unknown
//! coefficients into two halves that are found apart, each as a polynomial in the square of the point.
//!
//! **Invariants**
//! - `TOOM-1` The products are independent of each other, and [`Split::join`] takes them in the order in which
//!   [`Split::new`] gave the factors.
//! - `TOOM-2` Nothing is negative on the way back but a value at a negative point, whose sign is kept apart. The
//!   coefficients are sums of products; so are all divided differences of such a polynomial at points that are not
//!   negative, and so are the polynomials between Newton's form and the usual one.
//! - `TOOM-3` No value grows beyond [`ROOM`] limbs more than its pieces: with at most [`MOST_POINTS`] points, the
//!   greatest is 15, and there are at most 31 pieces: 15³¹ and all smaller powers are below 2¹²⁸.
//!
//! **Left out**: a point at infinity, and special sequences of shifts and additions for a fixed number of pieces.
//! A product of more than some millions of digits wants a Fourier transform in place of all this.
//!
//! **Source**: Knuth, *The Art of Computer Programming*, volume 2, section 4.3.3; Newton's interpolation, 4.6.4.

use num_bigint::BigUint;

use super::limbs::{self, add, divide_exactly, multiply_add, subtract, subtract_multiple};

/// Limbs that a value may be longer than a piece (`TOOM-3`).
const ROOM: usize = 2;

/// The most points that a product is cut for: 0, and 1 to 15 with both signs.
const MOST_POINTS: usize = 31;

/// A shorter factor below this many limbs is left to `num-bigint`. Measured: bench `factorial`.
const THRESHOLD: usize = 2_000;

/// Multiplies two numbers, by whichever way is quickest at their size.
///
/// The smaller products are cut again, while they are long enough.
pub(super) fn multiply(a: &BigUint, b: &BigUint) -> BigUint {
    if limbs::length(a).min(limbs::length(b)) < THRESHOLD {
        return a * b;
    }
    let (split, factors) = Split::for_size(a, b);
    let products: Vec<BigUint> = factors.iter().map(|(a, b)| multiply(a, b)).collect();
    split.join(&products)
}

/// How many points suit a product of so many limbs.
///
/// More points are less work in the products, and more sums between them, whose number grows with the square of the
/// points. Measured: bench `factorial`, where twice or half of these borders change less than the machine's mood.
fn points(limbs: usize) -> usize {
    if limbs < 16_000 {
        13
    } else if limbs < 60_000 {
        19
    } else {
        MOST_POINTS
    }
}

/// The smaller first.
fn in_order(a: usize, b: usize) -> (usize, usize) {
    if a < b { (a, b) } else { (b, a) }
}

/// A product cut into smaller ones: what is needed to put it together again.
#[derive(Debug)]
pub(super) struct Split {
    /// Limbs of a piece.
    piece: usize,
    /// Limbs of the whole product.
    length: usize,
    /// For each negative point, from -1 downwards, whether the product there is negative.
    negative: Vec<bool>,
}

impl Split {
    /// Cuts a product into as many as suit its size; returns the factors to multiply (`TOOM-1`).
    pub(super) fn for_size(a: &BigUint, b: &BigUint) -> (Self, Vec<(BigUint, BigUint)>) {
        Self::new(a, b, points(limbs::length(a) + limbs::length(b)))
    }

    /// Cuts a product of numbers above zero for at most `points` points.
    fn new(a: &BigUint, b: &BigUint, points: usize) -> (Self, Vec<(BigUint, BigUint)>) {
        let (a, b) = (a.to_u64_digits(), b.to_u64_digits());
        let (shorter, longer) = in_order(a.len(), b.len());
        // With p and q pieces the product has p + q - 1 coefficients, so p + q may be one more than the points.
        // Both share these by their lengths, and the pieces are as long as the one or the other needs them.
        let pieces = (shorter * (points + 1) / (shorter + longer)).max(1);
        let piece = shorter.div_ceil(pieces).max(longer.div_ceil(points + 1 - pieces)).max(1);
        let (a_pieces, b_pieces) = (pieces_of(&a, piece), pieces_of(&b, piece));
        let coefficients = a_pieces.len() + b_pieces.len() - 1;
        let mut factors = vec![(limbs::from_limbs(a_pieces[0]), limbs::from_limbs(b_pieces[0]))];
        let mut negative = Vec::new();
        for x in 1..=coefficients / 2 {
            let (a, b) = (evaluate(&a_pieces, x as u64), evaluate(&b_pieces, x as u64));
            factors.push((a.plus, b.plus));
            factors.push((a.minus, b.minus));
            negative.push(a.negative != b.negative);
        }
        (Self { piece, length: a.len() + b.len(), negative }, factors)
    }

    /// Puts the products together.
    pub(super) fn join(self, products: &[BigUint]) -> BigUint {
        let width = 2 * (self.piece + ROOM);
        let mut products = products.iter().map(|product| padded(product, width));
        let mut even: Vec<_> = products.next().into_iter().collect();
        let mut odd = Vec::new();
        for (x, negative) in (1..).zip(self.negative) {
            let (Some(mut difference), Some(minus)) = (products.next(), products.next()) else {
                break;
            };
            let mut sum = difference.clone();
            add(&mut sum, &minus);
            subtract(&mut difference, &minus);
            // Of w(x) and w(-x), half the sum is the even part, half the difference is x times the odd one.
            let (mut even_part, mut odd_part) =
                if negative { (difference, sum) } else { (sum, difference) };
            divide_exactly(&mut even_part, 2);
            divide_exactly(&mut odd_part, 2 * x);
            even.push(even_part);
            odd.push(odd_part);
        }
        // The even part is known at 0 as well, which is one point more for one coefficient more.
        interpolate(&mut even, 0);
        interpolate(&mut odd, 1);
        // One limb for the last carry, and room for the zeros at the top of the last coefficient.
        // Coefficients are about two pieces long and stand one piece apart, so they overlap and are added.
        let mut product = vec![0; self.length + width + self.piece + 1];
        let odd = odd.iter().map(Some).chain(std::iter::once(None));
        for (i, (even, odd)) in even.iter().zip(odd).enumerate() {
            add(&mut product[2 * i * self.piece..], even);
            if let Some(odd) = odd {
                add(&mut product[(2 * i + 1) * self.piece..], odd);
            }
        }
        limbs::from_limbs(&product)
    }
}

/// A polynomial's values, which are the factors of two of the products: those at a point and at its negative.
struct Values {
    /// The value at the point.
    plus: BigUint,
    /// The absolute value at the negative point.
    minus: BigUint,
    /// Whether the value at the negative point is below zero.
    negative: bool,
}

/// The pieces of a number; zero has one, which is empty.
fn pieces_of(limbs: &[u64], piece: usize) -> Vec<&[u64]> {
    if limbs.is_empty() { vec![limbs] } else { limbs.chunks(piece).collect() }
}

/// Evaluates the polynomial with these coefficients at `x` and at `-x`.
fn evaluate(pieces: &[&[u64]], x: u64) -> Values {
    let width = pieces[0].len() + ROOM;
    let mut even = vec![0; width];
    let mut odd = vec![0; width];
    for (i, piece) in pieces.iter().enumerate().rev() {
        multiply_add(if i % 2 == 0 { &mut even } else { &mut odd }, x * x, piece);
    }
    // Horner's rule in x², twice: the odd powers are x times what stands in `odd`.
    multiply_add(&mut odd, x, &[]);
    // From the top limb down, the first that differs decides.
    let negative = even.iter().rev().lt(odd.iter().rev());
    let (greater, smaller) = if negative { (odd, even) } else { (even, odd) };
    let mut plus = greater.clone();
    add(&mut plus, &smaller);
    let mut minus = greater;
    subtract(&mut minus, &smaller);
    Values { plus: limbs::from_limbs(&plus), minus: limbs::from_limbs(&minus), negative }
}

/// A number's limbs, with zeros up to a width.
fn padded(value: &BigUint, width: usize) -> Vec<u64> {
    let mut limbs = value.to_u64_digits();
    limbs.resize(width, 0);
    limbs
}

/// Turns values at the squares of `first`, `first + 1`, ... into the coefficients of the polynomial that takes them.
fn interpolate(values: &mut [Vec<u64>], first: u64) {
    let square = |i: usize| (first + i as u64).pow(2);
    // Divided differences, in place: afterwards these are the coefficients of Newton's form.
    for step in 1..values.len() {
        for i in (step..values.len()).rev() {
            let (below, from) = values.split_at_mut(i);
            subtract(&mut from[0], &below[i - 1]);
            divide_exactly(&mut from[0], square(i) - square(i - step));
        }
    }
    // Newton's form is nested: c0 + (y - y0) (c1 + (y - y1) (c2 + ...)). Multiply it out from the inside.
    for outer in (0..values.len().saturating_sub(1)).rev() {
        for i in outer..values.len() - 1 {
            let (target, above) = values.split_at_mut(i + 1);
            subtract_multiple(&mut target[i], &above[0], square(outer));
        }
    }
}
