//! The factorial: exact, fast, and divided among the workers of a pool; and a benchmark of pools that computes it.
//!
//! A benchmark of pools needs jobs of any size without input, whose results can be checked. 20! takes a few nanoseconds,
//! 1,000,000! half a second, and the checksum of a factorial can be computed without it.
//!
//! Reading order: [`tree`], the simple way; `sieve` (finds primes), `limbs` and `toom` (multiply large numbers),
//! `product` (multiplies many small ones), [`swing`](mod@swing) (the fast way); `job` and [`parted`] (for workers);
//! [`digits`] (what is shown of a result); [`benchmark`].

pub mod benchmark;
pub mod digits;
pub mod limbs;
pub mod parted;
pub mod sieve;
pub mod swing;
pub mod tree;

mod job;
mod product;
mod toom;

pub use job::Job;
pub use swing::factorial;
