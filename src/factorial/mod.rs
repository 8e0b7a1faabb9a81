//! The factorial: exact, fast, and divided among the workers of a pool; and a benchmark of pools that computes it.
//!
//! The benchmark needs jobs that can be small or large, that need no input, and whose results can be checked. A
//! factorial is such a job: 20! takes a few nanoseconds, 1,000,000! half a second, and its checksum can be computed
//! without it.
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
