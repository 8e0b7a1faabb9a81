//! Waking many tasks with wakers that may panic.

use std::task::Waker;

use crate::jobs::contain;

/// Wakes with every waker, also after one of them has panicked; the panic hook has reported that.
///
/// A waker may be any program's. Call this when nothing is borrowed or locked.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    let mut wakers = wakers.into_iter();
    let mut any_left = true;
    while any_left {
        // After a panic the rest is still in the iterator.
        contain(|| {
            wakers.by_ref().for_each(Waker::wake);
            any_left = false;
        });
    }
}
