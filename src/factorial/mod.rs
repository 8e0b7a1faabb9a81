//! The factorial: exact, fast, and divided among the workers of a pool; and a benchmark of pools that computes it.
//!
//! A benchmark of pools needs jobs of any size without input, whose results can be checked. 20! takes a few nanoseconds,
//! 1,000,000! half a second, and the checksum of a factorial can be computed without it.
//!
//! Reading order: `sieve` (finds primes), `limbs` and `toom` (multiply large numbers), [`swing`](mod@swing) (multiplies many
//! small ones, and so the factorial); `job` and [`parted`] (for workers); [`digits`] (what is shown of a result);
//! [`benchmark`].

pub mod benchmark;
pub mod digits;
pub mod limbs;
pub mod parted;
pub mod sieve;
pub mod swing;

mod job;
mod toom;

pub use job::{Job, Number};
pub use swing::factorial;
