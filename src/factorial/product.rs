//! The product of many small factors.
//!
//! The problem: multiplied one after another, a long number meets a short one each time, and the work grows with
//! the square of the result's length. Two numbers of one length are where fast multiplication gains.
//!
//! **Invariants**
//! - `FACTORS-1` Every word but the last is as full as its next factor allowed, so half of the words are about half
//!   of the product's bits, and the two halves that are multiplied have about one length.
//!
//! **Source**: D. J. Bernstein, "Fast multiplication and its applications", section 12, product trees.

use num_bigint::BigUint;

use super::toom::multiply;

/// Words that are multiplied one after another. Taste: from 4 to 64 words, the bench `factorial` shows no difference.
const FEW: usize = 16;

/// Factors, packed into machine words.
#[derive(Debug)]
pub(super) struct Factors {
    /// Full words.
    words: Vec<u64>,
    /// The product of the factors since the last full word.
    word: u64,
}

impl Factors {
    /// No factors yet; their product is 1.
    pub(super) fn new() -> Self {
        Self { words: Vec::new(), word: 1 }
    }

    /// Adds a factor.
    ///
    /// That a factor does not fit is found by multiplying: the product is wanted anyway, and the check is free.
    pub(super) fn push(&mut self, factor: u64) {
        if let Some(word) = self.word.checked_mul(factor) {
            self.word = word;
        } else {
            self.words.push(self.word);
            self.word = factor;
        }
    }

    /// Multiplies all factors.
    pub(super) fn product(mut self) -> BigUint {
        self.words.push(self.word);
        product(&self.words)
    }
}

/// Multiplies words, half by half.
fn product(words: &[u64]) -> BigUint {
    if words.len() <= FEW {
        let mut product = BigUint::from(1_u32);
        for &word in words {
            product *= word;
        }
        return product;
    }
    let (low, high) = words.split_at(words.len() / 2);
    multiply(&product(low), &product(high))
}
