//! Toom–Cook: a large product as many smaller ones, which can be jobs.
//!
//! The last products of a large factorial are most of its work. `num-bigint` computes each from five products of a third
//! of the length, on one thread. More and shorter products are less work.
//!
//! The two numbers are cut into pieces of equal length, the coefficients of two polynomials. Both are evaluated at as
//! many points as their product has coefficients; the values are multiplied; interpolation gives the coefficients of the
//! product. The points are 0, 1, -1, 2, -2 and so on. The sum and the difference of the values at a point and its
//! negative hold the even and the odd coefficients, so each half is found apart, as a polynomial in the point's square.
//!
//! **Invariants**
//! - `TOOM-1` The products are independent. [`Split::join`] takes them in the order of the factors from [`Split::new`].
//! - `TOOM-2` Only a value at a negative point can be negative; its sign is kept apart. All coefficients, divided
//!   differences and intermediate polynomials are sums of products of numbers that are not negative.
//! - `TOOM-3` A value is at most [`ROOM`] limbs longer than a piece: there are at most [`MOST_POINTS`] points, the
//!   greatest is 15, and 15³¹ plus all smaller powers is below 2¹²⁸.
//!
//! **Left out**: a point at infinity. Products of more than some million digits are faster by a Fourier transform.
//!
//! **Source**: Knuth, *The Art of Computer Programming*, volume 2, section 4.3.3; Newton's interpolation, 4.6.4.

use num_bigint::BigUint;

use super::limbs::{self, add, divide_exactly, multiply_add, subtract, subtract_multiple};

/// Limbs that a value may be longer than a piece (`TOOM-3`).
const ROOM: usize = 2;

/// The most points that a product is cut for: 0, and 1 to 15 with both signs.
const MOST_POINTS: usize = 31;

/// If a factor has fewer limbs, `num-bigint` multiplies (bench `factorial`).
const THRESHOLD: usize = 2_000;

/// Multiplies two numbers in the way that is fastest at their size. Long factors of the smaller products are cut again.
pub(super) fn multiply(a: &BigUint, b: &BigUint) -> BigUint {
    if limbs::length(a).min(limbs::length(b)) < THRESHOLD {
        return a * b;
    }
    let (split, factors) = Split::new(a, b);
    let products: Vec<BigUint> = factors.iter().map(|(a, b)| multiply(a, b)).collect();
    split.join(&products)
}

/// The number of points for a product of so many limbs.
///
/// More points make the products cheaper; the number of sums between them grows with the square of the points. Half or
/// twice these borders make no difference that the bench `factorial` could show.
fn points(limbs: usize) -> usize {
    if limbs < 16_000 {
        13
    } else if limbs < 60_000 {
        19
    } else {
        MOST_POINTS
    }
}

/// A product that was cut into smaller ones: what is needed to join their results.
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
    /// Cuts a product of positive numbers; returns the factors to multiply (`TOOM-1`).
    pub(super) fn new(a: &BigUint, b: &BigUint) -> (Self, Vec<(BigUint, BigUint)>) {
        let (a, b) = (a.to_u64_digits(), b.to_u64_digits());
        let points = points(a.len() + b.len());
        let (shorter, longer) = (a.len().min(b.len()), a.len().max(b.len()));
        // With p and q pieces the product has p + q - 1 coefficients. So there are `points + 1` pieces, shared by the
        // lengths of the two numbers.
        let pieces = (shorter * (points + 1) / (shorter + longer)).max(1);
        let piece = shorter.div_ceil(pieces).max(longer.div_ceil(points + 1 - pieces)).max(1);
        let (a_pieces, b_pieces) = (pieces_of(&a, piece), pieces_of(&b, piece));
        let coefficients = a_pieces.len() + b_pieces.len() - 1;
        let mut factors = vec![(limbs::from_limbs(a_pieces[0]), limbs::from_limbs(b_pieces[0]))];
        let mut negative = Vec::new();
        for x in 1..=coefficients / 2 {
            let [a, b] = [&a_pieces, &b_pieces].map(|pieces| evaluate(pieces, x as u64));
            factors.push((a.0, b.0));
            factors.push((a.1, b.1));
            negative.push(a.2 != b.2);
        }
        (Self { piece, length: a.len() + b.len(), negative }, factors)
    }

    /// Computes the whole product from the smaller ones.
    pub(super) fn join(self, products: &[BigUint]) -> BigUint {
        let width = 2 * (self.piece + ROOM);
        let mut products = products.iter().map(|product| {
            let mut limbs = product.to_u64_digits();
            limbs.resize(width, 0);
            limbs
        });
        let mut even: Vec<_> = products.next().into_iter().collect();
        let mut odd = Vec::new();
        for (x, negative) in (1..).zip(self.negative) {
            let (Some(mut difference), Some(minus)) = (products.next(), products.next()) else {
                break;
            };
            let mut sum = difference.clone();
            add(&mut sum, &minus);
            subtract(&mut difference, &minus);
            // Half the sum of w(x) and w(-x) is the even part, half their difference is x times the odd part.
            let (mut even_part, mut odd_part) =
                if negative { (difference, sum) } else { (sum, difference) };
            divide_exactly(&mut even_part, 2);
            divide_exactly(&mut odd_part, 2 * x);
            even.push(even_part);
            odd.push(odd_part);
        }
        // The even part is known at 0 too, and has one coefficient more.
        interpolate(&mut even, 0);
        interpolate(&mut odd, 1);
        // Coefficients are about two pieces long and one piece apart, so they overlap and are added. The vector has one
        // limb more for the last carry, and room for the zeros at the top of the last coefficient.
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

/// The pieces of a number; zero has one, which is empty.
fn pieces_of(limbs: &[u64], piece: usize) -> Vec<&[u64]> {
    if limbs.is_empty() { vec![limbs] } else { limbs.chunks(piece).collect() }
}

/// Evaluates the polynomial with these coefficients at `x`, and at `-x`: the absolute value, and whether it is negative.
fn evaluate(pieces: &[&[u64]], x: u64) -> (BigUint, BigUint, bool) {
    let width = pieces[0].len() + ROOM;
    let mut even = vec![0; width];
    let mut odd = vec![0; width];
    for (i, piece) in pieces.iter().enumerate().rev() {
        multiply_add(if i % 2 == 0 { &mut even } else { &mut odd }, x * x, piece);
    }
    // Horner's rule in x²; the odd powers still lack a factor of x.
    multiply_add(&mut odd, x, &[]);
    let negative = even.iter().rev().lt(odd.iter().rev());
    let (greater, smaller) = if negative { (odd, even) } else { (even, odd) };
    let mut plus = greater.clone();
    add(&mut plus, &smaller);
    let mut minus = greater;
    subtract(&mut minus, &smaller);
    (limbs::from_limbs(&plus), limbs::from_limbs(&minus), negative)
}

/// Turns values at the squares of `first`, `first + 1`, ... into the coefficients of the polynomial.
fn interpolate(values: &mut [Vec<u64>], first: u64) {
    let square = |i: usize| (first + i as u64).pow(2);
    // Divided differences, in place: the coefficients of Newton's form.
    for step in 1..values.len() {
        for i in (step..values.len()).rev() {
            let (below, from) = values.split_at_mut(i);
            subtract(&mut from[0], &below[i - 1]);
            divide_exactly(&mut from[0], square(i) - square(i - step));
        }
    }
    // Multiplies Newton's form out from the inside: c0 + (y - y0) (c1 + (y - y1) (c2 + ...)).
    for outer in (0..values.len().saturating_sub(1)).rev() {
        for i in outer..values.len() - 1 {
            let (target, above) = values.split_at_mut(i + 1);
            subtract_multiple(&mut target[i], &above[0], square(outer));
        }
    }
}
