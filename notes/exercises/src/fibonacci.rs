//! Chapter 7: a generator as an enum of places.
//!
//! ```python
//! def fibonacci():
//!     a, b = 0, 1
//!     while True:
//!         yield a
//!         a, b = b, a + b
//! ```

/// The places where the generator can stand, and the variables that it needs there.
#[derive(Debug)]
pub enum Fibonacci {
    /// In front of the first line.
    Begin,
}

impl Fibonacci {
    /// Goes on to the next `yield`. After the last number that fits into a `u64`, and from then on, `None`.
    pub fn resume(&mut self) -> Option<u64> {
        todo!()
    }
}

#[test]
fn fibonacci() {
    crate::judges::fibonacci(|| Fibonacci::Begin, Fibonacci::resume);
}
