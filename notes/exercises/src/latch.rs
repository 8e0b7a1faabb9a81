//! Chapter 3: a latch, which opens once.

/// Holds threads until a number of things have happened. Then it is open for good.
///
/// A mutex over the number and a condition variable are enough.
#[derive(Debug)]
pub struct Latch {}

impl Latch {
    /// Makes a latch that opens after so many calls of [`count_down`](Self::count_down).
    pub fn new(count: usize) -> Self {
        todo!("a latch that counts {count} down")
    }

    /// One of the things has happened. After the latch is open this does nothing.
    pub fn count_down(&self) {
        todo!()
    }

    /// Blocks until the latch is open.
    pub fn wait(&self) {
        todo!()
    }
}

#[test]
fn latch() {
    crate::judges::latch(Latch::new, Latch::count_down, Latch::wait);
}
