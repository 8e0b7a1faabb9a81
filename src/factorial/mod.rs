//! The factorial: exact, quick, and parted over the workers of a pool.
//!
//! The contest of pools wants work that can be large or small, that needs no input, and whose result can be
//! checked. A factorial is all that: 20! takes a few nanoseconds, 1,000,000! half a second, and a checksum of the
//! result can be had without it.
//!
//! Read [`tree`] first, the plain way. Then [`swing`](mod@swing) with `sieve`, which finds its primes, and `product`,
//! which multiplies them; then `toom`, which multiplies what is large, on `limbs`. [`parted`] makes jobs of it, and
//! [`digits`] says what of a result is worth showing.

pub mod contest;
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
