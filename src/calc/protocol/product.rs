//! The exact product of two decimals, as a computation that can be put down and taken up again.
//!
//! Two numbers of half a megabyte each take most of a second to multiply. A server on one thread that did
//! that in one go would leave all its other clients unanswered for as long. So the product is computed
//! column by column, as at school, and after a slice of columns the caller gets the thread back.
//!
//! Column `k` sums all `a[i] * b[k - i]`; its lowest limb is a limb of the result, and the rest is carried into
//! the next column. Nothing but the finished limbs and one carry needs to be kept between two slices.
//!
//! **Invariants**
//! - `PRODUCT-1` The sum of a column is reduced after at most [`REDUCE_EVERY`] products: each is below 10³⁶, so
//!   256 of them and what is carried in stay below 2.6·10³⁸, and a `u128` holds 3.4·10³⁸.
//! - `PRODUCT-2` A slice ends with the first column that uses its budget up. A column is at most as long as the
//!   shorter number, so a slice is a millisecond or so for every message of the default size.
//! - `PRODUCT-3` Slicing does not change the result: a column depends on the carry and the limbs only.
//!
//! **Source**: Knuth, *The Art of Computer Programming*, volume 2, section 4.3.1, in the order of columns.

use super::number::{Decimal, LIMB_BASE};

/// Products of limbs that are summed before the sum is reduced (`PRODUCT-1`).
const REDUCE_EVERY: usize = 256;

/// What a column costs besides its products, in products: two long divisions for the reduction.
const COLUMN_COST: usize = 16;

/// A product under way.
#[derive(Debug)]
pub struct Product {
    /// One number; its sign is already that of the result, its limbs never change.
    a: Decimal,
    /// The other number.
    b: Decimal,
    /// The finished limbs of the result, lowest first; grows by one with each column.
    limbs: Vec<u64>,
    /// What the last column carried into the next.
    carry: u128,
}

impl Product {
    /// Prepares the product of two numbers; the work is left to [`Product::step`].
    pub fn new(mut a: Decimal, b: Decimal) -> Self {
        a.negative ^= b.negative;
        Self { a, b, limbs: Vec::new(), carry: 0 }
    }

    /// Returns the work from start to end, counted in products of limbs.
    pub fn cost(&self) -> usize {
        let (a, b) = (self.a.limbs.len(), self.b.limbs.len());
        a.saturating_mul(b).saturating_add(self.columns() * COLUMN_COST)
    }

    /// Returns how many columns there are: one less than the limbs of both numbers together, and none for zero.
    fn columns(&self) -> usize {
        let (a, b) = (self.a.limbs.len(), self.b.limbs.len());
        if a == 0 || b == 0 { 0 } else { a + b - 1 }
    }

    /// Computes columns until about `budget` products are done; returns whether all columns are.
    pub fn step(&mut self, budget: usize) -> bool {
        let columns = self.columns();
        let mut spent = 0;
        while self.limbs.len() < columns && spent < budget {
            spent += self.column(self.limbs.len()) + COLUMN_COST;
        }
        self.limbs.len() == columns
    }

    /// Computes column `k`, appends its limb, and returns how many products that took.
    fn column(&mut self, k: usize) -> usize {
        let (a, b) = (&self.a.limbs, &self.b.limbs);
        // Those `i` for which both `a[i]` and `b[k - i]` exist.
        let first = (k + 1).saturating_sub(b.len());
        let last = k.min(a.len() - 1);
        let forward = &a[first..=last];
        let backward = &b[k - last..=k - first];
        let mut high = self.carry / u128::from(LIMB_BASE);
        let mut low = self.carry % u128::from(LIMB_BASE);
        // Chunks from the front of one meet chunks from the back of the other: `a[i]` meets `b[k - i]`.
        for (a, b) in forward.chunks(REDUCE_EVERY).zip(backward.rchunks(REDUCE_EVERY)) {
            for (&a, &b) in a.iter().zip(b.iter().rev()) {
                low += u128::from(a) * u128::from(b);
            }
            high += low / u128::from(LIMB_BASE);
            low %= u128::from(LIMB_BASE);
        }
        self.limbs
            .push(u64::try_from(low).expect("holds because it was just reduced below LIMB_BASE"));
        self.carry = high;
        forward.len()
    }

    /// Does what is left of the work, and returns the result.
    pub fn finish(mut self) -> Decimal {
        while !self.step(usize::MAX) {}
        // What the highest column carried is the highest limb: both numbers together have no more limbs.
        self.limbs.push(limb(self.carry));
        Decimal::from_parts(self.a.negative, self.limbs, self.a.place + self.b.place)
    }
}

/// Narrows a sum that has been reduced, or the last carry, to the limb that it is.
fn limb(reduced: u128) -> u64 {
    u64::try_from(reduced)
        .expect("holds because a remainder by LIMB_BASE, and the highest limb, are below it")
}
