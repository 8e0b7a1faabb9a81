//! The product of many small factors.
//!
//! One factor after another multiplies a long number by a short one each time, which takes time that grows with the
//! square of the result's length. Here the words are multiplied half by half: the two halves have about equal length,
//! because each word holds as many factors as fit.
//!
//! **Source**: D. J. Bernstein, "Fast multiplication and its applications", section 12, product trees.

use num_bigint::BigUint;

use super::toom::multiply;

/// Words that are multiplied one after another. From 4 to 64, the bench `factorial` shows no difference.
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
